// Shape: the sizes of a tensor's axes. They are stored inline, so that creating a view allocates
// nothing, and in one SIMD vector, so that broadcasting takes a few instructions.

/// The sizes of up to four axes. Negative axes count from the end, as in numpy.
public struct Shape: Equatable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The last axis is the last lane; lanes before the first axis are 1.
    private(set) var lanes = SIMD4<Int>(repeating: 1)
    public let rank: Int

    /// - Precondition: at most four sizes, none negative.
    public init(_ sizes: [Int]) {
        self.init(rank: sizes.count)
        for (axis, size) in sizes.enumerated() { self[axis] = size }
    }

    public init(arrayLiteral sizes: Int...) { self.init(sizes) }

    init(rank: Int, lanes: SIMD4<Int> = SIMD4(repeating: 1)) {
        precondition(rank >= 0 && rank <= 4, "a tensor has at most 4 axes, not \(rank)")
        (self.rank, self.lanes) = (rank, lanes)
    }

    public subscript(axis: Int) -> Int {
        @inline(__always) get { lanes[lane(axis)] }
        @inline(__always) set { lanes[lane(axis)] = newValue }
    }

    /// The number of elements.
    public var count: Int { lanes[0] &* lanes[1] &* lanes[2] &* lanes[3] }

    public var array: [Int] { (0..<rank).map { self[$0] } }

    public var description: String { "\(array)" }

    /// The axis as a non-negative number.
    func index(of axis: Int) -> Int { lane(axis) - (4 - rank) }

    @inline(__always)
    private func lane(_ axis: Int) -> Int {
        let lane = axis < 0 ? axis + 4 : axis + (4 - rank)
        precondition(lane >= 4 - rank && lane < 4, "no axis \(axis) in shape \(self)")
        return lane
    }

    /// The strides of a contiguous, row-major tensor.
    var rowMajorStrides: Shape {
        let (last, two) = (lanes[3], lanes[3] &* lanes[2])
        return Shape(rank: rank, lanes: SIMD4(two &* lanes[1], two, last, 1))
    }

    func inserting(_ size: Int, at axis: Int) -> Shape {
        var result = Shape(rank: rank + 1, lanes: lanes)
        // the axes before it move one lane forward
        for other in 0..<axis { result[other] = self[other] }
        result[axis] = size
        return result
    }

    func removing(_ axis: Int) -> Shape {
        let axis = index(of: axis)
        var result = Shape(rank: rank - 1, lanes: lanes)
        result.lanes[4 - rank] = 1
        for other in 0..<axis { result[other] = self[other] }
        return result
    }

    func swapping(_ a: Int, _ b: Int) -> Shape {
        var result = self
        (result[a], result[b]) = (self[b], self[a])
        return result
    }

    /// The shape that both broadcast to: axes are matched from the end, and size 1 is stretched.
    /// - Precondition: matching sizes are equal, or one of them is 1.
    func broadcast(with other: Shape) -> Shape {
        let (a, b) = (lanes, other.lanes)
        precondition(
            all((a .== b) .| (a .== 1) .| (b .== 1)), "cannot broadcast \(self) with \(other)")
        return Shape(rank: max(rank, other.rank), lanes: a.replacing(with: b, where: a .== 1))
    }
}
