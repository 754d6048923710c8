// Gemm: the kernel for many rows, where arithmetic sets the pace: register tiles of 6 rows by 16
// columns over panels of the second matrix, packed to rows of 16.

extension MatrixProduct {
    private static let tileRows = 6
    static let tileColumns = 16
    /// Rows of `b` in one panel: 64 KiB of 16 columns stay in the second-level cache.
    private static let panelDepth = 1024

    /// Multiplies all rows of `a` by 16 columns of `b` at a time.
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
                    var (panel, panelStep) = (Pointer(packed), width)
                    if bStrides.column == 1 && count == width, let corner = corner as? Pointer {
                        (panel, panelStep) = (corner, bStrides.row)  // nothing to pack
                    } else {
                        pack(corner, count, depth, packed)
                    }
                    for i in stride(from: 0, to: m, by: MatrixProduct.tileRows) {
                        tile(
                            a + i * aStrides.row + top * aStrides.column, panel, panelStep, depth,
                            out + i * n + j, rows: min(MatrixProduct.tileRows, m - i),
                            columns: count, adding: top > 0)
                    }
                }
            }
        }
    }

    /// Copies `count` columns of `b` as rows of 16, padded with zeros.
    private func pack<E: Element>(
        _ b: UnsafePointer<E>, _ count: Int, _ depth: Int, _ packed: MutablePointer
    ) {
        let width = MatrixProduct.tileColumns
        var row = 0
        if bStrides.row == 1 && count == width {
            while row + 8 <= depth {
                for half in stride(from: 0, to: width, by: 8) {
                    let corner = b + half * bStrides.column + row
                    transpose8x8(corner, bStrides.column, packed + row * width + half, width)
                }
                row += 8
            }
        }
        for row in row..<depth {
            for column in 0..<width {
                packed[row * width + column] =
                    column < count ? b[row * bStrides.row + column * bStrides.column].widened : 0
            }
        }
    }

    /// One register tile. Missing rows repeat the last one and are not stored.
    @inline(__always)
    private func tile(
        _ a: Pointer, _ panel: Pointer, _ panelStep: Int, _ depth: Int, _ out: MutablePointer,
        rows: Int, columns: Int, adding: Bool
    ) {
        let last = rows - 1
        let a0 = a
        let a1 = a + min(1, last) * aStrides.row
        let a2 = a + min(2, last) * aStrides.row
        let a3 = a + min(3, last) * aStrides.row
        let a4 = a + min(4, last) * aStrides.row
        let a5 = a + min(5, last) * aStrides.row
        var (c0, c1, c2) = (SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero)
        var (c3, c4, c5) = (SIMD16<Float>.zero, SIMD16<Float>.zero, SIMD16<Float>.zero)
        var b = panel
        var step = 0
        for _ in 0..<depth {
            let row = Float.load16(b)
            c0.addProduct(row, a0[step])
            c1.addProduct(row, a1[step])
            c2.addProduct(row, a2[step])
            c3.addProduct(row, a3[step])
            c4.addProduct(row, a4[step])
            c5.addProduct(row, a5[step])
            b += panelStep
            step += aStrides.column
        }
        finish(c0, out, columns, adding)
        if rows > 1 { finish(c1, out + n, columns, adding) }
        if rows > 2 { finish(c2, out + 2 * n, columns, adding) }
        if rows > 3 { finish(c3, out + 3 * n, columns, adding) }
        if rows > 4 { finish(c4, out + 4 * n, columns, adding) }
        if rows > 5 { finish(c5, out + 5 * n, columns, adding) }
    }

    /// Stores one row of a tile, or adds it to the panels before.
    @inline(__always)
    private func finish(
        _ sums: SIMD16<Float>, _ out: MutablePointer, _ columns: Int, _ adding: Bool
    ) {
        if columns == MatrixProduct.tileColumns {
            store(adding ? Float.load16(out) + sums : sums, out)
        } else {
            for j in 0..<columns { out[j] = adding ? out[j] + sums[j] : sums[j] }
        }
    }
}

/// Transposes 8 rows of 8: three times, neighbours are dealt out into even and odd places.
@inline(__always)
private func transpose8x8<E: Element>(
    _ source: UnsafePointer<E>, _ sourceStep: Int, _ target: MutablePointer, _ targetStep: Int
) {
    typealias Rows = (Lanes, Lanes, Lanes, Lanes, Lanes, Lanes, Lanes, Lanes)
    func dealt(_ r: Rows) -> Rows {
        let (ab, cd) = (SIMD16(lowHalf: r.0, highHalf: r.1), SIMD16(lowHalf: r.2, highHalf: r.3))
        let (ef, gh) = (SIMD16(lowHalf: r.4, highHalf: r.5), SIMD16(lowHalf: r.6, highHalf: r.7))
        return (
            ab.evenHalf, cd.evenHalf, ef.evenHalf, gh.evenHalf,
            ab.oddHalf, cd.oddHalf, ef.oddHalf, gh.oddHalf
        )
    }
    func row(_ i: Int) -> Lanes { E.load8(source + i * sourceStep) }
    let r = dealt(
        dealt(dealt((row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)))))
    store(r.0, target)
    store(r.1, target + targetStep)
    store(r.2, target + 2 * targetStep)
    store(r.3, target + 3 * targetStep)
    store(r.4, target + 4 * targetStep)
    store(r.5, target + 5 * targetStep)
    store(r.6, target + 6 * targetStep)
    store(r.7, target + 7 * targetStep)
}
