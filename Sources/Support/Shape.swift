// Shape: the sizes of a tensor's axes, kept inline so that making a view allocates nothing.

/// The sizes of up to four axes. Negative axes count from the end, as in numpy.
public struct Shape: Equatable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    private var sizes: SIMD4<Int>
    public private(set) var rank: Int

    /// - Precondition: at most four sizes, none negative.
    public init(_ sizes: [Int]) {
        precondition(sizes.count <= 4, "a tensor has at most 4 axes, got sizes \(sizes)")
        self.init(rank: sizes.count) { sizes[$0] }
    }

    public init(arrayLiteral sizes: Int...) { self.init(sizes) }

    init(rank: Int, size: (Int) -> Int) {
        self.sizes = SIMD4(repeating: 1)
        self.rank = rank
        for axis in 0..<rank { sizes[axis] = size(axis) }
    }

    public subscript(axis: Int) -> Int {
        get { sizes[index(of: axis)] }
        set { sizes[index(of: axis)] = newValue }
    }

    /// The number of elements.
    public var count: Int { sizes.wrappedProduct }

    public var array: [Int] { (0..<rank).map { sizes[$0] } }

    public var description: String { "\(array)" }

    /// The axis counted from the front.
    func index(of axis: Int) -> Int {
        let index = axis < 0 ? axis + rank : axis
        precondition(index >= 0 && index < rank, "no axis \(axis) in shape \(self)")
        return index
    }

    /// The steps between neighbours along each axis, for elements packed in row-major order.
    var rowMajorStrides: Shape {
        var step = 1
        var strides = self
        for axis in stride(from: rank - 1, through: 0, by: -1) {
            strides[axis] = step
            step *= self[axis]
        }
        return strides
    }

    func inserting(_ size: Int, at axis: Int) -> Shape {
        Shape(rank: rank + 1) { $0 < axis ? self[$0] : $0 == axis ? size : self[$0 - 1] }
    }

    func removing(_ axis: Int) -> Shape {
        Shape(rank: rank - 1) { self[$0 < axis ? $0 : $0 + 1] }
    }

    func swapping(_ a: Int, _ b: Int) -> Shape {
        var result = self
        (result[a], result[b]) = (self[b], self[a])
        return result
    }

    /// The shape both broadcast to: axes are matched from the end, and size 1 stretches.
    /// - Precondition: sizes that differ have a 1 among them.
    func broadcast(with other: Shape) -> Shape {
        let longest = max(rank, other.rank)
        return Shape(rank: longest) { axis in
            let a = axis - (longest - rank)
            let b = axis - (longest - other.rank)
            let (m, n) = (a < 0 ? 1 : self[a], b < 0 ? 1 : other[b])
            precondition(m == n || m == 1 || n == 1, "cannot broadcast \(self) with \(other)")
            return m == 1 ? n : m
        }
    }
}

extension SIMD4<Int> {
    fileprivate var wrappedProduct: Int { self[0] &* self[1] &* self[2] &* self[3] }
}
