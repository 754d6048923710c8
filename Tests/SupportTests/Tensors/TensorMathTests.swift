// TensorMathTests: broadcasting, reductions and element-wise functions.

import Foundation
import Support
import TestSupport
import Testing

@Suite struct BroadcastingTests {
    @Test func `a column and a row broadcast to a matrix`() {
        let column = Tensor([10, 20], shape: [2, 1])
        let row = Tensor([1, 2, 3])
        #expect((column + row).shape == [2, 3])
        #expect((column + row).values == [11, 12, 13, 21, 22, 23])
        #expect((row - column).values == [-9, -8, -7, -19, -18, -17])
        #expect((column * row).values == [10, 20, 30, 20, 40, 60])
        #expect((column / Tensor([2, 4, 5])).values == [5, 2.5, 2, 10, 5, 4])
    }

    @Test func `shapes are matched from the end`() {
        let cube = Tensor(0..<12).reshaped(2, 2, 3)
        let matrix = Tensor([0, 0, 0, 100, 100, 100], shape: [2, 3])
        #expect((cube + matrix).values == [0, 1, 2, 103, 104, 105, 6, 7, 8, 109, 110, 111])
        let middle = Tensor([0, 100], shape: [2, 1, 1])
        #expect((cube + middle).values == [0, 1, 2, 3, 4, 5, 106, 107, 108, 109, 110, 111])
        #expect((Tensor([1], shape: []) + cube).values == (1...12).map(Float.init))
    }

    @Test func `views are combined element by element`() {
        let a = Tensor(0..<6).reshaped(2, 3)
        let b = Tensor(0..<6).reshaped(3, 2).transposed()
        #expect((a + b).values == [0, 3, 6, 4, 7, 10])
        #expect((a.transposed() * b.transposed()).values == [0, 3, 2, 12, 8, 25])
        #expect((-b).values == [0, -2, -4, -1, -3, -5])
    }

    @Test func `a scalar may be on either side`() {
        let x = Tensor([1, 2])
        #expect((x + 1).values == [2, 3])
        #expect((1 + x).values == [2, 3])
        #expect((x * 3).values == [3, 6])
        #expect((x / 2).values == [0.5, 1])
    }

    @Test func `an axis of size 0 broadcasts with 1`() {
        let none = Tensor([], shape: [2, 0])
        #expect((none + Tensor([1], shape: [1, 1])).shape == [2, 0])
        #expect((none * none).values == [])
    }

    @Test(arguments: [1, 7, 8, 9, 100, 16_383, 16_385, 40_000])
    func `every length is computed completely`(count: Int) {
        let x = Tensor(0..<count)
        let expected = (0..<count).map { Float($0) * 3 }
        #expect(deviation((x + x * 2).values, expected) <= .none)
        let pairs = x.expandedDimensions(axis: 1) + Tensor([0, 0.5])
        #expect(
            deviation(
                pairs.transposed().values,
                (0..<2 * count).map {
                    Double($0 % count) + ($0 < count ? 0 : 0.5)
                }) <= .none)
    }
}

@Suite struct ReductionTests {
    let cube = Tensor([1, 5, 2, 4, 3, 6, -1, 0, 9, 7, 8, -2], shape: [2, 2, 3])

    @Test func `sums over each axis keep it with size 1`() {
        #expect(cube.sum(axis: 0).shape == [1, 2, 3])
        #expect(cube.sum(axis: 0).values == [0, 5, 11, 11, 11, 4])
        #expect(cube.sum(axis: 1).values == [5, 8, 8, 6, 8, 7])
        #expect(cube.sum(axis: 1).shape == [2, 1, 3])
        #expect(cube.sum(axis: -1).values == [8, 13, 8, 13])
        #expect(cube.sum(axis: -1).shape == [2, 2, 1])
    }

