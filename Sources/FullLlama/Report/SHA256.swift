// SHA256: the hash that the report's content security policy names its script by (FIPS 180-4).

/// The hash of `message`, 32 bytes.
func sha256(_ message: [UInt8]) -> [UInt8] {
    // the fractions of the square and cube roots of the first primes
    let primes = (2...311).filter { n in !(2..<n).contains { n % $0 == 0 } }
    func fraction(_ root: Double) -> UInt32 { UInt32((root - root.rounded(.down)) * 4_294_967_296) }
    var hash = primes.prefix(8).map { fraction(Double($0).squareRoot()) }
    let constants = primes.map { fraction(cubeRoot(Double($0))) }

    var bytes = message + [0x80]
    bytes += Array(repeating: 0, count: (120 - bytes.count % 64) % 64)
    let bitCount = UInt64(message.count) * 8
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: bitCount >> (56 - 8 * UInt64($0))) }

    func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
    for start in stride(from: 0, to: bytes.count, by: 64) {
        var w = (0..<16).map { i in
            bytes[(start + 4 * i)..<(start + 4 * i + 4)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        }
        for i in 16..<64 {
            let (a, b) = (w[i - 15], w[i - 2])
            let s0 = rotated(a, 7) ^ rotated(a, 18) ^ (a >> 3)
            let s1 = rotated(b, 17) ^ rotated(b, 19) ^ (b >> 10)
            w.append(w[i - 16] &+ s0 &+ w[i - 7] &+ s1)
        }
        var v = hash  // a, b, c, d, e, f, g, h
        for i in 0..<64 {
            let s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let first: UInt32 = v[7] &+ s1 &+ choice &+ constants[i] &+ w[i]
            let s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22)
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            v = [first &+ s0 &+ majority, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for i in 0..<8 { hash[i] = hash[i] &+ v[i] }
    }
    return hash.flatMap { word in
        (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * UInt32($0))) }
    }
}

/// Newton's method, to the last bits of a Double.
private func cubeRoot(_ x: Double) -> Double {
    var root = x
    for _ in 0..<60 {
        let square = root * root
        root -= (square * root - x) / (3 * square)
    }
    return root
}
