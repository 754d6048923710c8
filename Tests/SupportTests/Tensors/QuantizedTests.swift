// Quantized: values and products of weights in blocks, against decoders in double precision that are
// written from the format's description.

import TestSupport
import Testing

@testable import Support

/// The value of every weight of a block.
private func decoded(_ block: ArraySlice<UInt8>, _ element: ElementType) -> [Double] {
    let bytes = Array(block)
    func half(_ offset: Int) -> Double {
        let bits = Int(bytes[offset]) | Int(bytes[offset + 1]) << 8
        let (sign, exponent, fraction) = (bits >> 15 == 1 ? -1.0 : 1, bits >> 10 & 31, bits & 1023)
        if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
        return exponent == 0
            ? sign * Double(fraction) * 0x1p-24
            : sign * Double(1024 + fraction) * scalbn(1, exponent - 25)
    }
    func signed(_ offset: Int) -> Double { Double(Int8(bitPattern: bytes[offset])) }
    switch element {
    case .q8: return (0..<32).map { half(0) * signed(2 + $0) }
    case .q4:
        return (0..<32).map { i in
            let byte = bytes[2 + i % 16]
            return half(0) * (Double(i < 16 ? byte & 15 : byte >> 4) - 8)
        }
    case .q4K, .q5K:
        let (high, low) = element == .q5K ? (16, 48) : (nil, 16)
        let s = bytes[4..<16].map { Int($0) }
        return (0..<256).map { i in
            let j = i / 32
            let scale = j < 4 ? s[j] & 63 : s[j + 4] & 15 | (s[j - 4] >> 6) << 4
            let minimum = j < 4 ? s[j + 4] & 63 : s[j + 4] >> 4 | (s[j] >> 6) << 4
            let byte = bytes[low + i / 64 * 32 + i % 32]
            var q = Int(i % 64 < 32 ? byte & 15 : byte >> 4)
            if let high { q += Int(bytes[high + i % 32] >> j & 1) * 16 }
            return half(0) * Double(scale) * Double(q) - half(2) * Double(minimum)
        }
    case .q6K:
        return (0..<256).map { i in
            let (part, group, l) = (i / 128, i % 128 / 32, i % 32)  // of 128, of 32, within
            let low = bytes[part * 64 + group % 2 * 32 + l]
            let high = bytes[128 + part * 32 + l] >> (2 * group) & 3
            let q = Int(group < 2 ? low & 15 : low >> 4) + Int(high) * 16
            return half(208) * signed(192 + i / 16) * Double(q - 32)
        }
    case .float32, .float16, .bfloat16: return []
    }
}

private let quantized = ElementType.allCases.filter(\.isQuantized)

/// A matrix of blocks.
private struct Blocks {
    let element: ElementType
    let shape: Shape
    var bytes: [UInt8]

    /// Random bytes, with scales of either sign around 1/64.
    init(_ element: ElementType, rows: Int, columns: Int, seed: Int) {
        (self.element, shape) = (element, [rows, columns])
        var random = Random(seed: UInt64(seed))
        bytes = (0..<element.byteCount(rows * columns)).map { _ in UInt8(random.below(256)) }
        for block in 0..<bytes.count / element.blockByteCount {
            for place in places {
                let bits = UInt16(random.below(2) << 15 | 9 << 10 | random.below(1024))
                setScale(bits, of: block, at: place)
            }
        }
    }

    /// Where a block has its scales in half precision.
    var places: [Int] {
        switch element {
        case .q8, .q4: [0]
        case .q4K, .q5K: [0, 2]
        default: [208]
        }
    }

    mutating func setScale(_ bits: UInt16, of block: Int, at place: Int) {
        let start = block * element.blockByteCount + place
        bytes.replaceSubrange(start..<start + 2, with: littleEndian(bits))
    }

    var tensor: Tensor {
        let storage = Storage(count: shape.count, element: element)
        storage.bytes.copyBytes(from: bytes)
        return Tensor(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
    }

    var values: [Double] {
        stride(from: 0, to: bytes.count, by: element.blockByteCount).flatMap {
            decoded(bytes[$0..<$0 + element.blockByteCount], element)
        }
    }

    /// Row `j`'s product with `x`, and what a difference is measured by.
    func product(_ values: [Double], _ j: Int, _ x: ArraySlice<Float>) -> (
        sum: Double, norm: Double
    ) {
        let row = values[j * shape[1]..<(j + 1) * shape[1]]
        let sum = zip(row, x).reduce(0) { $0 + $1.0 * Double($1.1) }
        return (sum, sqrt(row.reduce(0) { $0 + $1 * $1 }))
    }
}

@Suite struct QuantizedTests {
    @Test(arguments: quantized) func `values are those of the format`(element: ElementType) {
        let blocks = Blocks(element, rows: 7, columns: 512, seed: 1)
        #expect(deviation(blocks.tensor.values, blocks.values) <= .rounding)
    }

