// Deviation: how far computed numbers are from the expected ones. Tests say
// `#expect(deviation(found, expected) <= .rounding)`; a failure names the worst index.

/// The largest difference between two lists of numbers, relative to the largest expected one.
public struct Deviation: CustomStringConvertible, Sendable {
    public let worst: Double
    public let description: String

    public static func <= (deviation: Deviation, tolerance: Tolerance) -> Bool {
        deviation.worst <= tolerance.relative
    }
}

/// How much deviation a test accepts.
public struct Tolerance: Sendable {
    public let relative: Double

    public init(relative: Double) { self.relative = relative }

    /// Not one bit.
    public static let none = Tolerance(relative: 0)
    /// A few roundings to `Float`, which has 24 bits.
    public static let rounding = Tolerance(relative: 1e-6)
    /// Sums of some hundred products in `Float`, in whatever order.
    public static let sums = Tolerance(relative: 1e-5)
    /// A stage of a whole network in `Float` against the same in `Double`.
    public static let network = Tolerance(relative: 1e-4)
}

/// Compares as many numbers as there are; a different count, and NaN in only one, are infinitely far.
public func deviation(_ found: [Float], _ expected: [Double]) -> Deviation {
    compare(found.map(Double.init), expected)
}

public func deviation(_ found: [Float], _ expected: [Float]) -> Deviation {
    compare(found.map(Double.init), expected.map(Double.init))
}

private func compare(_ found: [Double], _ expected: [Double]) -> Deviation {
    guard found.count == expected.count else {
        return Deviation(
            worst: .infinity,
            description: "\(found.count) numbers where \(expected.count) were expected")
    }
    let largest = expected.reduce(1e-30) { $1.isFinite ? max($0, abs($1)) : $0 }
    var (worst, index) = (0.0, -1)
    for (i, (x, y)) in zip(found, expected).enumerated() {
        let isSame = x == y || (x.isNaN && y.isNaN)
        let difference = isSame ? 0 : (x - y).isFinite ? abs(x - y) / largest : .infinity
        if difference > worst { (worst, index) = (difference, i) }
    }
    guard index >= 0 else { return Deviation(worst: 0, description: "no deviation") }
    return Deviation(
        worst: worst,
        description: "a relative deviation of \(worst) at index \(index): "
            + "found \(found[index]), expected \(expected[index])")
}
