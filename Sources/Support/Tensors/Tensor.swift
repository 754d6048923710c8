// Tensor: a numpy-like array of Float with value semantics. Views are in TensorViews.swift, arithmetic
// in TensorMath.swift, the matrix product in Matmul.swift.

/// A row-major array of `Float` with up to four axes. Copies share memory until one is changed.
/// Weights may have another `element` type; arithmetic widens them to Float as it reads them.
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
        body(storage.elements())
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
    /// - Precondition: the tensor is contiguous.
    package func withBytes<Result>(
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        precondition(isContiguous)
        let (start, count) = (element.byteCount(offset), element.byteCount(shape.count))
        return try withExtendedLifetime(storage) {
            try body(UnsafeRawBufferPointer(rebasing: storage.bytes[start..<start + count]))
        }
    }

    /// The size of the memory behind this tensor in bytes, reserved capacity included.
    public var storageBytes: Int { element.byteCount(storage.count) }

    /// The first element's place, valid during `body`.
    /// - Precondition: the elements are of type Float.
    @inline(__always)
    func withElements<Result>(_ body: (UnsafePointer<Float>) -> Result) -> Result {
        withExtendedLifetime(storage) { body(UnsafePointer(storage.elements() + offset)) }
    }

    // MARK: Growing

    /// Adds `other` at the end of an axis, in place.
    /// - Complexity: amortised O(`other`), since the capacity doubles when it runs out.
    /// - Precondition: the other axes agree.
    public mutating func append(_ other: Tensor, axis: Int) {
        let axis = shape.index(of: axis)
        var grown = shape
        grown[axis] += other.shape[axis]
        var expected = other.shape
        expected[axis] = shape[axis]
        precondition(expected == shape, "cannot append \(other.shape) to \(shape) on axis \(axis)")

        if !isKnownUniquelyReferenced(&storage) || !hasCapacity(for: grown) {
            reserve(Swift.max(grown[axis], 2 * shape[axis]), axis: axis)
        }
        copy(other, to: storage.elements() + offset + shape[axis] * strides[axis], strides: strides)
        self = Tensor(storage: storage, offset: offset, shape: grown, strides: strides)
    }

    /// Moves the elements to memory in which an axis can grow to `size` in place.
    public mutating func reserve(_ size: Int, axis: Int) {
        var capacity = shape
        capacity[axis] = Swift.max(size, shape[axis])
        let strides = capacity.rowMajorStrides
        let larger = Storage(count: capacity.count)
        copy(self, to: larger.elements(), strides: strides)
        self = Tensor(storage: larger, offset: 0, shape: shape, strides: strides)
    }

    /// Whether the memory holds this larger shape, with each axis stepping over all of the next.
    private func hasCapacity(for grown: Shape) -> Bool {
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

    /// The same elements as contiguous Floats: this tensor itself if it has them, otherwise a copy.
    func contiguous() -> Tensor {
        isContiguous && element == .float32 ? self : Tensor(shape: shape) { copy(self, to: $0) }
    }

    /// The same elements as Floats: this tensor itself if it has them, otherwise a copy.
    /// - Precondition: they are not quantised, since only `matmul` and a table's rows are fast enough.
    consuming func widened() -> Tensor {
        precondition(!element.isQuantized, "no arithmetic with \(element.rawValue) weights")
        return element == .float32 ? self : contiguous()
    }
}
