// MatmulTests: products of every layout and size compared with a naive product in double precision.

import TestSupport
import Testing

@testable import Support

/// The memory layout of an operand.
enum Layout: CaseIterable, Sendable {
    case contiguous, transposed, sliced

    /// A matrix of this layout with these values, given row by row.
    func matrix(_ values: [Float], _ rows: Int, _ columns: Int) -> Tensor {
        switch self {
        case .contiguous: return Tensor(values, shape: [rows, columns])
        case .transposed:
            let transposed = Tensor(values, shape: [rows, columns]).transposed()
            return Tensor(transposed.values, shape: [columns, rows]).transposed()
        case .sliced:  // alternates row by row with a matrix of NaN
            let other = Tensor.full([rows, columns], .nan)
            return stacked([other, Tensor(values, shape: [rows, columns])], axis: 1)
                .selecting(1, axis: 1)
        }
    }
}

private func naiveProduct(_ a: [Float], _ b: [Float], _ m: Int, _ k: Int, _ n: Int) -> [Double] {
    let b = b.map(Double.init)
    var product = [Double](repeating: 0, count: m * n)
    product.withUnsafeMutableBufferPointer { product in
        for i in 0..<m {
            for l in 0..<k {
                let factor = Double(a[i * k + l])
                for j in 0..<n { product[i * n + j] += factor * b[l * n + j] }
            }
        }
    }
    return product
}

/// Random numbers in [-1, 1].
private func numbers(_ count: Int, seed: Int) -> [Float] {
    var random = Random(seed: UInt64(seed))
    return random.floats(count)
}

