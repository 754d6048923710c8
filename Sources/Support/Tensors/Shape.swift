// Shape: the sizes of a tensor's axes, kept inline so that making a view allocates nothing.

/// The sizes of up to four axes. Negative axes count from the end, as in numpy.
public struct Shape: Equatable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    private var size0 = 1, size1 = 1, size2 = 1, size3 = 1
    public private(set) var rank: Int

    /// - Precondition: at most four sizes, none negative.
    public init(_ sizes: [Int]) {
        self.init(rank: sizes.count) { sizes[$0] }
    }

    public init(arrayLiteral sizes: Int...) { self.init(sizes) }

    @inline(__always)
    init(rank: Int, size: (Int) -> Int) {
        precondition(rank >= 0 && rank <= 4, "a tensor has at most 4 axes, not \(rank)")
        self.rank = rank
        if rank > 0 { size0 = size(0) }
        if rank > 1 { size1 = size(1) }
        if rank > 2 { size2 = size(2) }
        if rank > 3 { size3 = size(3) }
    }

    public subscript(axis: Int) -> Int {
        @inline(__always) get {
            switch index(of: axis) {
            case 0: size0
            case 1: size1
            case 2: size2
            default: size3
            }
        }
        @inline(__always) set {
            switch index(of: axis) {
            case 0: size0 = newValue
            case 1: size1 = newValue
            case 2: size2 = newValue
            default: size3 = newValue
            }
        }
    }

    /// The number of elements.
    public var count: Int { size0 &* size1 &* size2 &* size3 }

    public var array: [Int] { (0..<rank).map { self[$0] } }

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
        if self == other { return self }
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
