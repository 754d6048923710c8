// Gemm: the kernel for many rows, which arithmetic limits. It computes register tiles of 6 rows by
// two of the machine's widest vectors, over panels of the second matrix that are as wide as a tile.

import CIntrinsics

private typealias Vector = tile_vector

extension MatrixProduct {
    private static let tileRows = 6
    static let tileColumns = 2 * Vector.scalarCount
    /// Rows of `b` in one panel. A panel stays in the cache: it has 16 KiB, or 32 KiB with AVX-512.
    private static let panelDepth = 256

    /// Multiplies all rows of `a` by one panel of `b` at a time.
    func gemm<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let width = MatrixProduct.tileColumns
        let panelSize = max(1, min(k, MatrixProduct.panelDepth)) * width
        withUnsafeTemporaryAllocation(byteCount: panelSize * 4, alignment: 64) { bytes in
            let packed = bytes.baseAddress!.assumingMemoryBound(to: Float.self)
            for j in stride(from: columns.lowerBound, to: columns.upperBound, by: width) {
                let count = min(width, columns.upperBound - j)
                if k == 0 {
                    for i in 0..<m { (out + i * n + j).update(repeating: 0, count: count) }
                }
                for top in stride(from: 0, to: k, by: MatrixProduct.panelDepth) {
                    let depth = min(MatrixProduct.panelDepth, k - top)
                    let corner = b + top * bStrides.row + j * bStrides.column
                    var (panel, panelStride) = (Pointer(packed), width)
                    if bStrides.column == 1 && count == width, let corner = corner as? Pointer {
                        (panel, panelStride) = (corner, bStrides.row)  // already a panel
                    } else {
                        pack(corner, count, depth, packed)
                    }
                    for i in stride(from: 0, to: m, by: MatrixProduct.tileRows) {
                        tile(
                            a + i * aStrides.row + top * aStrides.column, panel, panelStride, depth,
                            out + i * n + j, rows: min(MatrixProduct.tileRows, m - i),
                            columns: count, accumulates: top > 0)
                    }
                }
            }
        }
    }

    /// Copies `count` columns of `b` into the rows of a panel, padded with zeros.
    private func pack<E: Element>(
        _ b: UnsafePointer<E>, _ count: Int, _ depth: Int, _ packed: MutablePointer
    ) {
        let width = MatrixProduct.tileColumns
        for left in stride(from: 0, to: width, by: 8) {
            let (source, target) = (b + left * bStrides.column, packed + left)
            let present = min(max(0, count - left), 8)
            var row = 0
            if present == 8 && bStrides.row == 1 {
                while row + 8 <= depth {
                    transpose8x8(source + row, bStrides.column, target + row * width, width)
                    row += 8
                }
            } else if present == 8 && bStrides.column == 1 {
                while row < depth {
                    store(E.load8(source + row * bStrides.row), target + row * width)
                    row += 1
                }
            }
            for row in row..<depth {
                for column in 0..<8 {
                    target[row * width + column] =
                        column < present
                        ? source[row * bStrides.row + column * bStrides.column].widened : 0
                }
            }
        }
    }

    /// Computes one register tile. Missing rows repeat the last one, but are not stored.
    @inline(__always)
    private func tile(
        _ a: Pointer, _ panel: Pointer, _ panelStride: Int, _ depth: Int, _ out: MutablePointer,
        rows: Int, columns: Int, accumulates: Bool
    ) {
        let last = rows - 1
        let a0 = a
        let a1 = a + min(1, last) * aStrides.row
        let a2 = a + min(2, last) * aStrides.row
        let a3 = a + min(3, last) * aStrides.row
        let a4 = a + min(4, last) * aStrides.row
        let a5 = a + min(5, last) * aStrides.row
        var (c0, d0, c1, d1) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var (c2, d2, c3, d3) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var (c4, d4, c5, d5) = (Vector.zero, Vector.zero, Vector.zero, Vector.zero)
        var b = panel
        var step = 0
        for _ in 0..<depth {
            let (left, right) = (loadVector(b), loadVector(b + Vector.scalarCount))
            c0.addProduct(left, a0[step])
            d0.addProduct(right, a0[step])
            c1.addProduct(left, a1[step])
            d1.addProduct(right, a1[step])
            c2.addProduct(left, a2[step])
            d2.addProduct(right, a2[step])
            c3.addProduct(left, a3[step])
            d3.addProduct(right, a3[step])
            c4.addProduct(left, a4[step])
            d4.addProduct(right, a4[step])
            c5.addProduct(left, a5[step])
            d5.addProduct(right, a5[step])
            b += panelStride
            step += aStrides.column
        }
        storeRow(c0, d0, out, columns, accumulates)
        if rows > 1 { storeRow(c1, d1, out + n, columns, accumulates) }
        if rows > 2 { storeRow(c2, d2, out + 2 * n, columns, accumulates) }
        if rows > 3 { storeRow(c3, d3, out + 3 * n, columns, accumulates) }
        if rows > 4 { storeRow(c4, d4, out + 4 * n, columns, accumulates) }
        if rows > 5 { storeRow(c5, d5, out + 5 * n, columns, accumulates) }
    }

    /// Stores one row of a tile, or adds it to the sum of the previous panels.
    @inline(__always)
    private func storeRow(
        _ left: Vector, _ right: Vector, _ out: MutablePointer, _ columns: Int, _ accumulates: Bool
    ) {
        let width = Vector.scalarCount
        if columns == 2 * width {
            store(accumulates ? loadVector(out) + left : left, out)
            store(accumulates ? loadVector(out + width) + right : right, out + width)
        } else {
            for j in 0..<columns {
                let sum = j < width ? left[j] : right[j - width]
                out[j] = accumulates ? out[j] + sum : sum
            }
        }
    }
}

@inline(__always)
private func loadVector(_ p: Pointer) -> Vector {
    UnsafeRawPointer(p).loadUnaligned(as: Vector.self)
}

/// Transposes an 8 × 8 block: three times, it separates pairs of rows into even and odd elements.
@inline(__always)
private func transpose8x8<E: Element>(
    _ source: UnsafePointer<E>, _ sourceStride: Int, _ target: MutablePointer, _ targetStride: Int
) {
    typealias Eight = SIMD8<Float>
    typealias Rows = (Eight, Eight, Eight, Eight, Eight, Eight, Eight, Eight)
    func deinterleaved(_ r: Rows) -> Rows {
        let (ab, cd) = (SIMD16(lowHalf: r.0, highHalf: r.1), SIMD16(lowHalf: r.2, highHalf: r.3))
        let (ef, gh) = (SIMD16(lowHalf: r.4, highHalf: r.5), SIMD16(lowHalf: r.6, highHalf: r.7))
        return (
            ab.evenHalf, cd.evenHalf, ef.evenHalf, gh.evenHalf,
            ab.oddHalf, cd.oddHalf, ef.oddHalf, gh.oddHalf
        )
    }
    func row(_ i: Int) -> Eight { E.load8(source + i * sourceStride) }
    let r = deinterleaved(
        deinterleaved(
            deinterleaved((row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)))))
    store(r.0, target)
    store(r.1, target + targetStride)
    store(r.2, target + 2 * targetStride)
    store(r.3, target + 3 * targetStride)
    store(r.4, target + 4 * targetStride)
    store(r.5, target + 5 * targetStride)
    store(r.6, target + 6 * targetStride)
    store(r.7, target + 7 * targetStride)
}