@Suite struct MatmulTests {
    @Test func `rows are multiplied by columns`() {
        let a = Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])
        let b = Tensor([7, 8, 9, 10, 11, 12], shape: [3, 2])
        #expect(matmul(a, b).shape == [2, 2])
        #expect(matmul(a, b).values == [58, 64, 139, 154])
        #expect(
            matmul(a.transposed(), b.transposed()).values == [39, 49, 59, 54, 68, 82, 69, 87, 105])
    }

    @Test func `a vector is treated as a row, and gives a vector`() {
        let b = Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2])
        #expect(matmul(Tensor([1, 10, 100]), b).shape == [2])
        #expect(matmul(Tensor([1, 10, 100]), b).values == [531, 642])
        #expect(matmul(b[-1], b.transposed()).values == [17, 39, 61])
    }

    @Test(arguments: [1, 2, 3, 4, 5, 7, 17], Layout.allCases)
    func `every size and layout agrees with the naive product`(m: Int, layoutOfB: Layout) {
        let sizes = [1, 3, 16, 17, 33, 288, 291]
        for k in sizes {
            let a = numbers(m * k, seed: k)
            for n in sizes {
                let b = numbers(k * n, seed: n)
                let expected = naiveProduct(a, b, m, k, n)
                for layoutOfA in Layout.allCases {
                    let product = matmul(
                        layoutOfA.matrix(a, m, k), layoutOfB.matrix(b, k, n))
                    #expect(
                        deviation(product.values, expected) <= .sums,
                        "[\(m), \(k)] \(layoutOfA) times [\(k), \(n)] \(layoutOfB)")
                }
            }
        }
    }

    @Test(arguments: [1, 2, 5, 8], Layout.allCases)
    func `long sums are complete`(m: Int, layout: Layout) {
        for k in [1023, 1024, 1025, 2050] {
            let (a, b) = (numbers(m * k, seed: k), numbers(k * 19, seed: m))
            let product = matmul(Tensor(a, shape: [m, k]), layout.matrix(b, k, 19))
            #expect(deviation(product.values, naiveProduct(a, b, m, k, 19)) <= .sums, "k = \(k)")
        }
    }

    @Test(arguments: [1, 3, 6]) func `many columns are all computed`(m: Int) {
        let (k, n) = (40, 2003)
        let (a, b) = (numbers(m * k, seed: 1), numbers(k * n, seed: 2))
        let expected = naiveProduct(a, b, m, k, n)
        for layout in Layout.allCases {
            let product = matmul(Tensor(a, shape: [m, k]), layout.matrix(b, k, n))
            #expect(deviation(product.values, expected) <= .sums, "\(layout)")
        }
    }

    @Test(arguments: [1, 4], [1, 3, 5]) func `the leading axes broadcast`(seq: Int, total: Int) {
        // as in attention: [nKvHeads 2, group 3, seq, 4] times [nKvHeads 2, 1, 4, total]
        let q = numbers(2 * 3 * seq * 4, seed: 3)
        let k = numbers(2 * total * 4, seed: 4)
        let queries = Tensor(q, shape: [2, 3, seq, 4])
        let keys = Tensor(k, shape: [2, total, 4]).expandedDimensions(axis: 1)
        let scores = matmul(queries, keys.transposed())
        #expect(scores.shape == [2, 3, seq, total])
        var expected: [Double] = []
        for head in 0..<6 {
            for i in 0..<seq {
                for j in 0..<total {
                    expected.append(
                        (0..<4).reduce(0.0) {
                            $0 + Double(q[(head * seq + i) * 4 + $1])
                                * Double(k[(head / 3 * total + j) * 4 + $1])
                        })
                }
            }
        }
        #expect(deviation(scores.values, expected) <= .sums)

        let mixed = matmul(scores, keys)
        #expect(mixed.shape == [2, 3, seq, 4])
        for head in 0..<6 {
            let one = matmul(
                scores.reshaped(6, seq, total)[head], keys.reshaped(2, total, 4)[head / 3])
            #expect(deviation(mixed.reshaped(6, seq, 4)[head].values, one.values) <= .sums)
        }
    }

    @Test func `one matrix broadcasts over a batch, on either side`() {
        let batch = Tensor(0..<12).reshaped(3, 2, 2)
        let flip = Tensor([0, 1, 1, 0], shape: [2, 2])
        #expect(matmul(batch, flip).values == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10])
        #expect(matmul(flip, batch).values == [2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9])
        #expect(
            matmul(batch.transposed(0, 1), flip).values == [1, 0, 5, 4, 9, 8, 3, 2, 7, 6, 11, 10])
    }

    @Test func `a sum of no products is 0`() {
        let product = matmul(Tensor([], shape: [2, 0]), Tensor([], shape: [0, 3]))
        #expect(product.values == [0, 0, 0, 0, 0, 0])
        let many = matmul(Tensor([], shape: [5, 0]), Tensor([], shape: [0, 17]))
        #expect(many.values == Array(repeating: 0, count: 85))
        #expect(
            matmul(Tensor([], shape: [0, 2]), Tensor([1, 2], shape: [2, 1])).shape == [0, 1])
    }

    @Test(arguments: [1, 4]) func `infinities and NaN affect only their own columns`(
        m: Int
    ) {
        var b = [Float](repeating: 1, count: 17 * 20)
        (b[3], b[17 * 20 - 1]) = (.nan, .infinity)
        for layout in Layout.allCases {
            let product = matmul(Tensor.full([m, 17], 1), layout.matrix(b, 17, 20))
            for (i, value) in product.values.enumerated() {
                switch i % 20 {
                case 3: #expect(value.isNaN)
                case 19: #expect(value == .infinity)
                default: #expect(value == 17, "\(layout), index \(i)")
                }
            }
        }
    }

    @Test func `repeated products are bitwise equal`() {
        let a = Tensor(numbers(3 * 288, seed: 5), shape: [3, 288])
        let b = Tensor(numbers(288 * 800, seed: 6), shape: [800, 288]).transposed()
        let first = matmul(a, b).values
        for _ in 0..<20 { #expect(matmul(a, b).values == first) }
    }

    @Test(arguments: [(1, 48), (1, 291), (3, 288), (5, 64)], [1, 17, 64, 291])
    func `task size and thread count do not change a bit`(sizes: (Int, Int), n: Int) {
        let ((m, k), width) = (sizes, 16)
        var random = Random(seed: UInt64(m * k + n))
        let (a, b) = (random.floats(m * k, in: -1...1), random.floats(k * n, in: -1...1))
        for bStrides in [(1, k), (n, 1)] {
            func product(threads: Int, task: Int) -> [Float] {
                let matrices = MatrixProduct(
                    m: m, k: k, n: n, aStrides: (k, 1), bStrides: bStrides, threads: threads)
                var out = [Float](repeating: .nan, count: m * n)
                for start in stride(from: 0, to: n, by: task) {
                    matrices.compute(a, b, &out, columns: start..<min(n, start + task))
                }
                return out
            }
            let whole = product(threads: 1, task: n)
            #expect(!whole.contains { $0.isNaN })
            #expect(product(threads: 2, task: width) == whole)
            #expect(product(threads: 3, task: 3 * width) == whole)
        }
    }
}
