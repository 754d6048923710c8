// TensorMath: numpy's element-wise arithmetic and functions, its reductions, stack and triu. An
// operator whose left operand nobody else refers to writes its result into that operand's memory.

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

// MARK: Functions of every element

/// e to the power of every element, to within 2 units in the last place.
public func exp(_ x: consuming Tensor) -> Tensor { map(x) { exponential($0) } }
public func sqrt(_ x: consuming Tensor) -> Tensor { map(x) { $0.squareRoot() } }
public func cos(_ x: consuming Tensor) -> Tensor { map(x) { x in Lanes { cos(x[$0]) } } }
public func sin(_ x: consuming Tensor) -> Tensor { map(x) { x in Lanes { sin(x[$0]) } } }

/// `base` to the power of every element.
public func pow(_ base: Float, _ x: consuming Tensor) -> Tensor {
    map(x) { x in Lanes { pow(base, x[$0]) } }
}

// MARK: Reductions; the axis stays, with size 1, as with numpy's `keepdims=True`

extension Tensor {
    public func sum(axis: Int) -> Tensor { reduce(self, axis: axis, Sum()) }
    public func mean(axis: Int) -> Tensor { sum(axis: axis) / Float(shape[axis]) }
    public func max(axis: Int) -> Tensor { reduce(self, axis: axis, Maximum()) }

    /// The index of the largest element of a vector, the lowest among equals.
    /// - Precondition: not empty.
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

/// How a row becomes one number.
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

// MARK: The loops behind all of them

@inline(__always)
private func map(_ a: consuming Tensor, _ function: (Lanes) -> Lanes) -> Tensor {
    var a = a.widened()
    let (source, shape, strides) = (a.elements, a.shape, a.strides)
    return a.withResult(of: shape) { out in
        let loop = TensorLoop(shape, out: shape.rowMajorStrides, a: strides, b: strides)
        let step = loop.steps.a
        loop.forEachRow { outOffset, aOffset, _, count in
            let (out, a) = (out + outOffset, source + aOffset)
            forEachLanes(count, contiguous: step == 1) { i, n, isContiguous in
                let x = load(a + i * step, step: isContiguous ? 1 : step, count: n)
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
    let (aStrides, bStrides) = (a.strides(stretchedTo: shape), b.strides(stretchedTo: shape))
    return a.withResult(of: shape) { out in
        let loop = TensorLoop(shape, out: shape.rowMajorStrides, a: aStrides, b: bStrides)
        let (_, aStep, bStep) = loop.steps
        withExtendedLifetime(b) {
            loop.forEachRow { outOffset, aOffset, bOffset, count in
                let (out, a, b) = (out + outOffset, aElements + aOffset, bElements + bOffset)
                forEachLanes(count, contiguous: aStep == 1 && bStep == 1) { i, n, isContiguous in
                    let x = load(a + i * aStep, step: isContiguous ? 1 : aStep, count: n)
                    let y = load(b + i * bStep, step: isContiguous ? 1 : bStep, count: n)
                    store(function(x, y), out + i, count: n)
                }
            }
        }
    }
}

extension Tensor {
    /// The first element's place, as long as the storage lives.
    fileprivate var elements: Pointer { Pointer(storage.elements() + offset) }

    /// A tensor for `body` to fill while it reads this one: in this one's own memory if nothing else
    /// refers to it, otherwise in fresh memory.
    @inline(__always)
    fileprivate mutating func withResult(
        of shape: Shape, _ body: (MutablePointer) -> Void
    ) -> Tensor {
        if self.shape == shape, isContiguous, storage.isWritable,
            isKnownUniquelyReferenced(&storage)
        {
            body(storage.elements() + offset)
            return self
        }
        return withExtendedLifetime(storage) { Tensor(shape: shape, body: body) }
    }
}

@inline(__always)
private func reduce<R: Reduction>(_ a: Tensor, axis: Int, _ reduction: R) -> Tensor {
    // the axis goes last; every row of the others then gives one number
    let axis = a.shape.index(of: axis)
    let rows = a.widened().transposed(axis, -1)
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
                        r0 = reduction.combine(r0, load(a + i, step: 1, count: 8))
                        r1 = reduction.combine(r1, load(a + i + 8, step: 1, count: 8))
                        r2 = reduction.combine(r2, load(a + i + 16, step: 1, count: 8))
                        r3 = reduction.combine(r3, load(a + i + 24, step: 1, count: 8))
                        i += 32
                    }
                    while i < count {
                        let n = Swift.min(8, count - i)
                        let x = load(a + i * step, step: step, count: n, padding: reduction.start)
                        r0 = reduction.combine(r0, x)
                        i += 8
                    }
                    let lanes = reduction.combine(
                        reduction.combine(r0, r1), reduction.combine(r2, r3))
                    out[outOffset + row * outStep] = reduction.horizontal(lanes)
                }
            }
        }
    }.transposed(axis, -1)
}
