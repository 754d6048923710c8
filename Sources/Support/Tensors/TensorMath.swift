// TensorMath: numpy's element-wise arithmetic, functions and reductions, eight numbers at a time.

typealias Lanes = SIMD8<Float>

// MARK: Arithmetic, with broadcasting

extension Tensor {
    public static func + (a: Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 + $1 } }
    public static func - (a: Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 - $1 } }
    public static func * (a: Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 * $1 } }
    public static func / (a: Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 / $1 } }

    public static func + (a: Tensor, b: Float) -> Tensor { map(a) { $0 + b } }
    public static func * (a: Tensor, b: Float) -> Tensor { map(a) { $0 * b } }
    public static func / (a: Tensor, b: Float) -> Tensor { map(a) { $0 / b } }
    public static func + (a: Float, b: Tensor) -> Tensor { map(b) { a + $0 } }
    public static prefix func - (a: Tensor) -> Tensor { map(a) { -$0 } }
}

// MARK: Functions of every element

/// e to the power of every element, to within 2 units in the last place; infinities and NaN as in
/// C's expf, results below the smallest normal number become 0.
public func exp(_ x: Tensor) -> Tensor { map(x) { exponential($0) } }
public func sqrt(_ x: Tensor) -> Tensor { map(x) { $0.squareRoot() } }
public func cos(_ x: Tensor) -> Tensor { map(x) { x in Lanes { cos(x[$0]) } } }
public func sin(_ x: Tensor) -> Tensor { map(x) { x in Lanes { sin(x[$0]) } } }

/// `base` to the power of every element.
public func pow(_ base: Float, _ x: Tensor) -> Tensor {
    map(x) { x in Lanes { pow(base, x[$0]) } }
}

// MARK: Reductions; the axis stays, with size 1, as with numpy's `keepdims=True`

extension Tensor {
    public func sum(axis: Int) -> Tensor { reduce(self, axis: axis, Sum()) }
    public func mean(axis: Int) -> Tensor { sum(axis: axis) / Float(shape[axis]) }
    public func max(axis: Int) -> Tensor { reduce(self, axis: axis, Largest()) }

    /// The sum of the elements that are at least `least`, over all axes.
    func sum(ofThoseAtLeast least: Float) -> Float {
        let sums = reduce(reshaped(shape.count), axis: 0, SumOfLarge(least: least))
        return sums.withElements { $0.pointee }
    }

    /// The index of the largest element of a vector, the lowest among equals.
    /// - Precondition: not empty.
    public func argmax() -> Int {
        precondition(shape.rank == 1 && shape.count > 0, "argmax of shape \(shape)")
        let largest = max(axis: 0).values[0]
        let packed = contiguous()
        return packed.withElements { elements in
            var start = 0
            while start + 8 <= shape.count, !any(load(elements + start, 1, 8) .== largest) {
                start += 8
            }
            return (start..<shape.count).first { elements[$0] == largest } ?? 0
        }
    }

    /// Whether no element is infinite or NaN.
    public var isFinite: Bool {
        let sum = reduce(reshaped(shape.count), axis: 0, SumOfDifferences())
        return sum.withElements { $0.pointee == 0 }
    }
}

/// How a row becomes one number.
private protocol Reduction {
    var start: Float { get }
    func combine(_ soFar: Lanes, _ x: Lanes) -> Lanes
    /// Of what eight lanes have each come to.
    func combine(lanes: Lanes) -> Float
}

extension Reduction {
    var start: Float { 0 }
    @inline(__always) func combine(lanes: Lanes) -> Float { lanes.total }
}

private struct Sum: Reduction {
    @inline(__always) func combine(_ soFar: Lanes, _ x: Lanes) -> Lanes { soFar + x }
}

private struct SumOfLarge: Reduction {
    let least: Float

    @inline(__always) func combine(_ soFar: Lanes, _ x: Lanes) -> Lanes {
        soFar + x.replacing(with: 0, where: x .< least)
    }
}

/// x - x is 0 for every finite x, and NaN for all others.
private struct SumOfDifferences: Reduction {
    @inline(__always) func combine(_ soFar: Lanes, _ x: Lanes) -> Lanes { soFar + (x - x) }
}

