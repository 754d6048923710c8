// FullLlama: the types of CompactLlama.swift, in its order, words and sizes, with experiments added.
// It mirrors llama2-np.py (https://github.com/yuanlin2004/lumi). `make diff` shows the additions:
//   Stage                         announces what a layer computes, and reports its result
//   ForwardMode, Mask, chunkSize  choose the KV cache, the causal mask, and how many tokens of a
//                                 prompt go through the model at a time
//   Sampler                       chooses the next token
// Generate.swift makes these choices, and names the observers of the stages.

import Support

/// A matrix product with learned weights: x Wᵀ.
struct Linear {
    let weight: Tensor  // [out, in]
    let name: String

    func callAsFunction(_ x: Tensor) -> Tensor {  // [.., in] -> [.., out]
        let stage = Stage(name)
        return stage.end(matmul(x, weight.transposed()))
    }
}

/// The activation x · sigmoid(x), a smooth ReLU.
struct SiLU {
    func callAsFunction(_ x: Tensor) -> Tensor {  // [seq, hidden] -> [seq, hidden]
        Stage.record("silu", x / (1 + exp(-x)))
    }
}

/// Transforms each token by itself: w2(silu(w1 x) · w3 x); one branch gates the other (SwiGLU).
struct FeedForward {
    let w1, w2, w3: Linear  // w1, w3: dim -> hidden; w2: hidden -> dim
    let silu = SiLU()

    func callAsFunction(_ x: Tensor) -> Tensor {  // [seq, dim] -> [seq, dim]
        let stage = Stage("feed_forward")
        return stage.end(w2(Stage.record("gated", silu(w1(x)) * w3(x))))  // [seq, hidden] inside
    }
}

/// Root-mean-square normalisation: x / rms(x) · weight.
struct RMSNorm {
    let weight: Tensor, eps: Float  // weight: [dim]; eps keeps the root above 0
    let name: String

    func callAsFunction(_ x: Tensor) -> Tensor {  // [.., dim] -> [.., dim]
        let stage = Stage(name)
        let rms = Stage.record("rms", sqrt((x * x).mean(axis: -1) + eps))  // [.., 1]
        return stage.end(x / rms * weight)
    }
}

/// Rotary position embedding: rotates pair i of a head, its elements 2i and 2i + 1, by position ·
/// base^(-2i / headSize): positions enter a query-key product only through their difference.
struct RoPE {
    let cosine, sine: Tensor  // [seq, headSize / 2]

    init(positions: Range<Int>, headSize: Int, base: Float) {
        let pair = Tensor(0..<(headSize / 2))
        let frequencies = pow(base, pair * (-2 / Float(headSize)))  // [headSize / 2]
        let angles = Tensor(positions).expandedDimensions(axis: 1) * frequencies  // as cosine
        (cosine, sine) = (cos(angles), sin(angles))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {  // [heads, seq, headSize] -> the same
        // the pairs are Meta's; Hugging Face's layout pairs i and i + headSize / 2 instead
        let (heads, seq, headSize) = (x.shape[0], x.shape[1], x.shape[2])
        let pairs = x.reshaped(heads, seq, headSize / 2, 2)
        let a = pairs.selecting(0, axis: -1)  // [heads, seq, headSize / 2]
        let b = pairs.selecting(1, axis: -1)

        // rotate each pair by its angle, and stack the two results along a new last axis
        let rotated = stacked([a * cosine - b * sine, a * sine + b * cosine], axis: -1)
        return rotated.reshaped(heads, seq, headSize)
    }
}

/// Turns scores into probabilities: non-negative, summing to 1 along the last axis.
struct Softmax {
    func callAsFunction(_ x: Tensor) -> Tensor {  // [.., n] -> the same
        let e = exp(x - x.max(axis: -1))  // subtracting the maximum prevents overflow
        return Stage.record("shares", e / e.sum(axis: -1))
    }
}

/// Lets each token read from itself and earlier ones: softmax(Q Kᵀ / √headSize) V, in every head.
final class Attention {  // a class, because its KV cache changes
    let wq, wk, wv, wo: Linear  // wq, wo: dim -> dim; wk, wv: dim -> nKvHeads * headSize
    let nHeads, nKvHeads, headSize: Int
    let softmax = Softmax()
    var keys = Tensor([]), values = Tensor([])  // the KV cache, [nKvHeads, total, headSize]
    var capacity = 0  // the tokens for which an empty cache reserves memory
    var mask = Mask.causal

