// TensorLoop: the loop over strided tensors behind copies, arithmetic and reductions. It merges axes
// with regular strides, so that most loops become a single long row.

/// A loop over one result and up to two operands of the same shape.
struct TensorLoop {
    /// The sizes of the axes that are not part of a row, and the strides of all axes.
    private var outer: SIMD4<Int>
    private let out: SIMD4<Int>, a: SIMD4<Int>, b: SIMD4<Int>
    /// The elements of one row, and the steps of result and operands along it.
    let rowSize: Int
    let steps: (out: Int, a: Int, b: Int)

    /// The strides of the result and of both operands; a missing operand repeats the other's.
    init(_ shape: Shape, out: Shape, a: Shape, b: Shape) {
        (outer, self.out, self.a, self.b) = (shape.lanes, out.lanes, a.lanes, b.lanes)
        var row = (size: 1, out: 0, a: 0, b: 0)
        var axis = 3
        // from the last axis on, axes join the row as long as every operand's strides are regular
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
        (rowSize, steps) = (row.size, (row.out, row.a, row.b))
    }

    /// Calls `body` with the offsets and the length of every row, on all threads if the loop is long
    /// enough. A single long row is cut into several.
    @inline(__always)
    func forEachRow(_ body: (_ out: Int, _ a: Int, _ b: Int, _ count: Int) -> Void) {
        let enough = 1 << 14
        let rows = outer[0] * outer[1] * outer[2]
        let rowsAtOnce = max(1, enough / max(rowSize, 1))
        let isCut = rows == 1
        func part(_ index: Int) {
            let first = isCut ? 0 : index * rowsAtOnce
            let start = isCut ? index * enough : 0
            let count = isCut ? min(enough, rowSize - start) : rowSize
            for row in first..<(isCut ? 1 : min(rows, first + rowsAtOnce)) {
                let (k, ij) = (row % outer[2], row / outer[2])
                let (j, i) = (ij % outer[1], ij / outer[1])
                body(
                    i * out[0] + j * out[1] + k * out[2] + start * steps.out,
                    i * a[0] + j * a[1] + k * a[2] + start * steps.a,
                    i * b[0] + j * b[1] + k * b[2] + start * steps.b, count)
            }
        }
        let parts = isCut ? (rowSize + enough - 1) / enough : (rows + rowsAtOnce - 1) / rowsAtOnce
        if parts == 1 { part(0) } else { ThreadPool.shared.run(parts, part) }
    }
}

/// Copies the elements of `source` to `target` as Floats, row-major unless other strides are given.
func copy(_ source: Tensor, to target: UnsafeMutablePointer<Float>, strides: Shape? = nil) {
    let loop = TensorLoop(
        source.shape, out: strides ?? source.shape.rowMajorStrides,
        a: source.strides, b: source.strides)
    let (toStep, fromStep, _) = loop.steps
    func copy<E: Element>(_ type: E.Type) {
        let elements = source.storage.elements(as: type) + source.offset
        loop.forEachRow { toOffset, fromOffset, _, count in
            let (to, from) = (target + toOffset, elements + fromOffset)
            if toStep == 1, fromStep == 1, let from = from as? UnsafeMutablePointer<Float> {
                to.update(from: from, count: count)
            } else {
                for i in 0..<count { to[i * toStep] = from[i * fromStep].widened }
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