    @Test func `means and maxima keep the axis with size 1`() {
        #expect(cube.mean(axis: 1).values == [2.5, 4, 4, 3, 4, 3.5])
        #expect(cube.max(axis: 0).values == [1, 5, 9, 7, 8, 6])
        #expect(cube.max(axis: -1).values == [5, 6, 9, 8])
    }

    @Test func `views are reduced along their own axes`() {
        let transposed = cube.transposed(0, -1)  // [3, 2, 2]
        #expect(transposed.sum(axis: 0).values == [8, 8, 13, 13])
        #expect(transposed.sum(axis: 2).values == [0, 11, 5, 11, 11, 4])
        #expect(cube.selecting(1, axis: 0).max(axis: 0).values == [7, 8, 9])
        #expect(Tensor([2, 3]).expandedDimensions(axis: 1).sum(axis: 1).values == [2, 3])
        #expect(Tensor([2, 3]).expandedDimensions(axis: 0).sum(axis: 0).values == [2, 3])
        #expect(Tensor([2, 3]).expandedDimensions(axis: 0).max(axis: -1).values == [3])
    }

    @Test(arguments: [1, 7, 8, 9, 31, 257, 20_001]) func `every length is reduced`(count: Int) {
        let x = Tensor(0..<count)
        let sum = Double(count * (count - 1) / 2)
        #expect(deviation(x.sum(axis: 0).values, [sum]) <= .rounding)
        #expect((-x).max(axis: 0).values == [0])
        let rows = Tensor(0..<count).expandedDimensions(axis: 1) * Tensor([1, -1])  // [count, 2]
        #expect(rows.max(axis: 0).values == [Float(count - 1), 0])
        #expect(deviation(rows.sum(axis: 0).values, [sum, -sum]) <= .rounding)
    }

    @Test func `an empty row sums to 0 and has the maximum -infinity`() {
        let none = Tensor([], shape: [2, 0])
        #expect(none.sum(axis: 1).values == [0, 0])
        #expect(none.max(axis: 1).values == [-.infinity, -.infinity])
        #expect(none.sum(axis: 0).shape == [1, 0])
    }

    @Test func `argmax is the lowest index among equal maxima`() {
        #expect(Tensor([1, 3, 3, 2]).argmax() == 1)
        #expect(Tensor([-5]).argmax() == 0)
        #expect(Tensor([-.infinity, -.infinity]).argmax() == 0)
        #expect(Tensor([0, .infinity, .infinity]).argmax() == 1)
        var long = [Float](repeating: 0, count: 1001)
        (long[500], long[1000]) = (2, 2)
        #expect(Tensor(long).argmax() == 500)
        #expect(Tensor([0, 9, 1, 9, 2, 10], shape: [3, 2]).selecting(1, axis: 1).argmax() == 2)
    }

    @Test(arguments: 0..<20) func `argmax finds the maximum at any index`(index: Int) {
        var values = [Float](repeating: -1, count: 20)
        values[index] = -0.5
        #expect(Tensor(values).argmax() == index)
    }

    @Test func `argmax of a vector with NaN is a valid index`() {
        #expect((0..<3).contains(Tensor([.nan, .nan, .nan]).argmax()))
        #expect((0..<3).contains(Tensor([1, .nan, 2]).argmax()))
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], [0, 7, 8, 20])
    func `one element that is not finite is detected`(value: Float, index: Int) {
        var values = [Float](repeating: .greatestFiniteMagnitude, count: 21)
        #expect(Tensor(values).isFinite)
        values[index] = value
        #expect(!Tensor(values).isFinite)
        #expect(!Tensor(values).reshaped(3, 7).transposed().isFinite)
    }

    @Test func `opposite infinities do not cancel, and an empty tensor is finite`() {
        #expect(!Tensor([.infinity, -.infinity]).isFinite)
        #expect(Tensor([], shape: [0]).isFinite)
    }
}

