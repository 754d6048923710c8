// TensorLoop: the one way this library walks over strided tensors. Axes that lie regularly in
// memory for every operand are merged first, so that most walks become a single long row.

/// A walk over one result and up to two operands of the same shape.
struct TensorLoop {
    private(set) var shape: Shape
    private var out: Shape
    private var a: Shape
    private var b: Shape

    /// The strides of the result and of the operands; for an operand that is missing, another's again.
    init(_ shape: Shape, out: Shape, a: Shape, b: Shape) {
        if out == a && out == b && out == shape.rowMajorStrides {  // one row, and the usual case
            self.shape = Shape(rank: 4) { $0 == 3 ? shape.count : 1 }
            self.out = Shape(rank: 4) { $0 == 3 ? 1 : 0 }
            (self.a, self.b) = (self.out, self.out)
            return
        }
        // from the back, an axis joins the one behind if every operand steps over both evenly
        var sizes = Shape(rank: 4) { _ in 1 }
        let zeros = Shape(rank: 4) { _ in 0 }
        var (outs, firsts, seconds) = (zeros, zeros, zeros)
        var last = 4
        for axis in stride(from: shape.rank - 1, through: 0, by: -1) where shape[axis] != 1 {
            if last < 4, out[axis] == outs[last] * sizes[last],
                a[axis] == firsts[last] * sizes[last], b[axis] == seconds[last] * sizes[last]
            {
                sizes[last] *= shape[axis]
            } else {
                last -= 1
                sizes[last] = shape[axis]
                (outs[last], firsts[last], seconds[last]) = (out[axis], a[axis], b[axis])
            }
        }
        (self.shape, self.out, self.a, self.b) = (sizes, outs, firsts, seconds)
    }

    /// Elements of one row, and the steps of result and operands along it.
    var rowSize: Int { shape[3] }
    var steps: (out: Int, a: Int, b: Int) { (out[3], a[3], b[3]) }

    /// Calls `body` with the offsets and the length of every row, on all threads if there is enough
    /// to do. One very long row is cut into several.
    @inline(__always)
    func forEachRow(_ body: (_ out: Int, _ a: Int, _ b: Int, _ count: Int) -> Void) {
        let piece = 1 << 14
        let rows = shape[0] * shape[1] * shape[2]
        if rows == 1 {
            let pieces = max(1, (rowSize + piece - 1) / piece)
            ThreadPool.shared.run(pieces) { index in
                let start = index * piece
                body(
                    start * out[3], start * a[3], start * b[3], min(piece, rowSize - start))
            }
            return
        }
        let rowsAtOnce = max(1, piece / max(rowSize, 1))
        ThreadPool.shared.run((rows + rowsAtOnce - 1) / rowsAtOnce) { group in
            let end = min(rows, (group + 1) * rowsAtOnce)
            for row in group * rowsAtOnce..<end {
                let (k, ij) = (row % shape[2], row / shape[2])
                let (j, i) = (ij % shape[1], ij / shape[1])
                body(
                    i * out[0] + j * out[1] + k * out[2],
                    i * a[0] + j * a[1] + k * a[2],
                    i * b[0] + j * b[1] + k * b[2], rowSize)
            }
        }
    }
}

/// Copies the elements of `source` to `target`, as Floats, row-major unless other strides are given.
func copy(_ source: Tensor, to target: UnsafeMutablePointer<Float>, strides: Shape? = nil) {
    let loop = TensorLoop(
        source.shape, out: strides ?? source.shape.rowMajorStrides,
        a: source.strides, b: source.strides)
    let (toStep, fromStep, _) = loop.steps
    func widen<E: Element>(_ type: E.Type) {
        let source = source.storage.halves(as: type) + source.offset
        loop.forEachRow { toOffset, fromOffset, _, count in
            let (to, from) = (target + toOffset, source + fromOffset)
            for i in 0..<count { to[i * toStep] = from[i * fromStep].widened }
        }
    }
    withExtendedLifetime(source) {
        switch source.element {
        case .float16: widen(Half.self)
        case .bfloat16: widen(BFloat16.self)
        case .float32:
            let source = source.storage.base + source.offset
            loop.forEachRow { toOffset, fromOffset, _, count in
                let (to, from) = (target + toOffset, source + fromOffset)
                if toStep == 1 && fromStep == 1 {
                    to.update(from: from, count: count)
                } else {
                    for i in 0..<count { to[i * toStep] = from[i * fromStep] }
                }
            }
        }
    }
}
