// Encoding: Floats as elements of another type. The writer of GGUF uses it. Blocks follow ggml's
// rules (see docs/weights.md), so that they equal those of its own tools bit for bit.

import CIntrinsics

extension ElementType {
    /// The types that Floats can be encoded in.
    package static let encodable = numbers + [q8, q4]

    /// The bytes of elements of this type with the nearest values.
    /// - Parameter values: whole blocks.
    /// - Returns: nil if a value is not finite, in Float or in this type; F32 has every value.
    /// - Precondition: the type is `encodable`.
    func bytes(of values: [Float]) -> [UInt8]? {
        if self == .float32 { return values.withUnsafeBytes { Array($0) } }
        guard values.allSatisfy(\.isFinite) else { return nil }
        switch self {
        case .float16: return narrowed(values, exponent: 0x7C00) { narrow_half($0) }
        case .bfloat16:
            return narrowed(values, exponent: 0x7F80) {
                // round to the nearest, and to the even one of two
                let bits = $0.bitPattern
                return UInt16((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
            }
        case .q8: return blocks(of: values, q8Block)
        case .q4: return blocks(of: values, q4Block)
        case .float32, .q4K, .q5K, .q6K: preconditionFailure("\(rawValue) is not encodable")
        }
    }

    /// - Parameter exponent: the bits that are all set in an infinity only.
    private func narrowed(
        _ values: [Float], exponent: UInt16, _ bits: (Float) -> UInt16
    ) -> [UInt8]? {
        let numbers = values.map(bits)
        guard numbers.allSatisfy({ $0 & exponent != exponent }) else { return nil }
        return numbers.withUnsafeBytes { Array($0) }
    }

    /// - Parameter encode: writes the integers of a block, and returns its scale.
    private func blocks(
        of values: [Float],
        _ encode: (UnsafePointer<Float>, UnsafeMutablePointer<UInt8>) -> Float
    ) -> [UInt8]? {
        var isFinite = true
        let size = byteCount(values.count)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { bytes, count in
            values.withUnsafeBufferPointer { values in
                for block in 0..<values.count / blockSize {
                    let target = bytes.baseAddress! + block * blockByteCount
                    let scale = encode(values.baseAddress! + block * blockSize, target + 2)
                    let half = narrow_half(scale)
                    UnsafeMutableRawPointer(target).storeBytes(of: half, as: UInt16.self)
                    isFinite = isFinite && widen_half(half).isFinite
                }
            }
            count = size
        }
        return isFinite ? bytes : nil
    }
}

/// 32 integers from -127 to 127.
private func q8Block(_ values: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) -> Float {
    var largest: Float = 0
    for i in 0..<32 { largest = max(largest, abs(values[i])) }
    let scale = largest / 127
    let inverse = reciprocal(of: scale)
    for i in 0..<32 {
        let integer = (values[i] * inverse).rounded(.toNearestOrAwayFromZero)
        out[i] = UInt8(bitPattern: Int8(integer))
    }
    return scale
}

/// 32 integers from 0 to 15, of which 8 stands for 0: weight i in the low half of a byte, weight
/// i + 16 in the high one. The weight of the largest magnitude, the first of several, gets 0.
private func q4Block(_ values: UnsafePointer<Float>, _ out: UnsafeMutablePointer<UInt8>) -> Float {
    var extreme = values[0]
    for i in 1..<32 where abs(values[i]) > abs(extreme) { extreme = values[i] }
    let scale = extreme / -8
    let inverse = reciprocal(of: scale)
    func integer(_ i: Int) -> UInt8 { min(15, UInt8(values[i] * inverse + 8.5)) }
    for i in 0..<16 { out[i] = integer(i) | integer(i + 16) << 4 }
    return scale
}

/// 0 where there is none: the block's scale is 0 in half precision, too.
private func reciprocal(of scale: Float) -> Float {
    let inverse = 1 / scale
    return inverse.isFinite ? inverse : 0
}
