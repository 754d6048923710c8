// Deviation: the difference between computed and expected numbers. Tests write
// `#expect(deviation(found, expected) <= .rounding)`; a failure names the worst index.

/// The largest difference between two lists of numbers, relative to the largest expected one.
public struct Deviation: CustomStringConvertible, Sendable {
    public let worst: Double
    public let description: String

    public static func <= (deviation: Deviation, tolerance: Tolerance) -> Bool {
        deviation.worst <= tolerance.relative
    }
}

/// The deviation that a test accepts.
public struct Tolerance: Sendable {
    public let relative: Double

    public init(relative: Double) { self.relative = relative }

    /// Equal values.
    public static let none = Tolerance(relative: 0)
    /// A few roundings to `Float`, with 24 bits of precision.
    public static let rounding = Tolerance(relative: 1e-6)
    /// Sums of some hundred products in `Float`, in any order.
    public static let sums = Tolerance(relative: 1e-5)
    /// A stage of a whole network in `Float`, compared with `Double`.
    public static let network = Tolerance(relative: 1e-4)
}

/// Compares two lists. Different counts, and NaN in only one list, are an infinite deviation.
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
            description: "\(found.count) numbers, expected \(expected.count)")
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
