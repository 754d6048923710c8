// Check: compares what a function of a stub returns with what it should return. Chapters.swift
// lists the checks of every chapter.

import Support

/// One comparison, and what it found.
struct Check {
    /// The function under test, and what this check is about: "softmax, large scores".
    let name: String
    /// Runs the function; nil if it returns what is expected, otherwise one line.
    let difference: () -> String?

    /// Compares a tensor with numbers that were computed in double precision.
    init(_ name: String, _ expected: Grid, _ found: @escaping () -> Tensor) {
        self.name = name
        difference = { expected.difference(from: found()) }
    }

    /// Compares lists that must be equal: of tokens, rows or pieces.
    init<Element: Equatable>(
        _ name: String, _ expected: [Element], _ found: @escaping () -> [Element]
    ) {
        self.name = name
        difference = {
            let found = found()
            return found == expected ? nil : "expected \(expected), found \(found)"
        }
    }
}

extension Grid {
    /// What differs first, or nil. A difference of 1/10,000 of the largest number is rounding.
    func difference(from found: Tensor) -> String? {
        guard found.shape.array == shape else {
            return "expected shape \(shape), found shape \(found.shape)"
        }
        let largest = values.reduce(1e-30) { $1.isFinite ? max($0, abs($1)) : $0 }
        let first = zip(values, found.values).enumerated().first { _, pair in
            let (expected, found) = (pair.0, Double(pair.1))
            return !(expected == found || abs(expected - found) <= 1e-4 * largest)
        }
        guard let (offset, pair) = first else { return nil }
        return "shape \(shape) is right, but at \(index(offset)) "
            + "expected \(Float(pair.0)), found \(pair.1)"
    }

    /// The indices of the element at `offset`.
    private func index(_ offset: Int) -> [Int] {
        var (rest, index) = (offset, shape)
        for axis in shape.indices.reversed() {
            (rest, index[axis]) = rest.quotientAndRemainder(dividingBy: shape[axis])
        }
        return index
    }
}
