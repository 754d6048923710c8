// Kernels: the inner loops of matmul, in Swift's SIMD types on raw pointers. Each result is computed
// by one thread in an order that depends on the shapes alone, so the number of threads never shows.

typealias Pointer = UnsafePointer<Float>
typealias MutablePointer = UnsafeMutablePointer<Float>

/// How to multiply an m × k by a k × n matrix with the given steps between rows and columns.
struct Kernel {
    let m: Int, k: Int, n: Int
    let aStrides: (row: Int, column: Int)
    let bStrides: (row: Int, column: Int)
    /// Those that compute, and read, at the same time.
    var threads = ThreadPool.shared.threads

    private enum Method { case dotProducts, weightedRows, tiles }

    /// One to three rows read each weight once, so that memory sets the pace; more rows share what
    /// was read, in registers.
    private var method: Method {
        if m >= 4 || aStrides.column != 1 { return .tiles }
        if bStrides.row == 1 { return .dotProducts }
        return bStrides.column == 1 ? .weightedRows : .tiles
    }

    /// Whether the columns of `b`, one after the other, are all the memory there is to read.
    var readsRowsOfB: Bool { method == .dotProducts && bStrides.column == k }

    /// Whether so many products together take longer than sharing them: some microseconds.
    func isWorthSharing(matrices: Int) -> Bool { columnCost * n * matrices >= 1 << 15 }

    /// What a column costs, in elements read: many rows are bound by arithmetic, not by memory.
    private var columnCost: Int { k * max(1, m / 8) }

    /// How many columns one thread computes at a time: a quarter of its share, so that none waits long
    /// for another, but neither so few that claiming them would cost more than computing
    /// them nor more than some 25 microseconds' worth. All of them if sharing would not pay.
    func columnsPerPiece(matrices: Int) -> Int {
        if threads == 1 || !isWorthSharing(matrices: matrices) { return max(n, 1) }
        let share = n * matrices / (4 * threads)
        let columns = min(max(share, (1 << 13) / columnCost), (1 << 17) / columnCost)
        let width = Kernel.tileColumns
        return max(1, (columns + width - 1) / width) * width
    }

