// CompactLlama: Llama 2 in one file, to be read from top to bottom.
//
// It mirrors compat-llama2-np.py, class for class. Sizes, in the comments on shapes:
//   seq       tokens in this call: the whole prompt first, then one at a time
//   total     tokens so far, this call's included: the length of the KV cache
//   dim       the length of the vector that stands for a token
//   hidden    the length of the vector inside the feed-forward network
//   nHeads    query heads, in nKvHeads groups that share keys and values; headSize = dim / nHeads
// Support holds the rest: Tensor (numpy's arithmetic and views), Weights and Tokenizer (the files).

import ArgumentParser
import Support

/// A matrix product with learned weights: x · Wᵀ.
struct Linear {
    let weight: Tensor  // [out, in]

    func callAsFunction(_ x: Tensor) -> Tensor {  // [seq, in] -> [seq, out]
        matmul(x, weight.transposed())
    }
}

/// The activation x · sigmoid(x): near 0 for negative x, near x for positive.
struct SiLU {
    func callAsFunction(_ x: Tensor) -> Tensor {  // [seq, hidden] -> [seq, hidden]
        x / (1 + exp(-x))
    }
}

/// For each token by itself: w2(silu(w1 x) · w3 x), where one branch gates the other (SwiGLU).
struct FeedForward {
    let w1, w2, w3: Linear
    let silu = SiLU()

    func callAsFunction(_ x: Tensor) -> Tensor {  // [seq, dim] -> [seq, dim]
        w2(silu(w1(x)) * w3(x))  // [seq, hidden] inside
    }
}

/// Root-mean-square normalisation: x / rms(x) · weight.
struct RMSNorm {
    let weight: Tensor, eps: Float  // [dim]

    func callAsFunction(_ x: Tensor) -> Tensor {  // [seq, dim] -> [seq, dim]
        let rms = sqrt((x * x).mean(axis: -1) + eps)  // [seq, 1]
        return x / rms * weight
    }
}

/// Rotary position embedding: turns pair i of a head by position · theta^(-2i / headSize), so that
/// the product of a query and a key depends on how far apart they are, not on where.
struct RoPE {
    let cosine, sine: Tensor  // [seq, headSize / 2]

    init(positions: Range<Int>, headSize: Int, theta: Float) {
        let pair = Tensor(0..<(headSize / 2))
        let frequencies = pow(theta, pair * (-2 / Float(headSize)))  // [headSize / 2]
        let angles = Tensor(positions).expandedDimensions(axis: 1) * frequencies  // [seq, ..]
        (cosine, sine) = (cos(angles), sin(angles))
    }

    func callAsFunction(_ x: Tensor) -> Tensor {  // [heads, seq, headSize] -> the same
        // elements 2i and 2i + 1 are the two coordinates of a point in a plane
        let (heads, seq, headSize) = (x.shape[0], x.shape[1], x.shape[2])
        let pairs = x.reshaped(heads, seq, headSize / 2, 2)
        let a = pairs.selecting(0, axis: -1)  // [heads, seq, headSize / 2]
        let b = pairs.selecting(1, axis: -1)

        // the plane turns by the pair's angle
        let turned = stacked([a * cosine - b * sine, a * sine + b * cosine], axis: -1)
        return turned.reshaped(heads, seq, headSize)
    }
}

/// Turns scores into shares: none negative, and 1 in sum along the last axis.
struct Softmax {
    func callAsFunction(_ x: Tensor) -> Tensor {  // [.., n] -> the same
        let e = exp(x - x.max(axis: -1))  // the largest becomes 1, so that none overflows
        return e / e.sum(axis: -1)
    }
}

/// How tokens learn of earlier ones: softmax(Q Kᵀ / sqrt(headSize)) V, in every head.
/// A key-value head serves nHeads / nKvHeads query heads (grouped-query attention).
final class Attention {
    let wq, wk, wv, wo: Linear
    let nHeads, nKvHeads, headSize: Int
    let softmax = Softmax()
    var keys, values: Tensor  // the KV cache, [nKvHeads, total, headSize]

    init(wq: Linear, wk: Linear, wv: Linear, wo: Linear, config: Config) {
        (self.wq, self.wk, self.wv, self.wo) = (wq, wk, wv, wo)
        (nHeads, nKvHeads, headSize) = (config.nHeads, config.nKvHeads, config.headSize)
        keys = Tensor([], shape: [nKvHeads, 0, headSize])
        values = keys
    }

    func reset() {  // to an empty cache
        keys = Tensor([], shape: [nKvHeads, 0, headSize])
        values = keys
    }

    func callAsFunction(_ x: Tensor, rope: RoPE) -> Tensor {  // [seq, dim] -> [seq, dim]
        let seq = x.shape[0]

        // every head has its own part of the query, key and value; positions turn the first two
        let q = rope(wq(x).reshaped(seq, nHeads, headSize).transposed(0, 1))
        let k = rope(wk(x).reshaped(seq, nKvHeads, headSize).transposed(0, 1))
        let v = wv(x).reshaped(seq, nKvHeads, headSize).transposed(0, 1)  // [nKvHeads, seq, ..]

        // remember the keys and values of these tokens behind those of all earlier ones
        keys.append(k, axis: 1)  // [nKvHeads, total, headSize]
        values.append(v, axis: 1)
        let total = keys.shape[1]

        // score every query against every key; the query heads of a group share one key head
        let group = nHeads / nKvHeads
        let queries = q.reshaped(nKvHeads, group, seq, headSize)
        let sharedKeys = keys.expandedDimensions(axis: 1).transposed()  // [nKvHeads, 1, .., total]
        let sharedValues = values.expandedDimensions(axis: 1)  // [nKvHeads, 1, total, headSize]
        var scores = matmul(queries, sharedKeys)  // [nKvHeads, group, seq, total]
        scores = scores / Float(headSize).squareRoot()

        // a token sees itself and what came before: later ones get -infinity, a share of 0;
        // row r of the scores is position total - seq + r, and later ones begin to its right
        if seq > 1 {
            let future = Tensor.full([seq, total], -.infinity)
            scores = scores + future.upperTriangle(diagonal: 1 + total - seq)
        }

        // mix the values by those shares, and put the heads side by side again
        let mixed = matmul(softmax(scores), sharedValues)  // [nKvHeads, group, seq, headSize]
        let heads = mixed.reshaped(nHeads, seq, headSize).transposed(0, 1)
        return wo(heads.reshaped(seq, nHeads * headSize))
    }
}

