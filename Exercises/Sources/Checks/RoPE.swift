// RoPE: the functions of chapter 3, and their checks.

import Foundation
import Support

protocol RoPESteps {
    func frequencies(headSize: Int, base: Float) -> Tensor
    func tables(
        positions: Range<Int>, headSize: Int, base: Float
    ) -> (cosine: Tensor, sine: Tensor)
    func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor
    func metaRows(headSize: Int) -> [Int]
}

extension RoPESteps {
    func checks(_ model: Model) -> [Check] {
        let base = Double(model.config.ropeTheta)
        func frequencies(_ headSize: Int, _ base: Double) -> [Double] {
            (0..<headSize / 2).map { pow(base, -2 * Double($0) / Double(headSize)) }
        }
        // positions 5, 6 and 7 of a text
        func angles(_ body: (Double) -> Double) -> Grid {
            Grid(3, 4) { row, pair in body(Double(5 + row) * frequencies(8, base)[pair]) }
        }
        let (cosine, sine) = (angles(cos), angles(sin))
        let tables = { self.tables(positions: 5..<8, headSize: 8, base: Float(base)) }

        // a quarter turn makes (0, 1) of (1, 0)
        let quarter = { (x: [Float]) in
            rotate(
                Tensor(x, shape: [1, 1, 4]), cosine: Tensor([1, 0], shape: [1, 2]),
                sine: Tensor([0, 1], shape: [1, 2]))
        }
        let x = Grid(2, 3, 8, seed: 1)

        // the queries of a text, and the same after RoPE
        let headSize = model.config.headSize
        let layer = model.layer(0).attention
        let q = model.attentionInput("Once upon a time").product(Grid(layer.wq))
            .split(heads: layer.heads)
        return [
            Check("frequencies", Grid([4], frequencies(8, base))) {
                self.frequencies(headSize: 8, base: Float(base))
            },
            Check("frequencies, base 16", Grid([2], [1, 0.25])) {
                self.frequencies(headSize: 4, base: 16)
            },
            Check("tables, cosine", cosine) { tables().cosine },
            Check("tables, sine", sine) { tables().sine },
            Check("rotate, the second pair by a quarter turn", Grid([1, 1, 4], [1, 2, -4, 3])) {
                quarter([1, 2, 3, 4])
            },
            Check("rotate, 2 heads of 3 tokens", x.rotated(from: 5, base: base)) {
                rotate(x.tensor, cosine: cosine.tensor, sine: sine.tensor)
            },
            Check("rotate, queries of tinytales with your tables", model.rotated(q)) {
                let tables = self.tables(
                    positions: 0..<q.shape[1], headSize: headSize, base: Float(base))
                return rotate(q.tensor, cosine: tables.cosine, sine: tables.sine)
            },
            Check("metaRows, 8 rows", [0, 4, 1, 5, 2, 6, 3, 7]) { metaRows(headSize: 8) },
        ]
    }
}
