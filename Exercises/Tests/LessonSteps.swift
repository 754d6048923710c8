// LessonSteps: the lesson's code behind the functions of the exercises. What the lesson does in the
// middle of Attention is repeated here in its words; the last check of the chapter runs Attention.

import Foundation

@testable import Exercise
@testable import Lesson
@testable import Support

struct LessonAttention: AttentionSteps {
    func project(_ x: Tensor, _ weight: Tensor) -> Tensor { Linear(weight: weight)(x) }

    func split(_ x: Tensor, heads: Int) -> Tensor {
        x.reshaped(x.shape[0], heads, x.shape[1] / heads).transposed(0, 1)
    }

    func scores(_ q: Tensor, _ k: Tensor) -> Tensor {
        matmul(q / Float(q.shape[2]).squareRoot(), k.transposed())
    }

    func mask(_ scores: Tensor) -> Tensor {
        var scores = scores
        scores.fillUpperTriangle(diagonal: 1, with: -.infinity)
        return scores
    }

    func softmax(_ scores: Tensor) -> Tensor { Softmax()(scores) }

    func mix(_ probabilities: Tensor, _ v: Tensor) -> Tensor {
        let heads = matmul(probabilities, v).transposed(0, 1)
        return heads.reshaped(heads.shape[0], heads.shape[1] * heads.shape[2])
    }

    func attention(
        _ x: Tensor, _ layer: AttentionLayer, rotate: (Tensor) -> Tensor
    ) -> Tensor {
        let headSize = x.shape[1] / layer.heads
        let config = Config(
            dim: x.shape[1], hiddenDim: 1, nLayers: 1, nHeads: layer.heads, nKvHeads: layer.heads,
            vocabSize: 1, maxSeqLen: 1)
        let attention = Attention(
            wq: Linear(weight: layer.wq), wk: Linear(weight: layer.wk),
            wv: Linear(weight: layer.wv), wo: Linear(weight: layer.wo), config: config)
        let rope = RoPE(positions: 0..<x.shape[0], headSize: headSize, base: config.ropeTheta)
        return attention(x, rope: rope)
    }
}

struct LessonRoPE: RoPESteps {
    /// The lesson keeps only cosine and sine; at position 1, the angle is the frequency.
    func frequencies(headSize: Int, base: Float) -> Tensor {
        let rope = RoPE(positions: 1..<2, headSize: headSize, base: base)
        return Tensor(rope.sine.values.map { asin($0) })
    }

    func tables(
        positions: Range<Int>, headSize: Int, base: Float
    ) -> (cosine: Tensor, sine: Tensor) {
        let rope = RoPE(positions: positions, headSize: headSize, base: base)
        return (rope.cosine, rope.sine)
    }

    func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor {
        RoPE(cosine: cosine, sine: sine)(x)
    }

    /// The order in which the reader of Hugging Face's files takes the rows.
    func metaRows(headSize: Int) -> [Int] {
        let config = Config(
            dim: headSize, hiddenDim: 1, nLayers: 1, nHeads: 1, nKvHeads: 1, vocabSize: 1,
            maxSeqLen: 1)
        let row = HuggingFace.rowOrder(
            of: "layers.0.attention.wq.weight", config, toHuggingFace: false)
        return (0..<headSize).map(row!)
    }
}