/// One layer: attention, then feed-forward, each on its normalised input and added to it.
struct TransformerBlock {
    let attentionNorm: RMSNorm, attention: Attention
    let ffnNorm: RMSNorm, feedForward: FeedForward

    init(layer i: Int, _ weights: Weights) {
        func weight(_ name: String) -> Tensor { weights["layers.\(i).\(name).weight"] }
        func linear(_ name: String) -> Linear { Linear(weight: weight(name)) }
        attentionNorm = RMSNorm(weight: weight("attention_norm"), eps: weights.config.normEps)
        attention = Attention(
            wq: linear("attention.wq"), wk: linear("attention.wk"),
            wv: linear("attention.wv"), wo: linear("attention.wo"), config: weights.config)
        ffnNorm = RMSNorm(weight: weight("ffn_norm"), eps: weights.config.normEps)
        feedForward = FeedForward(
            w1: linear("feed_forward.w1"), w2: linear("feed_forward.w2"),
            w3: linear("feed_forward.w3"))
    }

    func callAsFunction(_ x: Tensor, rope: RoPE) -> Tensor {  // [seq, dim] -> [seq, dim]
        let h = x + attention(attentionNorm(x), rope: rope)
        return h + feedForward(ffnNorm(h))
    }
}

/// The whole network: tokens in, a score for every possible next token out.
final class Transformer {
    let config: Config
    let tokEmbeddings: Tensor  // [vocabSize, dim]
    let layers: [TransformerBlock]
    let norm: RMSNorm, output: Linear

    init(_ weights: Weights) {
        config = weights.config
        tokEmbeddings = weights["tok_embeddings.weight"]
        layers = (0..<config.nLayers).map { TransformerBlock(layer: $0, weights) }
        norm = RMSNorm(weight: weights["norm.weight"], eps: config.normEps)
        output = Linear(weight: weights["output.weight"])
    }

    /// Tokens from position `startPos` on, which must follow those of the calls before: one text.
    func callAsFunction(_ tokens: [Int], startPos: Int) -> Tensor {  // -> logits [vocabSize]
        for layer in layers where startPos == 0 { layer.attention.reset() }  // a new text
        let cached = layers[0].attention.keys.shape[1]
        precondition(startPos == cached, "startPos is \(startPos), the KV cache's length \(cached)")
        var h = tokEmbeddings[tokens]  // [seq, dim]
        let positions = startPos..<startPos + tokens.count
        let rope = RoPE(positions: positions, headSize: config.headSize, theta: config.ropeTheta)
        for layer in layers { h = layer(h, rope: rope) }

        // only the last token's vector, [dim], says what comes next
        return output(norm(h[-1]))
    }
}

/// The network with a tokenizer at both ends: text in, more text out.
final class Llama {
    let model: Transformer, tokenizer: Tokenizer

    init(weights weightsPath: String, tokenizer tokenizerPath: String) throws {
        let weights = try Weights(contentsOf: weightsPath)
        tokenizer = try Tokenizer(contentsOf: tokenizerPath, vocabSize: weights.config.vocabSize)
        model = Transformer(weights)
    }

    func generate(_ tokens: [Int], startPos: Int) throws -> Int {  // -> the next token
        let logits = model(tokens, startPos: startPos)
        let position = startPos + tokens.count - 1
        guard logits.isFinite else { throw GenerationError.notFinite(position: position) }
        return logits.argmax()  // greedy: always the likeliest
    }

    /// Hands out the prompt and then its continuation, piece by piece, until the text ends or has
    /// `seqLength` tokens behind its BOS.
    func complete(
        _ prompt: String, seqLength: Int, emit: (String) throws -> Void
    ) throws -> GenerationStatistics {
        var tokens = tokenizer.encode(prompt)
        guard tokens.count <= seqLength else {
            throw GenerationError.promptTooLong(tokens: tokens.count, seqLength: seqLength)
        }
        var statistics = GenerationStatistics(promptTokens: tokens.count)
        var text = StreamingDecoder(tokenizer)
        var startPos = 0
        while startPos < seqLength {
            let next = try generate(tokens, startPos: startPos)
            if startPos == 0 { try emit(text.decode(tokens)) }
            if next == tokenizer.eos || next == tokenizer.bos { break }  // the end of a story
            statistics.countToken()
            try emit(text.decode([next]))
            startPos += tokens.count
            tokens = [next]  // the KV cache remembers the others
        }
        try emit(text.finish() + "\n")
        return statistics
    }
}

@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact-llama", abstract: "Continues a text with a Llama 2 model.",
        discussion: ModelOptions.guide(command: "compact-llama"))
    @OptionGroup var options: ModelOptions

    func run() throws {
        let (weights, tokenizer) = try options.modelFiles()
        let llama = try Llama(weights: weights, tokenizer: tokenizer)
        options.warnIfLonger(than: llama.model.config.maxSeqLen)
        let statistics = try llama.complete(
            options.prompt, seqLength: options.seqLength, emit: TextOutput().write)
        printNote("\(statistics)")
    }
}