    init(wq: Linear, wk: Linear, wv: Linear, wo: Linear, config: Config) {
        (self.wq, self.wk, self.wv, self.wo) = (wq, wk, wv, wo)
        (nHeads, nKvHeads, headSize) = (config.nHeads, config.nKvHeads, config.headSize)
        reset()
    }

    func reset() {  // to an empty cache
        keys = Tensor([], shape: [nKvHeads, 0, headSize])
        values = keys  // a copy: tensors are values
        keys.reserve(capacity, axis: 1)
        values.reserve(capacity, axis: 1)
    }

    func callAsFunction(_ x: Tensor, rope: RoPE) -> Tensor {  // [seq, dim] -> [seq, dim]
        let stage = Stage("attention")
        let seq = x.shape[0]
        // project and split into heads, [nHeads or nKvHeads, seq, headSize]; rotate q and k
        let q = Stage.record("q", rope(wq(x).reshaped(seq, nHeads, headSize).transposed(0, 1)))
        let k = Stage.record("k", rope(wk(x).reshaped(seq, nKvHeads, headSize).transposed(0, 1)))
        let v = wv(x).reshaped(seq, nKvHeads, headSize).transposed(0, 1)  // not rotated

        // append the new keys and values to the cache
        keys.append(k, axis: 1)  // [nKvHeads, total, headSize]
        values.append(v, axis: 1)
        let total = keys.shape[1]

        // score every query, [nKvHeads, group, seq, headSize], against every key; matmul broadcasts
        // the axis of size 1, so that a group shares one key head (grouped-query attention)
        let group = nHeads / nKvHeads
        let queries = q.reshaped(nKvHeads, group, seq, headSize) / Float(headSize).squareRoot()
        let sharedKeys = keys.expandedDimensions(axis: 1)  // [nKvHeads, 1, total, headSize]
        var scores = Stage.record("scores", matmul(queries, sharedKeys.transposed()))

        // causal mask: row r, at position total - seq + r, attends to no later one
        if seq > 1 { mask.apply(to: &scores, diagonal: 1 + total - seq) }

        // average the values by the softmax of their scores, then concatenate the heads
        let sharedValues = values.expandedDimensions(axis: 1)  // [nKvHeads, 1, total, headSize]
        let mixed = Stage.record("mixed", matmul(softmax(scores), sharedValues))
        let heads = mixed.reshaped(nHeads, seq, headSize).transposed(0, 1)  // [seq, nHeads, ..]
        return stage.end(wo(heads.reshaped(seq, nHeads * headSize)))
    }
}

/// One layer: x + attention(norm(x)), then the same with feed-forward (residual connections).
struct TransformerBlock {
    let name: String
    let attentionNorm: RMSNorm, attention: Attention, ffnNorm: RMSNorm, feedForward: FeedForward

    init(layer i: Int, _ weights: Weights) {
        name = "layers.\(i)"
        func weight(_ name: String) -> Tensor { weights["layers.\(i).\(name).weight"] }
        func linear(_ name: String) -> Linear { Linear(weight: weight(name), name: name) }
        attentionNorm = RMSNorm(
            weight: weight("attention_norm"), eps: weights.config.normEps, name: "attention_norm")
        attention = Attention(
            wq: linear("attention.wq"), wk: linear("attention.wk"),
            wv: linear("attention.wv"), wo: linear("attention.wo"), config: weights.config)
        ffnNorm = RMSNorm(
            weight: weight("ffn_norm"), eps: weights.config.normEps, name: "ffn_norm")
        feedForward = FeedForward(
            w1: linear("feed_forward.w1"), w2: linear("feed_forward.w2"),
            w3: linear("feed_forward.w3"))
    }