    @Test(arguments: quantized) func `every value of a byte is read`(element: ElementType) {
        var blocks = Blocks(element, rows: 256, columns: 256, seed: 2)
        let (size, scales) = (element.blockByteCount, Set(blocks.places.flatMap { [$0, $0 + 1] }))
        for i in blocks.bytes.indices where !scales.contains(i % size) {
            blocks.bytes[i] = UInt8(i / (blocks.bytes.count / 256))
        }
        #expect(deviation(blocks.tensor.values, blocks.values) <= .rounding)
        expectProducts(blocks, m: 1)
        expectProducts(blocks, m: 4)
    }

    @Test(arguments: quantized, [1, 2, 3, 4, 7])
    func `products are those of the values`(element: ElementType, m: Int) {
        for n in [1, 2, 5, 33, 67] {
            for k in element.blockSize == 32 ? [32, 96, 288] : [256, 768] {
                expectProducts(Blocks(element, rows: n, columns: k, seed: n + k), m: m)
            }
        }
    }

    /// Few rows are multiplied as 8-bit integers, many as the machine does it faster.
    private func expectProducts(
        _ blocks: Blocks, m: Int, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let (n, k) = (blocks.shape[0], blocks.shape[1])
        var random = Random(seed: UInt64(m))
        let x = random.floats(m * k)
        let found = matmul(Tensor(x, shape: [m, k]), blocks.tensor.transposed())
        #expect(found.shape == [m, n])
        let values = blocks.values
        var worst = 0.0
        for i in 0..<m {
            for j in 0..<n {
                let (sum, norm) = blocks.product(values, j, x[i * k..<(i + 1) * k])
                let difference = abs(Double(found.values[i * n + j]) - sum) / max(norm, 1e-3)
                worst = max(worst, difference.isNaN ? .infinity : difference)
            }
        }
        let tolerance = m < 4 || MatrixProduct.multipliesIntegers ? 0.01 : 1e-5
        #expect(
            worst <= tolerance, "\(blocks.element), m \(m), n \(n), k \(k)",
            sourceLocation: sourceLocation)
    }

