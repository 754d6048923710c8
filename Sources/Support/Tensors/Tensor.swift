// Tensor: a numpy-like array of Float. Views (reshaped, transposed, slices) share their storage;
// arithmetic is in TensorMath.swift, matmul in Matmul.swift.

/// The memory behind one or more tensors: owned, or borrowed, for example from a mapped file.
final class Storage {
    /// The first element's place; of a Float only if `element` says so.
    let base: UnsafeMutablePointer<Float>
    let count: Int
    let element: ElementType
    private let owner: AnyObject?

    init(count: Int, element: ElementType = .float32) {
        base = Recycler.allocate(byteCount: count * element.size)
            .assumingMemoryBound(to: Float.self)
        (self.count, self.element, owner) = (count, element, nil)
    }

    /// Borrows memory of any element type, which `owner` keeps alive and nobody writes to.
    init(borrowing base: UnsafeRawPointer, count: Int, element: ElementType, owner: AnyObject) {
        self.base = UnsafeMutableRawPointer(mutating: base).assumingMemoryBound(to: Float.self)
        (self.count, self.element, self.owner) = (count, element, owner)
    }

    /// The elements, if they are halves.
    func halves<E: Element>(as type: E.Type) -> UnsafePointer<E> {
        UnsafeRawPointer(base).assumingMemoryBound(to: E.self)
    }

    var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: base, count: count * element.size)
    }

    /// Whether a tensor may write Floats behind its own.
    var isWritable: Bool { owner == nil && element == .float32 }

    deinit { if owner == nil { Recycler.free(base, byteCount: count * element.size) } }
}

/// A row-major array of `Float` with up to four axes, and value semantics: what is written after a
/// tensor is made, by `append`, is seen by no other. Weights may be of another `element` type; they
/// are widened where they are read.
public struct Tensor: @unchecked Sendable {
    var storage: Storage
    let offset: Int
    public let shape: Shape
    let strides: Shape  // the steps between neighbours, in elements; 0 along a broadcast axis

    init(storage: Storage, offset: Int, shape: Shape, strides: Shape) {
        (self.storage, self.offset, self.shape, self.strides) = (storage, offset, shape, strides)
    }

    /// Fresh memory, row-major, for `body` to fill.
    init(shape: Shape, body: (UnsafeMutablePointer<Float>) -> Void) {
        let storage = Storage(count: shape.count)
        self.init(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
        body(storage.base)
    }

    /// `values` in row-major order.
    /// - Precondition: as many values as `shape` holds; a vector if `shape` is nil.
    public init(_ values: [Float], shape: Shape? = nil) {
        let shape = shape ?? [values.count]
        precondition(shape.count == values.count, "\(values.count) values do not fill \(shape)")
        self.init(shape: shape) { $0.initialize(from: values, count: values.count) }
    }

    /// A single number, shape [].
    public init(_ value: Float) { self.init(shape: []) { $0.pointee = value } }

    /// The numbers of `range`, as `np.arange` makes them.
    public init(_ range: Range<Int>) { self.init(range.map(Float.init)) }

    public static func full(_ shape: Shape, _ value: Float) -> Tensor {
        Tensor(shape: shape) { $0.initialize(repeating: value, count: shape.count) }
    }

    /// The elements in row-major order, copied.
    public var values: [Float] {
        contiguous().withElements { Array(UnsafeBufferPointer(start: $0, count: shape.count)) }
    }

    public var element: ElementType { storage.element }

    /// The elements in row-major order as they are stored, valid during `body`.
    /// - Precondition: they lie one after the other.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(isContiguous)
        let (start, count) = (offset * element.size, shape.count * element.size)
        return try withExtendedLifetime(storage) {
            try body(UnsafeRawBufferPointer(rebasing: storage.bytes[start..<start + count]))
        }
    }

    /// The bytes of the memory behind this tensor, of which it may show a part.
    public var storageBytes: Int { storage.count * element.size }

    /// The first element's place, valid during `body`.
    /// - Precondition: the elements are of type Float.
    @inline(__always)
    func withElements<Result>(_ body: (UnsafePointer<Float>) -> Result) -> Result {
        withExtendedLifetime(storage) { body(UnsafePointer(storage.base + offset)) }
    }

    // MARK: Views

    /// The same elements under another shape; a copy only where strides cannot express it.
    /// - Precondition: as many elements.
    public func reshaped(_ sizes: Int...) -> Tensor { reshaped(to: Shape(sizes)) }

    public func reshaped(to new: Shape) -> Tensor {
        precondition(new.count == shape.count, "cannot reshape \(shape) to \(new)")
        guard let strides = strides(reshapedTo: new) else { return contiguous().reshaped(to: new) }
        return Tensor(storage: storage, offset: offset, shape: new, strides: strides)
    }