private struct Largest: Reduction {
    var start: Float { -.infinity }
    @inline(__always) func combine(_ soFar: Lanes, _ x: Lanes) -> Lanes {
        soFar.replacing(with: x, where: x .> soFar)
    }
    @inline(__always) func combine(lanes: Lanes) -> Float { lanes.largest }
}

// MARK: Joining and masking

/// Joins tensors of one shape along a new axis, as `np.stack`.
public func stacked(_ parts: [Tensor], axis: Int) -> Tensor {
    let axis = axis < 0 ? axis + parts[0].shape.rank + 1 : axis
    let shape = parts[0].shape.inserting(parts.count, at: axis)
    let strides = shape.rowMajorStrides
    return Tensor(shape: shape) { out in
        for (i, part) in parts.enumerated() {
            precondition(
                part.shape == parts[0].shape, "cannot stack \(part.shape) with \(parts[0].shape)")
            copy(part, to: out + i * strides[axis], strides: strides.removing(axis))
        }
    }
}

extension Tensor {
    /// The upper triangle of a matrix from the `diagonal`-th diagonal on, 0 below: `np.triu`.
    public func upperTriangle(diagonal: Int = 0) -> Tensor {
        precondition(shape.rank == 2, "the upper triangle of shape \(shape)")
        let (rows, columns) = (shape[0], shape[1])
        return Tensor(shape: shape) { out in
            copy(self, to: out)
            for row in 0..<rows {
                let zeros = min(Swift.max(row + diagonal, 0), columns)
                (out + row * columns).update(repeating: 0, count: zeros)
            }
        }
    }
}

// MARK: How it is done

@inline(__always)
private func map(_ a: Tensor, _ function: (Lanes) -> Lanes) -> Tensor {
    let a = a.widened
    return Tensor(shape: a.shape) { out in
        let loop = TensorLoop(a.shape, out: a.shape.rowMajorStrides, a: a.strides, b: a.strides)
        let step = loop.steps.a
        a.withElements { a in
            loop.forEachRow { outOffset, aOffset, _, count in
                let (out, a) = (out + outOffset, a + aOffset)
                forEachLanes(count, packed: step == 1) { i, n, isPacked in
                    store(function(load(a + i * step, isPacked ? 1 : step, n)), out + i, n)
                }
            }
        }
    }
}

@inline(__always)
private func combine(_ a: Tensor, _ b: Tensor, _ function: (Lanes, Lanes) -> Lanes) -> Tensor {
    let shape = a.shape.broadcast(with: b.shape)
    let (a, b) = (a.widened.broadcast(to: shape), b.widened.broadcast(to: shape))
    return Tensor(shape: shape) { out in
        let loop = TensorLoop(shape, out: shape.rowMajorStrides, a: a.strides, b: b.strides)
        let (_, aStep, bStep) = loop.steps
        a.withElements { a in
            b.withElements { b in
                loop.forEachRow { outOffset, aOffset, bOffset, count in
                    let (out, a, b) = (out + outOffset, a + aOffset, b + bOffset)
                    forEachLanes(count, packed: aStep == 1 && bStep == 1) { i, n, isPacked in
                        let x = load(a + i * aStep, isPacked ? 1 : aStep, n)
                        let y = load(b + i * bStep, isPacked ? 1 : bStep, n)
                        store(function(x, y), out + i, n)
                    }
                }
            }
        }
    }
}