    @Test(arguments: quantized) func `a vector is one row`(element: ElementType) {
        let weights = Blocks(element, rows: 9, columns: 256, seed: 3).tensor.transposed()
        var random = Random(seed: 4)
        let x = random.floats(256)
        #expect(matmul(Tensor(x), weights).shape == [9])
        #expect(
            matmul(Tensor(x), weights).values
                == matmul(Tensor(x, shape: [1, 256]), weights).values)
    }

    /// The ways in which rows are multiplied. Each machine uses two of them.
    enum Way: CaseIterable { case rows, integers, floats }

    /// The product by this way, in tasks of `task` columns.
    private func product(
        _ x: [Float], _ m: Int, _ blocks: Blocks, _ way: Way, threads: Int, task: Int
    ) -> [Float] {
        let (element, n, k) = (blocks.element, blocks.shape[0], blocks.shape[1])
        let product = MatrixProduct(
            m: m, k: k, n: n, aStrides: (k, 1), bStrides: (1, k), threads: threads)
        let rows = QuantizedRows(x, count: m, k: k, for: element)
        var out = [Float](repeating: .nan, count: m * n)
        let starts = Array(stride(from: 0, to: n, by: task))
        out.withUnsafeMutableBufferPointer { out in
            let target = Columns(start: out.baseAddress!).start
            ThreadPool(threads: threads).run(starts.count) { i in
                let range = starts[i]..<min(n, starts[i] + task)
                switch way {
                case .rows: product.gemvOfBlocks(rows, blocks.bytes, element, target, range)
                case .integers: product.gemmOfIntegers(rows, blocks.bytes, element, target, range)
                case .floats: product.gemmOfBlocks(x, blocks.bytes, element, target, range)
                }
            }
        }
        return out
    }

    @Test(arguments: quantized, Way.allCases)
    func `tasks and threads do not change a single bit`(element: ElementType, way: Way) {
        let blocks = Blocks(element, rows: 291, columns: 256, seed: 5)
        for m in [1, 3, 5] {
            var random = Random(seed: 6)
            let x = random.floats(m * 256)
            let whole = product(x, m, blocks, way, threads: 1, task: 291)
            #expect(!whole.contains { $0.isNaN })
            #expect(product(x, m, blocks, way, threads: 3, task: 32) == whole)
            #expect(product(x, m, blocks, way, threads: 3, task: 96) == whole)
            let used: Way =
                m < 4 ? .rows : MatrixProduct.multipliesIntegers ? .integers : .floats
            if way == used {
                let tensor = Tensor(x, shape: [m, 256])
                #expect(matmul(tensor, blocks.tensor.transposed()).values == whole)
            }
        }
    }

    /// Integers give the same sums in panels and row by row; Floats are exact.
    @Test(arguments: quantized) func `each way gives the same product`(element: ElementType) {
        for (n, k, m) in [(1, 256, 4), (33, 512, 7), (70, 768, 9), (32, 256, 256)] {
            let blocks = Blocks(element, rows: n, columns: k, seed: n)
            var random = Random(seed: 11)
            let x = random.floats(m * k)
            let found = Way.allCases.map { product(x, m, blocks, $0, threads: 2, task: 64) }
            let values = blocks.values
            for i in 0..<m {
                for j in 0..<n {
                    let (sum, norm) = blocks.product(values, j, x[i * k..<(i + 1) * k])
                    let at = found.map { Double($0[i * n + j]) }
                    let (rows, integers, floats) = (at[0], at[1], at[2])
                    #expect(abs(rows - integers) <= 1e-5 * norm)
                    #expect(abs(floats - sum) <= 1e-5 * norm)
                    #expect(abs(integers - sum) <= 0.01 * norm)
                }
            }
        }
    }

    private struct Columns: @unchecked Sendable {
        let start: UnsafeMutablePointer<Float>
    }

    @Test(arguments: quantized, [1, 4])
    func `a scale of 0 gives 0, NaN and infinity reach their own result`(
        element: ElementType, m: Int
    ) {
        var blocks = Blocks(element, rows: 20, columns: 256, seed: 7)
        let perRow = 256 / element.blockSize
        for place in blocks.places {
            for block in 0..<perRow { blocks.setScale(0, of: 2 * perRow + block, at: place) }
            blocks.setScale(0x7E00, of: 3 * perRow, at: place)  // NaN
            blocks.setScale(0x7C00, of: 20 * perRow - 1, at: place)  // infinity
        }
        let product = matmul(Tensor.full([m, 256], 0.5), blocks.tensor.transposed())
        for (i, value) in product.values.enumerated() {
            switch i % 20 {
            case 2: #expect(value == 0)
            case 3: #expect(value.isNaN)
            case 19: #expect(!value.isFinite)
            default: #expect(value.isFinite, "index \(i)")
            }
        }
    }

    @Test(arguments: quantized, [1, 4])
    func `activations that are not finite do not give numbers`(element: ElementType, m: Int) {
        let weights = Blocks(element, rows: 5, columns: 256, seed: 8).tensor.transposed()
        for value in [Float.nan, .infinity, -.infinity] {
            var x = [Float](repeating: 1, count: m * 256)
            x[37] = value
            let product = matmul(Tensor(x, shape: [m, 256]), weights).values
            #expect(!product.prefix(5).contains { $0.isFinite })
            #expect(!product.dropFirst(5).contains { !$0.isFinite })
        }
    }

    @Test(arguments: quantized) func `activations of 0 give 0`(element: ElementType) {
        let weights = Blocks(element, rows: 5, columns: 256, seed: 9).tensor.transposed()
        #expect(matmul(Tensor.full([2, 256], 0), weights).values.allSatisfy { $0 == 0 })
    }

    @Test(arguments: quantized) func `a table's rows are Floats`(element: ElementType) {
        let blocks = Blocks(element, rows: 6, columns: 256, seed: 10)
        let rows = blocks.tensor[[5, 0, 5]]
        #expect(rows.element == .float32 && rows.shape == [3, 256])
        let values = blocks.values
        let expected = [5, 0, 5].flatMap { values[$0 * 256..<($0 + 1) * 256] }
        #expect(deviation(rows.values, expected) <= .rounding)
        #expect(deviation(blocks.tensor[2].values, Array(values[512..<768])) <= .rounding)
        #expect(deviation(blocks.tensor[1..<3].values, Array(values[256..<768])) <= .rounding)
    }

    @Test func `what blocks cannot do stops the program with a sentence`() async {
        func expect(_ sentence: String, in result: ExitTest.Result?) {
            let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
            #expect(text.contains(sentence), "\(text)")
        }
        expect(
            "no arithmetic with Q8_0 weights",
            in: await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Blocks(.q8, rows: 2, columns: 32, seed: 1).tensor + Tensor([1], shape: [])
            })
        expect(
            "Q4_0 weights are multiplied as [out, in], transposed",
            in: await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let weights = Blocks(.q4, rows: 2, columns: 64, seed: 1).tensor
                _ = matmul(Tensor.full([1, 32], 1), weights.transposed()[0..<32])
            })
        expect(
            "blocks are copied whole",
            in: await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                _ = Blocks(.q6K, rows: 2, columns: 256, seed: 1).tensor.transposed().values
            })
    }
}
