// Quantized: products with weights in blocks of small integers, and their values. Matmul uses the
// products; copies, such as the rows of the embeddings, use the values.

import CIntrinsics

extension ElementType {
    /// The kind of a quantised type's blocks.
    var blockKind: block_kind {
        switch self {
        case .q8: Q8_0
        case .q4: Q4_0
        case .q4K: Q4_K
        case .q5K: Q5_K
        case .q6K: Q6_K
        case .float32, .float16, .bfloat16: preconditionFailure("\(rawValue) has no blocks")
        }
    }
}

/// Rows of activations as 8-bit integers, 32 to a scale: made once per product.
final class QuantizedRows {
    let kind: block_kind
    private let k: Int
    private let all: quantized_row

    /// - Parameters:
    ///   - rows: `count` contiguous rows of `k` elements, a multiple of 32.
    ///   - element: the type of the weights.
    init(_ rows: Pointer, count: Int, k: Int, for element: ElementType) {
        kind = element.blockKind
        self.k = k
        let elements = count * k
        all = quantized_row(
            values: .allocate(capacity: elements), scales: .allocate(capacity: elements / 32),
            sums: .allocate(capacity: elements / 16), starts: .allocate(capacity: elements / 4))
        let (kind, all, parts) = (kind, all, k / 32)
        ThreadPool.shared.run(count, isParallel: elements >= 1 << 15) { row in
            for part in row * parts..<(row + 1) * parts {
                quantize_part(rows, kind, all, Int32(part))
            }
        }
    }

    deinit {
        all.values.deallocate()
        all.scales.deallocate()
        all.sums.deallocate()
        all.starts.deallocate()
    }

    subscript(row: Int) -> quantized_row {
        quantized_row(
            values: all.values + row * k, scales: all.scales + row * k / 32,
            sums: all.sums + row * k / Int(group_of(kind)), starts: all.starts + row * k / 4)
    }
}

extension MatrixProduct {
    /// Whether many rows are multiplied by quantised weights as integers, or as Floats.
    static var multipliesIntegers: Bool { has_integer_products != 0 }

    /// A transposed weight in blocks: each result is the dot product of two rows. As in
    /// `gemvOfRows`, two rows at a time, half of all apart.
    func gemvOfBlocks(
        _ rows: QuantizedRows, _ b: UnsafePointer<UInt8>, _ element: ElementType,
        _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let (start, half) = (columns.lowerBound, (columns.count + 1) / 2)
        for i in 0..<m {
            multiply_quantized_rows(
                rows.kind, b + start * element.byteCount(k), Int32(columns.count), Int32(half),
                rows[i], Int32(k / element.blockSize), out + i * n + start)
        }
    }

    /// The same for many rows, where the machine multiplies bytes faster than Floats: panels of
    /// 32 columns.
    func gemmOfIntegers(
        _ rows: QuantizedRows, _ b: UnsafePointer<UInt8>, _ element: ElementType,
        _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let (rowBytes, blocks) = (element.byteCount(k), Int32(k / element.blockSize))
        let (width, groups) = (Int(PANEL_COLUMNS), k / Int(group_of(rows.kind)))
        let integers = UnsafeMutableRawPointer.allocate(byteCount: k * width, alignment: 64)
        let scales = MutablePointer.allocate(capacity: 2 * groups * width)
        defer {
            integers.deallocate()
            scales.deallocate()
        }
        // a last panel that is not full leaves columns as they were, and they are not stored
        integers.initializeMemory(as: UInt8.self, repeating: 0, count: k * width)
        scales.update(repeating: 0, count: 2 * groups * width)
        let panel = quantized_panel(
            integers: integers.assumingMemoryBound(to: UInt8.self), scales: scales,
            minima: scales + groups * width)
        for j in stride(from: columns.lowerBound, to: columns.upperBound, by: width) {
            let count = min(width, columns.upperBound - j)
            for column in stride(from: 0, to: count, by: 2) {
                let (p, q) = (j + column, min(j + column + 1, j + count - 1))
                pack_quantized_rows(
                    rows.kind, b + p * rowBytes, b + q * rowBytes, blocks, Int32(column), panel)
            }
            multiply_quantized_panel(
                rows.kind, panel, rows[0], Int32(m), Int32(k), out + j, n, Int32(count))
        }
    }

    /// The same where it does not: the values of a panel's columns as Floats, then `gemm`.
    func gemmOfBlocks(
        _ a: Pointer, _ b: UnsafePointer<UInt8>, _ element: ElementType,
        _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let width = MatrixProduct.tileColumns
        let panel = MutablePointer.allocate(capacity: width * k)
        defer { panel.deallocate() }
        for j in stride(from: columns.lowerBound, to: columns.upperBound, by: width) {
            let count = min(width, columns.upperBound - j)
            dequantize(b + j * element.byteCount(k), element, count: count * k, to: panel)
            gemm(a, Pointer(panel), out + j, 0..<count)
        }
    }
}

/// Writes the values of contiguous elements, whole blocks.
func dequantize(
    _ blocks: UnsafePointer<UInt8>, _ element: ElementType, count: Int, to out: MutablePointer
) {
    let kind = element.blockKind
    for block in 0..<count / element.blockSize {
        quantized_values(
            kind, blocks + block * element.blockByteCount, out + block * element.blockSize)
    }
}
