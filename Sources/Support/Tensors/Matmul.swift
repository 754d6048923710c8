// Matmul: the matrix product of strided, broadcast tensors. It chooses a kernel of Gemv.swift or
// Gemm.swift by the number of rows and the strides, and divides the columns among the threads.

import Synchronization

/// The matrix product over the last two axes; the axes before them broadcast. A vector is treated
/// as one row, and the result is a vector again.
/// - Parameters:
///   - a: [..., m, k] or [k]
///   - b: [..., k, n]
/// - Returns: [..., m, n] or [..., n]
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(
        a.shape.rank >= 1 && b.shape.rank >= 2 && a.shape[-1] == b.shape[-2],
        "cannot multiply matrices of shapes \(a.shape) and \(b.shape)")
    if a.shape.rank == 1 {
        let row = matmul(a.expandedDimensions(axis: 0), b)
        return row.selecting(0, axis: -2)
    }
    let a = b.element.isQuantized ? a.widened().contiguous() : a.widened()
    let b = b.strides[-2] == 1 ? b : b.widened()  // kernels widen contiguous columns only
    let (m, k, n) = (a.shape[-2], a.shape[-1], b.shape[-1])
    let batch = a.shape.replacingLast(1, 1).broadcast(with: b.shape.replacingLast(1, 1))
    let shape = batch.replacingLast(m, n)
    MatmulWork.count(products: shape.count * k, bytes: b.element.byteCount(b.shape.count))
    let aBatchStrides = a.strides(broadcastTo: batch.replacingLast(m, k))
    let bBatchStrides = b.strides(broadcastTo: batch.replacingLast(k, n))

    return Tensor(shape: shape) { out in
        let product = MatrixProduct(
            m: m, k: k, n: n, aStrides: (a.strides[-2], a.strides[-1]),
            bStrides: (b.strides[-2], b.strides[-1]))
        // a task is a range of columns of one product of the batch
        let matrices = batch.count
        let columns = product.columnsPerTask(matrices: matrices)
        let tasksPerMatrix = max(1, (n + columns - 1) / columns)
        let isParallel = product.isWorthSharing(matrices: matrices)
        func runBlocks() {
            precondition(
                b.strides[-2] == 1 && b.strides[-1] == k && matrices == 1
                    && k % b.element.blockSize == 0,
                "\(b.element.rawValue) weights are multiplied as [out, in], transposed")
            let blocks = b.storage.start.assumingMemoryBound(to: UInt8.self)
            let start = blocks + b.element.byteCount(b.offset)
            a.withElements { x in
                let isFloat = product.isGemm && !MatrixProduct.multipliesIntegers
                let rows = isFloat ? nil : QuantizedRows(x, count: m, k: k, for: b.element)
                ThreadPool.shared.run(tasksPerMatrix, isParallel: isParallel) { task in
                    let range = task * columns..<min(n, (task + 1) * columns)
                    if let rows, product.isGemm {
                        product.gemmOfIntegers(rows, start, b.element, out, range)
                    } else if let rows {
                        product.gemvOfBlocks(rows, start, b.element, out, range)
                    } else {
                        product.gemmOfBlocks(x, start, b.element, out, range)
                    }
                }
            }
        }
        func run<E: Element>(_ type: E.Type) {
            let (aStart, bStart) = (a.storage.elements() + a.offset, b.storage.elements(as: type))
            ThreadPool.shared.run(matrices * tasksPerMatrix, isParallel: isParallel) { task in
                let (matrix, block) = (task / tasksPerMatrix, task % tasksPerMatrix)
                let (i, j) = (matrix / batch.lanes[1], matrix % batch.lanes[1])
                product.compute(
                    aStart + (i * aBatchStrides.lanes[0] + j * aBatchStrides.lanes[1]),
                    bStart + (b.offset + i * bBatchStrides.lanes[0] + j * bBatchStrides.lanes[1]),
                    out + matrix * m * n, columns: block * columns..<min(n, (block + 1) * columns))
            }
        }
        withExtendedLifetime((a, b)) {
            switch b.element {
            case .float32: run(Float.self)
            case .float16: run(Half.self)
            case .bfloat16: run(BFloat16.self)
            case .q8, .q4, .q4K, .q5K, .q6K: runBlocks()
            }
        }
    }
}

/// The product of one m × k and one k × n matrix with the given strides. One thread computes each
/// result, and its order of additions depends on the shapes alone, so results do not depend on the
/// number of threads.
struct MatrixProduct {
    let m: Int, k: Int, n: Int
    let aStrides: (row: Int, column: Int)
    let bStrides: (row: Int, column: Int)
    var threads = ThreadPool.shared.threads

    private enum Kernel { case gemvOfRows, gemvOfColumns, gemm }

    /// Whether many rows share what is read of `b`.
    var isGemm: Bool { kernel == .gemm }

    private var kernel: Kernel {
        if m >= 4 || aStrides.column != 1 { return .gemm }
        if bStrides.row == 1 { return .gemvOfRows }
        return bStrides.column == 1 ? .gemvOfColumns : .gemm
    }

    /// The cost of a column, in elements read. With many rows, arithmetic is the limit, not memory.
    private var columnCost: Int { k * max(1, m / 8) }

    /// Whether this many products take longer than distributing their tasks: a few microseconds.
    func isWorthSharing(matrices: Int) -> Bool { columnCost * n * matrices >= 1 << 15 }

    /// The columns of one task: a quarter of a thread's share, with a lower limit set by the cost
    /// of claiming a task and an upper limit of about 25 µs of work. All columns if the product is
    /// not worth sharing.
    func columnsPerTask(matrices: Int) -> Int {
        if threads == 1 || !isWorthSharing(matrices: matrices) { return max(n, 1) }
        let share = n * matrices / (4 * threads)
        let columns = min(max(share, (1 << 13) / columnCost), (1 << 17) / columnCost)
        let width = MatrixProduct.tileColumns
        return max(1, (columns + width - 1) / width) * width
    }

    /// Computes `columns` of the product into `out`, a row-major m × n matrix.
    func compute<E: Element>(
        _ a: Pointer, _ b: UnsafePointer<E>, _ out: MutablePointer, columns: Range<Int>
    ) {
        switch kernel {
        case .gemvOfRows: gemvOfRows(a, b, out, columns)
        case .gemvOfColumns: gemvOfColumns(a, b, out, columns)
        case .gemm: gemm(a, b, out, columns)
        }
    }
}

extension Shape {
    fileprivate func replacingLast(_ rows: Int, _ columns: Int) -> Shape {
        var result = self
        (result[-2], result[-1]) = (rows, columns)
        return result
    }
}

/// The work of all matrix products of this process, for the timer and the benchmark.
public struct MatmulWork: Sendable {
    private static let products = Atomic<Int>(0)
    private static let bytes = Atomic<Int>(0)

    /// Multiply-adds, of two floating-point operations each.
    public let products: Int
    /// The size of all second operands in bytes; each is read at least once.
    public let bytes: Int

    /// The work since the process began.
    public static var sinceStart: MatmulWork {
        MatmulWork(
            products: products.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed))
    }

    static func count(products new: Int, bytes read: Int) {
        products.add(new, ordering: .relaxed)
        bytes.add(read, ordering: .relaxed)
    }
}
