// LessonSteps: the lesson's code behind the functions of the exercises. What the lesson does in the
// middle of Attention is repeated here in its words; the last check of the chapter runs Attention.

import Foundation

@testable import Exercise
@testable import Lesson
@testable import Support

struct LessonTokens: TokenSteps {
    let tokenizer: Tokenizer

    /// SentencePiece merges inside the library; this is the rule by another way, a sorted list.
    func merge(_ pieces: [String], _ vocabulary: [String: Int]) -> [String] {
        let pairs = zip(pieces, pieces.dropFirst()).enumerated().compactMap { i, pair in
            vocabulary[pair.0 + pair.1].map { (token: $0, i: i, text: pair.0 + pair.1) }
        }
        guard let best = pairs.sorted(by: { ($0.token, $0.i) < ($1.token, $1.i) }).first else {
            return pieces
        }
        return pieces[..<best.i] + [best.text] + pieces[(best.i + 2)...]
    }

    func encode(_ text: String, _ vocabulary: [String: Int]) -> [Int] {
        Array(try! tokenizer.encode(text).dropFirst())
    }

    func embed(_ tokens: [Int], _ table: Tensor) -> Tensor { table[tokens] }

    func logits(_ vector: Tensor, _ output: Tensor) -> Tensor { Linear(weight: output)(vector) }
}

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

/// Attention with weights that pick queries, keys and values out of one vector, and no rotation.
struct LessonCache: CacheSteps {
    private let attention: Attention
    var keys: Tensor { attention.keys }
    var values: Tensor { attention.values }

    init(heads: Int, headSize: Int) {
        let size = heads * headSize
        func part(_ start: Int, of count: Int = 3) -> Linear {
            let elements = (0..<size * size * count).map { i in
                i % (size * count) == start * size + i / (size * count) ? Float(1) : 0
            }
            return Linear(weight: Tensor(elements, shape: [size, size * count]))
        }
        attention = Attention(
            wq: part(0), wk: part(1), wv: part(2), wo: part(0, of: 1),
            config: Config(
                dim: size, hiddenDim: 1, nLayers: 1, nHeads: heads, nKvHeads: heads, vocabSize: 1,
                maxSeqLen: 1))
    }

    func append(_ k: Tensor, _ v: Tensor) { _ = attend(k, k, v) }

    func mask(_ scores: Tensor) -> Tensor {
        var scores = scores
        let (seq, total) = (scores.shape[1], scores.shape[2])
        if seq > 1 { scores.fillUpperTriangle(diagonal: 1 + total - seq, with: -.infinity) }
        return scores
    }

    func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
        let (heads, seq, headSize) = (q.shape[0], q.shape[1], q.shape[2])
        var x = q.transposed(0, 1)  // [seq, heads, headSize]
        for part in [k, v] { x.append(part.transposed(0, 1), axis: 1) }
        let still = Tensor(Array(repeating: 0, count: headSize / 2), shape: [1, headSize / 2])
        let y = attention(
            x.reshaped(seq, 3 * heads * headSize), rope: RoPE(cosine: still + 1, sine: still))
        return y.reshaped(seq, heads, headSize).transposed(0, 1)
    }

    /// What the cache of a Transformer of these sizes takes.
    func bytes(layers: Int, dim: Int, total: Int) -> Int {
        let layer = Tensor(Array(repeating: 0, count: total * dim), shape: [1, total, dim])
        return 2 * layers * layer.storageBytes
    }
}

struct LessonBlock: BlockSteps {
    let weights: Weights

    func norm(_ x: Tensor, weight: Tensor, eps: Float) -> Tensor {
        RMSNorm(weight: weight, eps: eps)(x)
    }

    func silu(_ x: Tensor) -> Tensor { SiLU()(x) }

    func feedForward(_ x: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor {
        FeedForward(
            w1: Linear(weight: w1), w2: Linear(weight: w2), w3: Linear(weight: w3))(x)
    }

    /// The first layer, with its own attention.
    func block(_ x: Tensor, _ layer: Layer, attention: (Tensor) -> Tensor) -> Tensor {
        let config = weights.config
        let rope = RoPE(
            positions: 0..<x.shape[0], headSize: config.headSize, base: config.ropeTheta)
        return TransformerBlock(layer: 0, weights)(x, rope: rope)
    }
}

/// What full-llama samples with.
struct FullSampling: SamplingSteps {
    func greedy(_ logits: Tensor) -> Int { logits.argmax() }

    func probabilities(_ logits: Tensor, temperature: Float) -> Tensor {
        let count = logits.shape[0]
        var result = [Float](repeating: 0, count: count)
        for (token, p) in Distribution(logits, temperature: temperature).topK(count) {
            result[token] = p
        }
        return Tensor(result)
    }

    /// Every token that top-p sampling gives for a thousand numbers, in the order in which it does.
    func nucleus(_ probabilities: Tensor, topP: Float) -> [Int] {
        let logits = Tensor(probabilities.values.map { log($0) })
        let sampled = (0..<1000).map {
            sample(logits, temperature: 1, topP: topP, uniform: Float($0) / 1000)
        }
        return sampled.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    func choose(_ tokens: [Int], _ probabilities: Tensor, uniform: Float) -> Int {
        let kept = Tensor(tokens.map { log(probabilities.values[$0]) })
        return tokens[Distribution(kept, temperature: 1).sample(uniform)]
    }

    func sample(_ logits: Tensor, temperature: Float, topP: Float, uniform: Float) -> Int {
        if temperature == 0 { return greedy(logits) }
        return Distribution(logits, temperature: temperature).sample(uniform, topP: topP)
    }
}
