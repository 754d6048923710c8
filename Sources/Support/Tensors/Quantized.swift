// Quantized: products with weights in blocks of small integers, and their values. Matmul uses the
// products; copies, such as the rows of the embeddings, use the values.

import CIntrinsics

/// Rows of activations as 8-bit integers, 32 to a scale: made once per product.
final class QuantizedRows {
    private let count: Int
    private let values: UnsafeMutablePointer<Int8>
    private let scales, sums: MutablePointer

    /// - Parameter rows: contiguous rows of `k` elements, a multiple of 32.
    init(_ rows: Pointer, count: Int, k: Int) {
        self.count = k
        values = .allocate(capacity: count * k)
        scales = .allocate(capacity: count * k / 32)
        sums = .allocate(capacity: count * k / 16)
        for block in 0..<count * k / 32 {
            let x = rows + block * 32
            var (largest, poison) = (Float(0), Float(0))
            for i in 0..<32 {
                largest = max(largest, x[i].magnitude)
                poison += x[i] * 0  // 0, or NaN if an activation is not finite
            }
            let scale = largest / 127
            let inverse = scale > 0 ? 1 / scale : 0
            scales[block] = scale + poison
            for half in 0..<2 {
                var sum: Int32 = 0
                for i in half * 16..<half * 16 + 16 {
                    let value = (x[i] * inverse).rounded()
                    let q = Int8(max(-127, min(127, value.isNaN ? 0 : value)))
                    values[block * 32 + i] = q
                    sum += Int32(q)
                }
                sums[block * 2 + half] = scales[block] * Float(sum)
            }
        }
    }

    deinit {
        values.deallocate()
        scales.deallocate()
        sums.deallocate()
    }

    subscript(row: Int) -> quantized_row {
        quantized_row(
            values: values + row * count, scales: scales + row * count / 32,
            sums: sums + row * count / 16)
    }
}

extension MatrixProduct {
    /// A transposed weight in blocks: each result is the dot product of two rows. As in
    /// `gemvOfRows`, two rows at a time, half of all apart.
    func gemvOfBlocks(
        _ rows: QuantizedRows, _ b: UnsafePointer<UInt8>, _ element: ElementType,
        _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let (rowBytes, blocks) = (element.byteCount(k), Int32(k / element.blockSize))
        let half = (columns.count + 1) / 2
        for j in columns.lowerBound..<columns.lowerBound + half {
            let other = min(j + half, columns.upperBound - 1)
            let (p, q) = (b + j * rowBytes, b + other * rowBytes)
            for i in 0..<m {
                let x = rows[i]
                let pair =
                    switch element {
                    case .q8: dot_q8_0_rows(p, q, x, blocks)
                    case .q4: dot_q4_0_rows(p, q, x, blocks)
                    case .q4K: dot_q4_k_rows(p, q, x, blocks)
                    case .q5K: dot_q5_k_rows(p, q, x, blocks)
                    default: dot_q6_k_rows(p, q, x, blocks)
                    }
                (out[i * n + j], out[i * n + other]) = (pair[0], pair[1])
            }
        }
    }

    /// The same for many rows: the values of a panel's columns as Floats, then `gemm`.
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
    for block in 0..<count / element.blockSize {
        let source = blocks + block * element.blockByteCount
        let target = out + block * element.blockSize
        switch element {
        case .q8: values_q8_0(source, target)
        case .q4: values_q4_0(source, target)
        case .q4K: values_q4_k(source, target)
        case .q5K: values_q5_k(source, target)
        default: values_q6_k(source, target)
        }
    }
}