@Suite struct FunctionTests {
    @Test func `exp agrees with Foundation over its whole range`() {
        var xs = stride(from: Float(-87.3), through: 88.7, by: 0.0371).map { $0 }
        xs += stride(from: Float(-1), through: 1, by: 0.00137).map { $0 }
        xs += [1e-30, -1e-30, 1e-7, 0, -0.0, 88.72, -87.33]
        for (x, e) in zip(xs, exp(Tensor(xs)).values) {
            let exact = Foundation.exp(Double(x))
            let error = abs(Double(e) - exact) / Double(Float(exact).ulp)
            #expect(error <= 2, "exp(\(x)) = \(e) has an error of \(error) units in the last place")
        }
    }

    @Test func `exp of extreme values and NaN equals C's`() {
        let xs: [Float] = [88.73, 1000, .greatestFiniteMagnitude, .infinity]
        #expect(exp(Tensor(xs)).values == xs.map { _ in .infinity })
        let small: [Float] = [-104, -1000, -.greatestFiniteMagnitude, -.infinity]
        #expect(exp(Tensor(small)).values == small.map { _ in 0 })
        #expect(exp(Tensor([Float.nan, 0])).values[0].isNaN)
        #expect(exp(Tensor([Float.nan, 0])).values[1] == 1)
        #expect(exp(Tensor([1, -Float.nan, 1, 1, 1, 1, 1, 1, 1])).values[1].isNaN)
    }

    @Test func `roots, powers, sines and cosines agree with Foundation`() {
        let xs: [Float] = [0, 0.25, 1, 2, 3, 10, 100.5, 511, 4095]
        #expect(sqrt(Tensor(xs)).values == xs.map { $0.squareRoot() })
        #expect(
            deviation(sin(Tensor(xs)).values, xs.map { Foundation.sin(Double($0)) }) <= .rounding)
        #expect(
            deviation(cos(Tensor(xs)).values, xs.map { Foundation.cos(Double($0)) }) <= .rounding)
        let powers = pow(10000, Tensor([0, -0.25, -0.5, 1])).values
        #expect(deviation(powers, [1, 0.1, 0.01, 10000]) <= .rounding)
        #expect(sqrt(Tensor([-1])).values[0].isNaN)
    }

    @Test func `functions apply to the elements of a view`() {
        let matrix = Tensor([1, 4, 9, 16, 25, 36], shape: [2, 3]).transposed()
        #expect(sqrt(matrix).values == [1, 4, 2, 5, 3, 6])
        #expect(sqrt(matrix).shape == [3, 2])
        #expect(exp(Tensor([0, 9, 0, 9]).reshaped(2, 2).selecting(0, axis: 1)).values == [1, 1])
    }

    @Test func `operators leave their operands unchanged`() {
        let a = Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9])
        let (copy, view) = (a, a.reshaped(3, 3))
        #expect((a + 1).values == [2, 3, 4, 5, 6, 7, 8, 9, 10])
        #expect((a * a / a.sum(axis: 0)).values == a.values.map { $0 * $0 / 45 })
        #expect((view[1] + view[2]).values == [11, 13, 15])
        #expect((-view.transposed())[0].values == [-1, -4, -7])
        for tensor in [a, copy, view] { #expect(tensor.values == (1...9).map(Float.init)) }
    }

    @Test func `a result in its operand's memory equals one in new memory`() {
        var x = Tensor((0..<40).map(Float.init), shape: [4, 10])
        let kept = x
        x = x + 1  // in new memory, because `kept` references the old
        x = x * Tensor([1, 2, 3, 4], shape: [4, 1])
        x = exp(-x / x.max(axis: -1))
        x = x - x[0]
        let expected = (0..<40).map { i in
            let (row, column) = (Float(i / 10), Float(i % 10))
            func value(_ row: Float) -> Float {
                Foundation.exp(-(row * 10 + column + 1) / (row * 10 + 10))
            }
            return Double(value(row) - value(0))
        }
        #expect(deviation(x.values, expected) <= .rounding)
        #expect(kept.values == (0..<40).map(Float.init))
    }
}