    /// Swaps two axes, the last two unless others are named; a view.
    public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
        Tensor(
            storage: storage, offset: offset,
            shape: shape.swapping(a, b), strides: strides.swapping(a, b))
    }

    /// One index of an axis, which disappears; a view, as `x[..., index]` in numpy.
    public func selecting(_ index: Int, axis: Int) -> Tensor {
        let axis = shape.index(of: axis)
        let size = shape[axis]
        let position = index < 0 ? index + size : index
        precondition(
            position >= 0 && position < size, "no index \(index) on axis \(axis) of \(shape)")
        return Tensor(
            storage: storage, offset: offset + position * strides[axis],
            shape: shape.removing(axis), strides: strides.removing(axis))
    }

    /// One index of the first axis, counted from the end if negative; a view.
    public subscript(index: Int) -> Tensor { selecting(index, axis: 0) }

    /// A range of the first axis; a view.
    public subscript(range: Range<Int>) -> Tensor {
        precondition(
            range.lowerBound >= 0 && range.upperBound <= shape[0], "no rows \(range) in \(shape)")
        var part = shape
        part[0] = range.count
        return Tensor(
            storage: storage, offset: offset + range.lowerBound * strides[0],
            shape: part, strides: strides)
    }

    /// The named rows of the first axis, copied: `table[tokens]`.
    public subscript(rows: [Int]) -> Tensor {
        var result = shape
        result[0] = rows.count
        let rowSize = shape.count / Swift.max(shape[0], 1)
        return Tensor(shape: result) { out in
            for (i, row) in rows.enumerated() {
                copy(self[row], to: out + i * rowSize)
            }
        }
    }

    /// A new axis of size 1, as `np.expand_dims`; a view.
    public func expandedDimensions(axis: Int) -> Tensor {
        let axis = axis < 0 ? axis + shape.rank + 1 : axis
        return Tensor(
            storage: storage, offset: offset,
            shape: shape.inserting(1, at: axis), strides: strides.inserting(0, at: axis))
    }

    // MARK: Growing

    /// Adds `other` at the end of an axis, in place; amortised O(`other`): room is doubled when it
    /// runs out, so that what is already there is hardly ever copied.
    /// - Precondition: the other axes agree.
    public mutating func append(_ other: Tensor, axis: Int) {
        let axis = shape.index(of: axis)
        var grown = shape
        grown[axis] += other.shape[axis]
        var expected = other.shape
        expected[axis] = shape[axis]
        precondition(expected == shape, "cannot append \(other.shape) to \(shape) on axis \(axis)")

        if !isKnownUniquelyReferenced(&storage) || !hasRoom(for: grown) {
            reserve(Swift.max(grown[axis], 2 * shape[axis]), axis: axis)
        }
        copy(other, to: storage.base + offset + shape[axis] * strides[axis], strides: strides)
        self = Tensor(storage: storage, offset: offset, shape: grown, strides: strides)
    }

    /// Moves to memory in which an axis can grow to `size` before it has to move again.
    public mutating func reserve(_ size: Int, axis: Int) {
        var room = shape
        room[axis] = Swift.max(size, shape[axis])
        let roomier = Storage(count: room.count)
        copy(self, to: roomier.base, strides: room.rowMajorStrides)
        self = Tensor(storage: roomier, offset: 0, shape: shape, strides: room.rowMajorStrides)
    }

    /// Whether the memory holds this larger shape, with each axis stepping over all of the next.
    private func hasRoom(for grown: Shape) -> Bool {
        guard storage.isWritable else { return false }
        var end = offset + 1
        var extent = 1
        for axis in stride(from: grown.rank - 1, through: 0, by: -1) {
            if strides[axis] < extent { return false }
            extent = strides[axis] * grown[axis]
            end += strides[axis] * (grown[axis] - 1)
        }
        return end <= storage.count
    }

    // MARK: Layout

    var isContiguous: Bool {
        all((strides.lanes .== shape.rowMajorStrides.lanes) .| (shape.lanes .== 1))
    }

    /// Itself if its elements are Floats that lie one after the other, otherwise a copy whose are.
    func contiguous() -> Tensor {
        isContiguous && element == .float32 ? self : Tensor(shape: shape) { copy(self, to: $0) }
    }

    /// Itself if its elements are Floats, otherwise a copy whose are.
    var widened: Tensor { element == .float32 ? self : contiguous() }

    /// This tensor stretched to a larger shape, size-1 axes by stride 0; a view.
    func broadcast(to target: Shape) -> Tensor {
        if shape == target { return self }
        return Tensor(
            storage: storage, offset: offset, shape: target, strides: strides(stretchedTo: target))
    }

    /// The strides under a larger shape, 0 along the axes that are stretched.
    func strides(stretchedTo target: Shape) -> Shape {
        let isStretched = shape.lanes .!= target.lanes
        return Shape(rank: target.rank, lanes: strides.lanes.replacing(with: 0, where: isStretched))
    }

    /// The strides of a reshaped view, or nil if only a copy has that shape. Both shapes are walked
    /// together in groups of axes with equal products; within an old group, memory must be regular.
    private func strides(reshapedTo new: Shape) -> Shape? {
        if isContiguous || shape.count == 0 { return new.rowMajorStrides }
        var result = new.rowMajorStrides
        var (old, next) = (0, 0)
        while old < shape.rank && next < new.rank {
            var (oldEnd, nextEnd) = (old + 1, next + 1)
            var (oldCount, nextCount) = (shape[old], new[next])
            while oldCount != nextCount {
                if oldCount < nextCount {
                    oldCount *= shape[oldEnd]
                    oldEnd += 1
                } else {
                    nextCount *= new[nextEnd]
                    nextEnd += 1
                }
            }
            // the axes of the old group that matter, those longer than 1, must follow each other
            var step: Int?
            var extent = 0
            for axis in stride(from: oldEnd - 1, through: old, by: -1) where shape[axis] != 1 {
                if step == nil {
                    step = strides[axis]
                    extent = strides[axis]
                }
                if strides[axis] != extent { return nil }
                extent *= shape[axis]
            }
            var stride = step ?? 0
            for axis in (next..<nextEnd).reversed() {
                result[axis] = stride
                stride *= new[axis]
            }
            (old, next) = (oldEnd, nextEnd)
        }
        while next < new.rank {  // what remains has size 1
            result[next] = 0
            next += 1
        }
        return result
    }
}