@inline(__always)
private func reduce<R: Reduction>(_ a: Tensor, axis: Int, _ reduction: R) -> Tensor {
    // the axis goes last; every row of the others then gives one number
    let axis = a.shape.index(of: axis)
    let rows = a.widened.transposed(axis, -1)
    let (count, step) = (rows.shape[-1], rows.strides[-1])
    var kept = rows.shape
    kept[-1] = 1
    return Tensor(shape: kept) { out in
        let loop = TensorLoop(kept, out: kept.rowMajorStrides, a: rows.strides, b: rows.strides)
        let (outStep, rowStep, _) = loop.steps
        rows.withElements { elements in
            loop.forEachRow { outOffset, offset, _, rowCount in
                for row in 0..<rowCount {
                    let a = elements + offset + row * rowStep
                    // four results, so that one step need not wait for the one before it
                    var r0 = Lanes(repeating: reduction.start)
                    var (r1, r2, r3) = (r0, r0, r0)
                    var i = 0
                    while step == 1 && i + 32 <= count {
                        r0 = reduction.combine(r0, load(a + i, 1, 8))
                        r1 = reduction.combine(r1, load(a + i + 8, 1, 8))
                        r2 = reduction.combine(r2, load(a + i + 16, 1, 8))
                        r3 = reduction.combine(r3, load(a + i + 24, 1, 8))
                        i += 32
                    }
                    while i < count {
                        let n = Swift.min(8, count - i)
                        let x = load(a + i * step, step, n, padding: reduction.start)
                        r0 = reduction.combine(r0, x)
                        i += 8
                    }
                    let lanes = reduction.combine(
                        reduction.combine(r0, r1), reduction.combine(r2, r3))
                    out[outOffset + row * outStep] = reduction.combine(lanes: lanes)
                }
            }
        }
    }.transposed(axis, -1)
}

/// Cuts 0 ..< `count` into eights, the last one shorter. For packed elements, `body` is compiled a
/// second time, with constant steps.
@inline(__always)
func forEachLanes(
    _ count: Int, packed: Bool, _ body: (_ start: Int, _ count: Int, _ isPacked: Bool) -> Void
) {
    var i = 0
    if packed {
        while i + 8 <= count {
            body(i, 8, true)
            i += 8
        }
    }
    while i < count {
        body(i, Swift.min(8, count - i), false)
        i += 8
    }
}

@inline(__always)
func load(
    _ p: UnsafePointer<Float>, _ step: Int, _ count: Int, padding: Float = 0
) -> Lanes {
    if step == 1 && count == 8 { return UnsafeRawPointer(p).loadUnaligned(as: Lanes.self) }
    if step == 0 && count == 8 { return Lanes(repeating: p.pointee) }
    if count == 8 { return Lanes { p[$0 * step] } }
    var lanes = Lanes(repeating: padding)
    for i in 0..<count { lanes[i] = p[i * step] }
    return lanes
}

@inline(__always)
func store(_ lanes: Lanes, _ p: UnsafeMutablePointer<Float>, _ count: Int) {
    if count == 8 {
        UnsafeMutableRawPointer(p).storeBytes(of: lanes, as: Lanes.self)
    } else {
        for i in 0..<count { p[i] = lanes[i] }
    }
}

extension SIMD8<Float> {
    /// The sum of all, half by half.
    @inline(__always)
    var total: Float {
        let four = lowHalf + highHalf
        let two = four.lowHalf + four.highHalf
        return two[0] + two[1]
    }

    /// The largest of all, half by half.
    @inline(__always)
    var largest: Float {
        let four = lowHalf.replacing(with: highHalf, where: highHalf .> lowHalf)
        return Swift.max(Swift.max(four[0], four[1]), Swift.max(four[2], four[3]))
    }

    @inline(__always)
    fileprivate init(_ element: (Int) -> Float) {
        self.init()
        for i in 0..<8 { self[i] = element(i) }
    }
}

/// e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2, where a polynomial is exact enough:
/// the Taylor series up to r^7.
@inline(__always)
func exponential(_ x: Lanes) -> Lanes {
    // adding 1.5 · 2^23 leaves the rounded number in the low bits
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
    // 2^n in two factors, since n = 128 has no exponent of its own
    let power = unsafeBitCast(shifted, to: SIMD8<Int32>.self) &- 0x4B40_0000
    let half = power &>> 1
    let bias = SIMD8<Int32>(repeating: 127)
    p *= unsafeBitCast((half &+ bias) &<< 23, to: Lanes.self)
    p *= unsafeBitCast((power &- half &+ bias) &<< 23, to: Lanes.self)
    p.replace(with: .infinity, where: x .> 88.722_84)
    p.replace(with: 0, where: x .< -87.336_54)
    p.replace(with: x, where: x .!= x)
    return p
}
