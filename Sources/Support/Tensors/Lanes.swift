// Lanes: a vector of 16 Floats, the unit of all element-wise arithmetic, with strided loads and
// stores, horizontal sum and maximum, and the exponential function.

typealias Lanes = SIMD16<Float>
typealias Pointer = UnsafePointer<Float>
typealias MutablePointer = UnsafeMutablePointer<Float>

/// Calls `body` for every 16 indices of 0 ..< `count`; the last call may have fewer. For contiguous
/// elements, `body` is compiled a second time with constant strides.
@inline(__always)
func forEachLanes(
    _ count: Int, contiguous: Bool,
    _ body: (_ start: Int, _ count: Int, _ isContiguous: Bool) -> Void
) {
    var i = 0
    if contiguous {
        while i + Lanes.scalarCount <= count {
            body(i, Lanes.scalarCount, true)
            i += Lanes.scalarCount
        }
    }
    while i < count {
        body(i, min(Lanes.scalarCount, count - i), false)
        i += Lanes.scalarCount
    }
}

@inline(__always)
func load(_ p: Pointer, stride: Int, count: Int, padding: Float = 0) -> Lanes {
    if count == Lanes.scalarCount {
        if stride == 1 { return UnsafeRawPointer(p).loadUnaligned(as: Lanes.self) }
        return stride == 0 ? Lanes(repeating: p.pointee) : Lanes { p[$0 * stride] }
    }
    var lanes = Lanes(repeating: padding)
    for i in 0..<count { lanes[i] = p[i * stride] }
    return lanes
}

@inline(__always)
func store(_ lanes: Lanes, _ p: MutablePointer, count: Int = Lanes.scalarCount) {
    if count == Lanes.scalarCount {
        UnsafeMutableRawPointer(p).storeBytes(of: lanes, as: Lanes.self)
    } else {
        for i in 0..<count { p[i] = lanes[i] }
    }
}

@inline(__always)
func store(_ eight: SIMD8<Float>, _ p: MutablePointer) {
    UnsafeMutableRawPointer(p).storeBytes(of: eight, as: SIMD8<Float>.self)
}

extension SIMD16<Float> {
    @inline(__always)
    init(_ element: (Int) -> Float) {
        self.init()
        for i in 0..<16 { self[i] = element(i) }
    }

    @inline(__always)
    var horizontalSum: Float { (lowHalf + highHalf).horizontalSum }

    @inline(__always)
    var horizontalMax: Float {
        let eight = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        let four = eight.lowHalf.replacing(
            with: eight.highHalf, where: eight.highHalf .> eight.lowHalf)
        return Swift.max(Swift.max(four[0], four[1]), Swift.max(four[2], four[3]))
    }
}

extension SIMD8<Float> {
    @inline(__always)
    var horizontalSum: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }
}

/// Computes e^x = 2^n · e^r with n = round(x / ln 2), so that |r| ≤ ln 2 / 2, and e^r by its Taylor
/// series up to r^7. The error is at most 2 units in the last place. Infinities and NaN give the
/// same results as in C's expf; results below the smallest normal number become 0.
@inline(__always)
func exponential(_ x: Lanes) -> Lanes {
    // adding 1.5 · 2^23 leaves the rounded quotient in the low bits
    let magic = Lanes(repeating: 12_582_912)
    let shifted = magic.addingProduct(x, Lanes(repeating: 1.442_695_04))
    let n = shifted - magic
    // ln 2 in two parts, so that n · ln 2 is subtracted exactly
    var r = x.addingProduct(n, Lanes(repeating: -0.693_145_751_953_125))
    r = r.addingProduct(n, Lanes(repeating: -1.428_606_765_330_187e-6))
    var p = Lanes(repeating: 1 / 5040)
    p = Lanes(repeating: 1 / 720).addingProduct(p, r)
    p = Lanes(repeating: 1 / 120).addingProduct(p, r)
    p = Lanes(repeating: 1 / 24).addingProduct(p, r)
    p = Lanes(repeating: 1 / 6).addingProduct(p, r)
    p = Lanes(repeating: 1 / 2).addingProduct(p, r)
    p = Lanes(repeating: 1).addingProduct(p, r)
    p = Lanes(repeating: 1).addingProduct(p, r)
    // 2^n in two factors, because 2^128 is not a Float
    let power = unsafeBitCast(shifted, to: SIMD16<Int32>.self) &- 0x4B40_0000
    let half = power &>> 1
    let bias = SIMD16<Int32>(repeating: 127)
    p *= unsafeBitCast((half &+ bias) &<< 23, to: Lanes.self)
    p *= unsafeBitCast((power &- half &+ bias) &<< 23, to: Lanes.self)
    p.replace(with: .infinity, where: x .> 88.722_84)
    p.replace(with: 0, where: x .< -87.336_54)
    p.replace(with: x, where: x .!= x)
    return p
}