    /// Computes `columns` of the product into `out`, m × n and packed.
    func run<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, columns: Range<Int>
    ) {
        switch method {
        case .dotProducts: dotProducts(a, b, out, columns)
        case .weightedRows: weightedRows(a, b, out, columns)
        case .tiles: tiles(a, b, out, columns)
        }
    }

    // MARK: One row · a transposed weight: each result is a dot product of two packed rows

    /// Two columns at a time, half of all apart: the memory then has two streams to follow, and what
    /// is loaded of `a` serves both. (Neighbours would do much worse: each would interrupt the other's
    /// stream.) A thread that has the memory to itself alternates between two such pairs. One thread
    /// reads up to 25 % faster than column by column, two threads 5 to 10 %.
    private func dotProducts<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let half = (columns.count + 1) / 2
        let turns = threads == 1 ? 2 : 1
        let stretch = half / turns
        for place in 0..<half {
            let isTurned = place < turns * stretch
            let j =
                columns.lowerBound
                + (isTurned ? place % turns * stretch + place / turns : place)
            let other = min(j + half, columns.upperBound - 1)
            for i in 0..<m {
                let pair = dots(
                    a + i * aStrides.row, b + j * bStrides.column, b + other * bStrides.column, k)
                (out[i * n + j], out[i * n + other]) = (pair[0], pair[1])
            }
        }
    }

    // MARK: One row · a packed matrix: the sum of its rows, weighted

    /// 32, 16 or 8 columns at a time, so that heads of every usual size are read in few passes; of the
    /// upper and of the lower half of the rows in turn, two streams again.
    private func weightedRows<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let half = k / 2
        let across = half * bStrides.row
        for i in 0..<m {
            let (weights, sums) = (a + i * aStrides.row, out + i * n)
            var j = columns.lowerBound
            while j + 32 <= columns.upperBound {
                var (u0, u1) = (SIMD16<Float>.zero, SIMD16<Float>.zero)
                var (l0, l1) = (SIMD16<Float>.zero, SIMD16<Float>.zero)
                var place = b + j
                for row in 0..<half {
                    u0.addProduct(load16(place), weights[row])
                    u1.addProduct(load16(place + 16), weights[row])
                    l0.addProduct(load16(place + across), weights[row + half])
                    l1.addProduct(load16(place + across + 16), weights[row + half])
                    place += bStrides.row
                }
                if k % 2 == 1 {
                    u0.addProduct(load16(place + across), weights[k - 1])
                    u1.addProduct(load16(place + across + 16), weights[k - 1])
                }
                store16(u0 + l0, sums + j)
                store16(u1 + l1, sums + j + 16)
                j += 32
            }
            while j + 8 <= columns.upperBound {
                // 16 columns, or 8 once and once more
                let next = j + 16 <= columns.upperBound ? 8 : 0
                var (u0, u1) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
                var (l0, l1) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
                var place = b + j
                for row in 0..<half {
                    u0.addProduct(E.load8(place), weights[row])
                    u1.addProduct(E.load8(place + next), weights[row])
                    l0.addProduct(E.load8(place + across), weights[row + half])
                    l1.addProduct(E.load8(place + across + next), weights[row + half])
                    place += bStrides.row
                }
                if k % 2 == 1 {
                    u0.addProduct(E.load8(place + across), weights[k - 1])
                    u1.addProduct(E.load8(place + across + next), weights[k - 1])
                }
                store8(u0 + l0, sums + j)
                store8(u1 + l1, sums + j + next)
                j += 8 + next
            }
            for j in j..<columns.upperBound {
                var sum: Float = 0
                for row in 0..<k { sum += weights[row] * b[row * bStrides.row + j].widened }
                sums[j] = sum
            }
        }
    }

    // MARK: Many rows: register tiles of 6 rows by 16 columns

    private static let tileRows = 6
    private static let tileColumns = 16
    /// Rows of `b` in one panel: 64 KiB of 16 columns stay in the second-level cache.
    private static let panelDepth = 1024

    /// 16 columns of `b` at a time become a panel, packed where they are not already rows of 16, and
    /// every 6 rows of `a` are multiplied by it, sums in registers.
    private func tiles<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, _ columns: Range<Int>
    ) {
        let width = Kernel.tileColumns
        withUnsafeTemporaryAllocation(
            byteCount: min(k, Kernel.panelDepth) * width * 4, alignment: 64
        ) { bytes in
            let packed = bytes.baseAddress.map { $0.assumingMemoryBound(to: Float.self) }
            for j in stride(from: columns.lowerBound, to: columns.upperBound, by: width) {
                let count = min(width, columns.upperBound - j)
                if k == 0 {
                    for i in 0..<m { (out + i * n + j).update(repeating: 0, count: count) }
                }
                for top in stride(from: 0, to: k, by: Kernel.panelDepth) {
                    let depth = min(Kernel.panelDepth, k - top)
                    let corner = b + top * bStrides.row + j * bStrides.column
                    var (panel, panelStep) = (Pointer(packed!), width)
                    if bStrides.column == 1 && count == width, let corner = corner as? Pointer {
                        (panel, panelStep) = (corner, bStrides.row)
                    } else {
                        pack(corner, count, depth, packed!)
                    }
                    for i in stride(from: 0, to: m, by: Kernel.tileRows) {
                        tile(
                            a + i * aStrides.row + top * aStrides.column, panel, panelStep, depth,
                            out + i * n + j, rows: min(Kernel.tileRows, m - i), columns: count,
                            adding: top > 0)
                    }
                }
            }
        }
    }

    /// Copies `count` columns of `b` as rows of 16, zeros behind the last.
    private func pack<E: Element>(
        _ b: UnsafePointer<E>, _ count: Int, _ depth: Int, _ packed: MutablePointer
    ) {
        let width = Kernel.tileColumns
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

    /// One register tile. Rows that are missing repeat the last, and are not stored.
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
            let row = load16(b)
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

    @inline(__always)
    private func finish(
        _ sums: SIMD16<Float>, _ out: MutablePointer, _ columns: Int, _ adding: Bool
    ) {
        if columns == Kernel.tileColumns {
            store16(adding ? load16(out) + sums : sums, out)
        } else {
            for j in 0..<columns { out[j] = adding ? out[j] + sums[j] : sums[j] }
        }
    }
}

