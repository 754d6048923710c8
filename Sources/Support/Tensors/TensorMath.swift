// TensorMath: numpy's element-wise arithmetic, reductions, stack and triu (the causal mask). If an
// operator's left operand is not referenced elsewhere, the result overwrites it in memory.

// MARK: Arithmetic, with broadcasting

extension Tensor {
    public static func + (a: consuming Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 + $1 } }
    public static func - (a: consuming Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 - $1 } }
    public static func * (a: consuming Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 * $1 } }
    public static func / (a: consuming Tensor, b: Tensor) -> Tensor { combine(a, b) { $0 / $1 } }

    public static func + (a: consuming Tensor, b: Float) -> Tensor { map(a) { $0 + b } }
    public static func * (a: consuming Tensor, b: Float) -> Tensor { map(a) { $0 * b } }
    public static func / (a: consuming Tensor, b: Float) -> Tensor { map(a) { $0 / b } }
    public static func + (a: Float, b: consuming Tensor) -> Tensor { map(b) { a + $0 } }
    public static prefix func - (a: consuming Tensor) -> Tensor { map(a) { -$0 } }
}

// MARK: Element-wise functions

/// e to the power of every element; the error is at most 2 units in the last place.
public func exp(_ x: consuming Tensor) -> Tensor { map(x) { exponential($0) } }
public func sqrt(_ x: consuming Tensor) -> Tensor { map(x) { $0.squareRoot() } }
public func cos(_ x: consuming Tensor) -> Tensor { map(x) { x in Lanes { cos(x[$0]) } } }
public func sin(_ x: consuming Tensor) -> Tensor { map(x) { x in Lanes { sin(x[$0]) } } }

/// `base` to the power of every element.
public func pow(_ base: Float, _ x: consuming Tensor) -> Tensor {
    map(x) { x in Lanes { pow(base, x[$0]) } }
}

// MARK: Reductions, which keep the axis with size 1 (numpy's `keepdims=True`)

extension Tensor {
    public func sum(axis: Int) -> Tensor { reduce(self, axis: axis, Sum()) }
    public func mean(axis: Int) -> Tensor { sum(axis: axis) / Float(shape[axis]) }
    public func max(axis: Int) -> Tensor { reduce(self, axis: axis, Maximum()) }

    /// The index of the largest element of a vector; the lowest index among equal elements.
    /// - Precondition: the vector is not empty.
    public func argmax() -> Int {
        precondition(shape.rank == 1 && shape.count > 0, "argmax of shape \(shape)")
        return contiguous().withElements { elements in
            (1..<shape.count).reduce(0) { elements[$1] > elements[$0] ? $1 : $0 }
        }
    }

    /// Whether no element is infinite or NaN.
    public var isFinite: Bool {
        let flat = reshaped(shape.count)
        return (flat - flat).sum(axis: 0).values[0] == 0  // x - x is 0 for finite x, otherwise NaN
    }
}

/// Reduces a row to one number.
private protocol Reduction {
    var start: Float { get }
    func combine(_ a: Lanes, _ b: Lanes) -> Lanes
    func horizontal(_ lanes: Lanes) -> Float
}

private struct Sum: Reduction {
    var start: Float { 0 }
    @inline(__always) func combine(_ a: Lanes, _ b: Lanes) -> Lanes { a + b }
    @inline(__always) func horizontal(_ lanes: Lanes) -> Float { lanes.horizontalSum }
}

private struct Maximum: Reduction {
    var start: Float { -.infinity }
    @inline(__always) func combine(_ a: Lanes, _ b: Lanes) -> Lanes {
        a.replacing(with: b, where: b .> a)
    }
    @inline(__always) func horizontal(_ lanes: Lanes) -> Float { lanes.horizontalMax }
}

// MARK: Joining and masking

/// Joins tensors of the same shape along a new axis, like `np.stack`.
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
    /// Sets the elements of each matrix on and above the `diagonal`-th diagonal to `value`, like an
    /// assignment at `np.triu_indices`.
    public mutating func fillUpperTriangle(diagonal: Int, with value: Float) {
        let (rows, columns) = (shape[-2], shape[-1])
        if !isUniquelyOwned { self = Tensor(shape: shape) { copy(self, to: $0) } }
        let start = storage.elements() + offset
        ThreadPool.shared.run(shape.count / Swift.max(1, rows * columns)) { matrix in
            for row in 0..<rows {
                let kept = min(Swift.max(row + diagonal, 0), columns)
                let end = start + (matrix * rows + row) * columns
                (end + kept).update(repeating: value, count: columns - kept)
            }
        }
    }
}

// MARK: Loops

