// Matmul: matrix products over strided, broadcast tensors. It looks at the strides and the number of
// rows to choose one of the kernels in Kernels.swift, and spreads the work over the threads.

import Synchronization

/// The matrix product over the last two axes; the axes before them broadcast. A vector counts as one
/// row, and so does its result.
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
    let a = a.widened
    let b = b.strides[-2] == 1 ? b : b.widened  // kernels widen columns only
    let (m, k, n) = (a.shape[-2], a.shape[-1], b.shape[-1])
    let batch = a.shape.replacingLast(1, 1).broadcast(with: b.shape.replacingLast(1, 1))
    let shape = batch.replacingLast(m, n)
    MatmulWork.count(products: shape.count * k, bytes: b.shape.count * b.element.size)
    let aSteps = a.strides(stretchedTo: batch.replacingLast(m, k))
    let bSteps = b.strides(stretchedTo: batch.replacingLast(k, n))

    return Tensor(shape: shape) { out in
        let kernel = Kernel(
            m: m, k: k, n: n, aStrides: (a.strides[-2], a.strides[-1]),
            bStrides: (b.strides[-2], b.strides[-1]))
        // a piece is a run of columns of one of the batch's products
        let matrices = batch.count
        let columns = kernel.columnsPerPiece(matrices: matrices)
        let piecesPerMatrix = max(1, (n + columns - 1) / columns)
        let isShared = kernel.isWorthSharing(matrices: matrices)
        func run<E: Element>(_ bElements: UnsafePointer<E>) {
            let rows = UnsafeRawBufferPointer(
                start: bElements + b.offset, count: n * k * b.element.size)
            ThreadPool.shared.run(
                matrices * piecesPerMatrix, isShared: isShared,
                reading: matrices == 1 && kernel.readsRowsOfB ? rows : nil
            ) { piece in
                let (matrix, part) = (piece / piecesPerMatrix, piece % piecesPerMatrix)
                let (i, j) = (matrix / batch.lanes[1], matrix % batch.lanes[1])
                let aOffset = a.offset + i * aSteps.lanes[0] + j * aSteps.lanes[1]
                let bOffset = b.offset + i * bSteps.lanes[0] + j * bSteps.lanes[1]
                kernel.run(
                    a.storage.base + aOffset, bElements + bOffset, out + matrix * m * n,
                    columns: part * columns..<min(n, (part + 1) * columns))
            }
        }
        withExtendedLifetime((a, b)) {
            switch b.element {
            case .float32: run(Pointer(b.storage.base))
            case .float16: run(b.storage.halves(as: Half.self))
            case .bfloat16: run(b.storage.halves(as: BFloat16.self))
            }
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

/// What all matrix products of this process together had to do.
public struct MatmulWork: Sendable {
    private static let products = Atomic<Int>(0)
    private static let bytes = Atomic<Int>(0)

    /// Multiplications, each with an addition: two floating-point operations.
    public let products: Int
    /// The size of the second factors, each read at least once.
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