/// The dot products of one packed vector with two others; two sums of eight for each, so that a
/// multiplication need not wait for the one before it.
@inline(__always)
private func dots<E: Element>(
    _ a: Pointer, _ b: UnsafePointer<E>, _ c: UnsafePointer<E>, _ count: Int
) -> SIMD2<Float> {
    var (b0, b1) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
    var (c0, c1) = (SIMD8<Float>.zero, SIMD8<Float>.zero)
    var i = 0
    while i &+ 16 <= count {
        let (x0, x1) = (Float.load8(a + i), Float.load8(a + i + 8))
        b0.addProduct(x0, E.load8(b + i))
        b1.addProduct(x1, E.load8(b + i + 8))
        c0.addProduct(x0, E.load8(c + i))
        c1.addProduct(x1, E.load8(c + i + 8))
        i &+= 16
    }
    if i &+ 8 <= count {
        let x = Float.load8(a + i)
        b0.addProduct(x, E.load8(b + i))
        c0.addProduct(x, E.load8(c + i))
        i &+= 8
    }
    // neighbours are added three times: eight sums, four, two, one of each
    let eights = SIMD16(lowHalf: b0 + b1, highHalf: c0 + c1)
    let fours = eights.evenHalf + eights.oddHalf
    let twos = fours.evenHalf + fours.oddHalf
    var sums = twos.evenHalf + twos.oddHalf
    while i < count {
        sums += a[i] * SIMD2(b[i].widened, c[i].widened)
        i += 1
    }
    return sums
}

/// Transposes 8 rows of 8: three times, neighbours are dealt out into even and odd places.
@inline(__always)
private func transpose8x8<E: Element>(
    _ source: UnsafePointer<E>, _ sourceStep: Int, _ target: MutablePointer, _ targetStep: Int
) {
    typealias Rows = (
        SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>,
        SIMD8<Float>, SIMD8<Float>, SIMD8<Float>, SIMD8<Float>
    )
    func dealt(_ r: Rows) -> Rows {
        let (ab, cd) = (SIMD16(lowHalf: r.0, highHalf: r.1), SIMD16(lowHalf: r.2, highHalf: r.3))
        let (ef, gh) = (SIMD16(lowHalf: r.4, highHalf: r.5), SIMD16(lowHalf: r.6, highHalf: r.7))
        return (
            ab.evenHalf, cd.evenHalf, ef.evenHalf, gh.evenHalf,
            ab.oddHalf, cd.oddHalf, ef.oddHalf, gh.oddHalf
        )
    }
    func row(_ i: Int) -> SIMD8<Float> { E.load8(source + i * sourceStep) }
    let r = dealt(
        dealt(dealt((row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)))))
    store8(r.0, target)
    store8(r.1, target + targetStep)
    store8(r.2, target + 2 * targetStep)
    store8(r.3, target + 3 * targetStep)
    store8(r.4, target + 4 * targetStep)
    store8(r.5, target + 5 * targetStep)
    store8(r.6, target + 6 * targetStep)
    store8(r.7, target + 7 * targetStep)
}

@inline(__always)
private func load16<E: Element>(_ p: UnsafePointer<E>) -> SIMD16<Float> {
    SIMD16(lowHalf: E.load8(p), highHalf: E.load8(p + 8))
}

@inline(__always)
private func store16(_ lanes: SIMD16<Float>, _ p: MutablePointer) {
    UnsafeMutableRawPointer(p).storeBytes(of: lanes, as: SIMD16<Float>.self)
}

@inline(__always)
private func store8(_ lanes: SIMD8<Float>, _ p: MutablePointer) {
    UnsafeMutableRawPointer(p).storeBytes(of: lanes, as: SIMD8<Float>.self)
}