@inline(__always)
private func map(_ a: consuming Tensor, _ function: (Lanes) -> Lanes) -> Tensor {
    var a = a.widened()
    let (source, shape, strides) = (a.elements, a.shape, a.strides)
    return a.withResult(of: shape) { out in
        let loop = TensorLoop(shape, out: shape.rowMajorStrides, a: strides, b: strides)
        let stride = loop.rowStrides.a
        loop.forEachRow { outOffset, aOffset, _, count in
            let (out, a) = (out + outOffset, source + aOffset)
            forEachLanes(count, contiguous: stride == 1) { i, n, isContiguous in
                let x = load(a + i * stride, stride: isContiguous ? 1 : stride, count: n)
                store(function(x), out + i, count: n)
            }
        }
    }
}

@inline(__always)
private func combine(
    _ a: consuming Tensor, _ b: Tensor, _ function: (Lanes, Lanes) -> Lanes
) -> Tensor {
    let shape = a.shape.broadcast(with: b.shape)
    var a = a.widened()
    let b = b.widened()
    let (aElements, bElements) = (a.elements, b.elements)
    let (aStrides, bStrides) = (a.strides(broadcastTo: shape), b.strides(broadcastTo: shape))
    return a.withResult(of: shape) { out in
        let loop = TensorLoop(shape, out: shape.rowMajorStrides, a: aStrides, b: bStrides)
        let (_, aStride, bStride) = loop.rowStrides
        withExtendedLifetime(b) {
            loop.forEachRow { outOffset, aOffset, bOffset, count in
                let (out, a, b) = (out + outOffset, aElements + aOffset, bElements + bOffset)
                forEachLanes(count, contiguous: aStride == 1 && bStride == 1) {
                    i, n, isContiguous in
                    let x = load(a + i * aStride, stride: isContiguous ? 1 : aStride, count: n)
                    let y = load(b + i * bStride, stride: isContiguous ? 1 : bStride, count: n)
                    store(function(x, y), out + i, count: n)
                }
            }
        }
    }
}

extension Tensor {
    /// A pointer to the first element, valid while the storage lives.
    fileprivate var elements: Pointer { Pointer(storage.elements() + offset) }

    /// Whether the elements are contiguous Floats in memory that nothing else references.
    fileprivate var isUniquelyOwned: Bool {
        mutating get {
            isContiguous && storage.isWritable && isKnownUniquelyReferenced(&storage)
        }
    }

    /// A tensor that `body` fills while it reads this one: in this tensor's memory if nothing else
    /// references it, otherwise in new memory.
    @inline(__always)
    fileprivate mutating func withResult(
        of shape: Shape, _ body: (MutablePointer) -> Void
    ) -> Tensor {
        if self.shape == shape && isUniquelyOwned {
            body(storage.elements() + offset)
            return self
        }
        return withExtendedLifetime(storage) { Tensor(shape: shape, body: body) }
    }
}

@inline(__always)
private func reduce<R: Reduction>(_ a: Tensor, axis: Int, _ reduction: R) -> Tensor {
    // move the axis last, so that every row gives one number
    let axis = a.shape.index(of: axis)
    let rows = a.widened().transposed(axis, -1)
    let (count, stride) = (rows.shape[-1], rows.strides[-1])
    var kept = rows.shape
    kept[-1] = 1
    return Tensor(shape: kept) { out in
        let loop = TensorLoop(kept, out: kept.rowMajorStrides, a: rows.strides, b: rows.strides)
        let (outStride, rowStride, _) = loop.rowStrides
        rows.withElements { elements in
            loop.forEachRow { outOffset, offset, _, rowCount in
                for row in 0..<rowCount {
                    let a = elements + offset + row * rowStride
                    // four partial results, so that an operation need not wait for the previous one
                    var r0 = Lanes(repeating: reduction.start)
                    var (r1, r2, r3) = (r0, r0, r0)
                    var i = 0
                    let width = Lanes.scalarCount
                    while stride == 1 && i + 4 * width <= count {
                        let x = a + i
                        r0 = reduction.combine(r0, load(x, stride: 1, count: width))
                        r1 = reduction.combine(r1, load(x + width, stride: 1, count: width))
                        r2 = reduction.combine(r2, load(x + 2 * width, stride: 1, count: width))
                        r3 = reduction.combine(r3, load(x + 3 * width, stride: 1, count: width))
                        i += 4 * width
                    }
                    while i < count {
                        let n = Swift.min(width, count - i)
                        let x = load(
                            a + i * stride, stride: stride, count: n, padding: reduction.start)
                        r0 = reduction.combine(r0, x)
                        i += width
                    }
                    let lanes = reduction.combine(
                        reduction.combine(r0, r1), reduction.combine(r2, r3))
                    out[outOffset + row * outStride] = reduction.horizontal(lanes)
                }
            }
        }
    }.transposed(axis, -1)
}
