// Tensor: a numpy-like array of Float with value semantics; `append` grows it in place, as the KV
// cache needs. Views are in TensorViews.swift, arithmetic in TensorMath.swift, the matrix product
// in Matmul.swift.

/// A row-major array of `Float` with up to four axes. Copies share memory until one is changed.
/// Weights may have another `element` type; arithmetic widens them to Float as it reads them.
public struct Tensor: @unchecked Sendable {
    var storage: Storage
    let offset: Int
    public let shape: Shape
    let strides: Shape  // in elements; 0 along a broadcast axis

    init(storage: Storage, offset: Int, shape: Shape, strides: Shape) {
        (self.storage, self.offset, self.shape, self.strides) = (storage, offset, shape, strides)
    }

    /// Allocates row-major memory, which `body` must fill.
    init(shape: Shape, body: (UnsafeMutablePointer<Float>) -> Void) {
        let storage = Storage(count: shape.count)
        self.init(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
        body(storage.elements())
    }

    /// A tensor of `values` in row-major order; a vector if `shape` is nil.
    /// - Precondition: `shape` has as many elements as `values`.
    public init(_ values: [Float], shape: Shape? = nil) {
        let shape = shape ?? [values.count]
        precondition(shape.count == values.count, "\(values.count) values do not fill \(shape)")
        self.init(shape: shape) { $0.initialize(from: values, count: values.count) }
    }

    /// The integers of `range`, like `np.arange`.
    public init(_ range: Range<Int>) { self.init(range.map(Float.init)) }

    /// The elements in row-major order, copied.
    public var values: [Float] {
        contiguous().withElements { Array(UnsafeBufferPointer(start: $0, count: shape.count)) }
    }

    public var element: ElementType { storage.element }

    /// Calls `body` with the bytes of the elements in row-major order, valid during the call.
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

    /// The size of the tensor's memory in bytes, reserved capacity included.
    public var storageBytes: Int { element.byteCount(storage.count) }

    /// Calls `body` with a pointer to the first element, valid during the call.
    /// - Precondition: the element type is Float.
    @inline(__always)
    func withElements<Result>(_ body: (UnsafePointer<Float>) -> Result) -> Result {
        withExtendedLifetime(storage) { body(UnsafePointer(storage.elements() + offset)) }
    }

    // MARK: Growing

    /// Appends `other` along an axis, in place if there is capacity.
    /// - Complexity: amortised O(elements of `other`): the capacity doubles when it is exhausted.
    /// - Precondition: the tensors agree on all other axes.
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

    /// Copies the elements to memory with the capacity for an axis to grow to `size` in place.
    public mutating func reserve(_ size: Int, axis: Int) {
        var capacity = shape
        capacity[axis] = Swift.max(size, shape[axis])
        let strides = capacity.rowMajorStrides
        let larger = Storage(count: capacity.count)
        copy(self, to: larger.elements(), strides: strides)
        self = Tensor(storage: larger, offset: 0, shape: shape, strides: strides)
    }

    /// Whether the memory has the capacity for this larger shape, without axes that overlap.
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

    /// The same elements as contiguous Floats: this tensor if it has them, otherwise a copy.
    func contiguous() -> Tensor {
        isContiguous && element == .float32 ? self : Tensor(shape: shape) { copy(self, to: $0) }
    }

    /// The same elements as Floats: this tensor if it has them, otherwise a copy.
    /// - Precondition: they are not quantised; only `matmul` and copies of rows read blocks.
    consuming func widened() -> Tensor {
        precondition(!element.isQuantized, "no arithmetic with \(element.rawValue) weights")
        return element == .float32 ? self : contiguous()
    }
}
