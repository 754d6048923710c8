// Grid: numbers in double precision with up to three axes, and the layers in plain loops over them.
// The checks take their expected values from here; nothing here uses Tensor's arithmetic.

import Foundation
import Support

/// A row-major array of Double.
struct Grid {
    let shape: [Int]
    private(set) var values: [Double]

    init(_ shape: [Int], _ values: [Double]) {
        precondition(shape.reduce(1, *) == values.count, "\(values.count) values for \(shape)")
        (self.shape, self.values) = (shape, values)
    }

    /// Calls `body` with the indices of every element.
    init(_ a: Int, _ b: Int, _ body: (Int, Int) -> Double) {
        self.init([a, b], (0..<a).flatMap { i in (0..<b).map { body(i, $0) } })
    }

    init(_ a: Int, _ b: Int, _ c: Int, _ body: (Int, Int, Int) -> Double) {
        let rows = (0..<a * b).map { row in (0..<c).map { body(row / b, row % b, $0) } }
        self.init([a, b, c], rows.flatMap { $0 })
    }

    init(_ tensor: Tensor) { self.init(tensor.shape.array, tensor.values.map(Double.init)) }

    /// Numbers between -1 and 1 that look random and are always the same.
    init(_ shape: Int..., seed: Int) {
        var state = UInt32(seed)
        let values = (0..<shape.reduce(1, *)).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return Double(Int(state >> 16) - 32768) / 32768
        }
        self.init(shape, values)
    }

    subscript(i: Int, j: Int) -> Double { values[i * shape[1] + j] }
    subscript(i: Int, j: Int, k: Int) -> Double { values[(i * shape[1] + j) * shape[2] + k] }

    var tensor: Tensor { Tensor(values.map(Float.init), shape: Shape(shape)) }

    func map(_ body: (Double) -> Double) -> Grid { Grid(shape, values.map(body)) }

    static func + (a: Grid, b: Grid) -> Grid { Grid(a.shape, zip(a.values, b.values).map(+)) }

    /// The rows of a matrix from `range`.
    subscript(range: Range<Int>) -> Grid {
        let size = shape[1]
        let part = values[range.lowerBound * size..<range.upperBound * size]
        return Grid([range.count, size], Array(part))
    }

    // MARK: Layers

    /// The product of every row with every row of `weight`: [seq, in], [out, in] -> [seq, out].
    func product(_ weight: Grid) -> Grid {
        Grid(shape[0], weight.shape[0]) { row, out in
            var sum = 0.0
            for i in 0..<shape[1] { sum += self[row, i] * weight[out, i] }
            return sum
        }
    }

    /// RMSNorm of every row.
    func normed(_ weight: Grid, eps: Double) -> Grid {
        Grid(shape[0], shape[1]) { row, i in
            var squares = 0.0
            for j in 0..<shape[1] { squares += self[row, j] * self[row, j] }
            return self[row, i] / (squares / Double(shape[1]) + eps).squareRoot()
                * weight.values[i]
        }
    }

    /// [seq, heads * headSize] -> [heads, seq, headSize].
    func split(heads: Int) -> Grid {
        let size = shape[1] / heads
        return Grid(heads, shape[0], size) { head, row, i in self[row, head * size + i] }
    }

    /// [heads, seq, headSize] -> [seq, heads * headSize].
    var joined: Grid {
        let size = shape[2]
        return Grid(shape[1], shape[0] * size) { row, i in self[i / size, row, i % size] }
    }

    /// RoPE of [heads, seq, headSize]: elements 2i and 2i + 1 turn by position · base^(-2i / size).
    func rotated(from position: Int, base: Double) -> Grid {
        Grid(shape[0], shape[1], shape[2]) { head, row, i in
            let even = i - i % 2
            let angle = Double(position + row) * pow(base, -Double(even) / Double(shape[2]))
            let (a, b) = (self[head, row, even], self[head, row, even + 1])
            return i == even ? a * cos(angle) - b * sin(angle) : a * sin(angle) + b * cos(angle)
        }
    }

    /// The products of queries with keys, divided by √headSize: [heads, seq, total].
    func scores(_ keys: Grid) -> Grid {
        Grid(shape[0], shape[1], keys.shape[1]) { head, row, key in
            var sum = 0.0
            for i in 0..<shape[2] { sum += self[head, row, i] * keys[head, key, i] }
            return sum / Double(shape[2]).squareRoot()
        }
    }

    /// -infinity for the keys behind each query; the last query is the last key's token.
    var masked: Grid {
        let cached = shape[2] - shape[1]
        return Grid(shape[0], shape[1], shape[2]) { head, row, key in
            key > cached + row ? -.infinity : self[head, row, key]
        }
    }

    /// Softmax along the last axis.
    var softmax: Grid {
        let size = shape.last!
        var result = self
        for start in stride(from: 0, to: values.count, by: size) {
            let row = values[start..<start + size]
            let sum = row.reduce(0) { $0 + exp($1 - row.max()!) }
            for (i, value) in row.enumerated() {
                result.values[start + i] = exp(value - row.max()!) / sum
            }
        }
        return result
    }

    /// The average of the values, weighted by probabilities: [heads, seq, headSize].
    func mixed(_ probabilities: Grid) -> Grid {
        Grid(shape[0], probabilities.shape[1], shape[2]) { head, row, i in
            var sum = 0.0
            for key in 0..<shape[1] { sum += probabilities[head, row, key] * self[head, key, i] }
            return sum
        }
    }

    var silu: Grid { map { $0 / (1 + exp(-$0)) } }

    func feedForward(w1: Grid, w2: Grid, w3: Grid) -> Grid {
        let (gate, up) = (product(w1).silu, product(w3))
        return Grid(gate.shape, zip(gate.values, up.values).map(*)).product(w2)
    }
}