    func callAsFunction(_ x: Tensor, rope: RoPE) -> Tensor {  // [seq, dim] -> [seq, dim]
        let stage = Stage(name)
        let h = x + attention(attentionNorm(x), rope: rope)
        Stage.record("residual_attention", h)
        return stage.end("residual_feed_forward", h + feedForward(ffnNorm(h)))
    }
}

/// The whole network: tokens in, a score (logit) for every possible next token out.
final class Transformer {
    let config: Config
    let tokEmbeddings: Tensor  // [vocabSize, dim]
    let layers: [TransformerBlock], norm: RMSNorm, output: Linear  // dim -> vocabSize
    var chunkSize = 256  // the tokens of a prompt that go through the layers at once

    init(_ weights: Weights) {
        config = weights.config
        tokEmbeddings = weights["tok_embeddings.weight"]
        layers = (0..<config.nLayers).map { TransformerBlock(layer: $0, weights) }
        norm = RMSNorm(weight: weights["norm.weight"], eps: config.normEps, name: "norm")
        output = Linear(weight: weights["output.weight"], name: "logits")
    }

    /// Feeds tokens, at least one, at `startPos`: the KV cache's length, or 0 to begin a new text.
    func callAsFunction(_ tokens: [Int], startPos: Int) -> Tensor {  // -> logits [vocabSize]
        let stage = Stage("transformer", startPos..<startPos + tokens.count)
        if startPos == 0 { for layer in layers { layer.attention.reset() } }
        let cached = layers[0].attention.keys.shape[1]
        precondition(startPos == cached, "startPos is \(startPos), the KV cache's length \(cached)")

        // feed a long prompt in chunks: in one, the scores' memory would grow with its square
        var h = Tensor([])
        for start in stride(from: 0, to: tokens.count, by: chunkSize) {
            let chunk = Array(tokens[start...].prefix(chunkSize))
            let positions = startPos + start..<startPos + start + chunk.count
            Stage.begin(chunk: positions)
            let rope = RoPE(positions: positions, headSize: config.headSize, base: config.ropeTheta)
            h = tokEmbeddings[chunk]  // [seq, dim]
            Stage.record("embedding", h)
            for layer in layers { h = layer(h, rope: rope) }
            Stage.endChunk { rows in _ = output(norm(h[rows])) }
        }

        // only the last token's vector, [dim], is needed: it predicts the next token
        return stage.end(output(norm(h[-1])))
    }
}

/// The network with a tokenizer at both ends: text in, more text out.
final class Llama {
    let model: Transformer, tokenizer: Tokenizer
    var mode = ForwardMode()
    var sampler = Sampler()

    init(weights weightsPath: String, tokenizer tokenizerPath: String) throws {
        let weights = try Weights(contentsOf: weightsPath)
        tokenizer = try Tokenizer(contentsOf: tokenizerPath, vocabSize: weights.config.vocabSize)
        model = Transformer(weights)
    }

    func generate(_ tokens: [Int], startPos: Int) throws -> Int {  // -> the next token
        let logits = mode.forward(tokens, startPos: startPos, through: model)
        let position = startPos + tokens.count - 1
        guard logits.isFinite else { throw GenerationError.notFinite(position: position) }
        return sampler.sample(logits)
    }

    /// Emits the prompt, then each new token, until the model ends the text or `seqLength` tokens,
    /// BOS included, have been fed. The last new token is emitted, but not fed.
    func complete(
        _ prompt: String, seqLength: Int, emit: (String) throws -> Void
    ) throws -> GenerationStatistics {
        var tokens = try tokenizer.encode(prompt)  // BOS first
        guard tokens.count <= seqLength else {
            throw GenerationError.promptTooLong(tokens: tokens.count, seqLength: seqLength)
        }
        var statistics = GenerationStatistics(promptTokens: tokens.count)  // starts its clock
        var text = StreamingDecoder(tokenizer)
        var startPos = 0
        while startPos < seqLength {
            let next = try generate(tokens, startPos: startPos)
            if startPos == 0 { try emit(text.decode(tokens)) }  // not earlier: generate may throw
            if next == tokenizer.eos || next == tokenizer.bos { break }  // an end, or a new text
            statistics.countToken()
            try emit(text.decode([next]))
            startPos += tokens.count
            tokens = [next]  // earlier tokens are in the KV cache
        }
        try emit(text.finish() + "\n")
        return statistics
    }
}
