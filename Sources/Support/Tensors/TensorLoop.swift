// TensorLoop: the loop over strided tensors. Copies, arithmetic and reductions use it. It merges
// axes if their strides allow it, so that most loops become a single long row.

/// A loop over one result and up to two operands of the same shape.
struct TensorLoop {
    /// The sizes of the axes outside the row; axes within it have size 1.
    private var outer: SIMD4<Int>
    private let out: SIMD4<Int>, a: SIMD4<Int>, b: SIMD4<Int>  // strides
    /// The number of elements in a row, and the strides along it.
    let rowSize: Int
    let rowStrides: (out: Int, a: Int, b: Int)

    /// Takes the strides of the result and both operands; pass a single operand's strides twice.
    init(_ shape: Shape, out: Shape, a: Shape, b: Shape) {
        (outer, self.out, self.a, self.b) = (shape.lanes, out.lanes, a.lanes, b.lanes)
        var row = (size: 1, out: 0, a: 0, b: 0)
        var axis = 3
        // merge axes into the row, from the last one on, while all strides allow it
        while axis >= 0 {
            let size = outer[axis]
            if row.size == 1 {
                row = (size, self.out[axis], self.a[axis], self.b[axis])
            } else if self.out[axis] == row.out * row.size && self.a[axis] == row.a * row.size
                && self.b[axis] == row.b * row.size
            {
                row.size *= size
            } else if size != 1 {
                break
            }
            outer[axis] = 1
            axis -= 1
        }
        (rowSize, rowStrides) = (row.size, (row.out, row.a, row.b))
    }

    /// Calls `body` with the offsets and the length of every row, on all threads if the loop is
    /// long enough. A single long row is split.
    @inline(__always)
    func forEachRow(_ body: (_ out: Int, _ a: Int, _ b: Int, _ count: Int) -> Void) {
        let taskSize = 1 << 14
        let rows = outer[0] * outer[1] * outer[2]
        let rowsPerTask = max(1, taskSize / max(rowSize, 1))
        let isSplit = rows == 1
        func run(_ task: Int) {
            let first = isSplit ? 0 : task * rowsPerTask
            let start = isSplit ? task * taskSize : 0
            let count = isSplit ? min(taskSize, rowSize - start) : rowSize
            for row in first..<(isSplit ? 1 : min(rows, first + rowsPerTask)) {
                let (k, ij) = (row % outer[2], row / outer[2])
                let (j, i) = (ij % outer[1], ij / outer[1])
                body(
                    i * out[0] + j * out[1] + k * out[2] + start * rowStrides.out,
                    i * a[0] + j * a[1] + k * a[2] + start * rowStrides.a,
                    i * b[0] + j * b[1] + k * b[2] + start * rowStrides.b, count)
            }
        }
        let tasks =
            isSplit ? (rowSize + taskSize - 1) / taskSize : (rows + rowsPerTask - 1) / rowsPerTask
        if tasks == 1 { run(0) } else { ThreadPool.shared.run(tasks, run) }
    }
}

/// Copies `source` to `target` as Floats, in row-major order unless `strides` are given.
func copy(_ source: Tensor, to target: UnsafeMutablePointer<Float>, strides: Shape? = nil) {
    let loop = TensorLoop(
        source.shape, out: strides ?? source.shape.rowMajorStrides,
        a: source.strides, b: source.strides)
    let (targetStride, sourceStride, _) = loop.rowStrides
    func copy<E: Element>(_ type: E.Type) {
        let elements = source.storage.elements(as: type) + source.offset
        loop.forEachRow { toOffset, fromOffset, _, count in
            let (to, from) = (target + toOffset, elements + fromOffset)
            if targetStride == 1, sourceStride == 1, let from = from as? UnsafeMutablePointer<Float>
            {
                to.update(from: from, count: count)
            } else {
                for i in 0..<count { to[i * targetStride] = from[i * sourceStride].widened }
            }
        }
    }
    withExtendedLifetime(source) {
        switch source.element {
        case .float32: copy(Float.self)
        case .float16: copy(Half.self)
        case .bfloat16: copy(BFloat16.self)
        case .q8, .q4, .q4K, .q5K, .q6K:
            precondition(source.isContiguous && strides == nil, "blocks are copied whole")
            let blocks = source.storage.bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
            dequantize(
                blocks + source.element.byteCount(source.offset), source.element,
                count: source.shape.count, to: target)
        }
    }
}
