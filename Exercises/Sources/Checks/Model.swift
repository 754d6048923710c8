// Model: the embedded model's weights, and what its layers compute for a prompt, in plain loops.
// The last checks of most chapters run a stub on them.

import Support

/// tinytales, the model in Models/tinytales.
struct Model {
    let weights: Weights, tokenizer: Tokenizer
    var config: Config { weights.config }

    /// - Throws: an error that names the file if the model cannot be read.
    init() throws {
        let path = "Models/tinytales/tinytales.lmw"
        guard let root = folderAbove(holding: path) else { throw ModelError.notFound(path) }
        weights = try Weights(contentsOf: "\(root)/\(path)")
        tokenizer = try Tokenizer(
            contentsOf: "\(root)/Models/tinytales/tokenizer.model",
            vocabSize: weights.config.vocabSize)
    }

    /// The token of every piece of text. Tokens below 259 are BOS and the like, and single bytes.
    var vocabulary: [String: Int] {
        let pairs = (259..<config.vocabSize).map { (tokenizer.spelling($0), $0) }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    /// One layer's weights.
    func layer(_ i: Int) -> Layer {
        func weight(_ name: String) -> Tensor { weights["layers.\(i).\(name).weight"] }
        return Layer(
            attention: AttentionLayer(
                wq: weight("attention.wq"), wk: weight("attention.wk"),
                wv: weight("attention.wv"), wo: weight("attention.wo"), heads: config.nHeads),
            attentionNorm: weight("attention_norm"), ffnNorm: weight("ffn_norm"),
            w1: weight("feed_forward.w1"), w2: weight("feed_forward.w2"),
            w3: weight("feed_forward.w3"), eps: config.normEps)
    }

    /// BOS and the tokens of a text. The included tokenizer has tokens for any.
    func tokens(_ text: String) -> [Int] { try! tokenizer.encode(text) }

    /// The vectors of a text's tokens: [seq, dim].
    func embedded(_ text: String) -> Grid {
        Grid(weights["tok_embeddings.weight"][tokens(text)])
    }

    /// The vectors that enter the first layer's attention.
    func attentionInput(_ text: String) -> Grid {
        embedded(text).normed(Grid(layer(0).attentionNorm), eps: Double(config.normEps))
    }

    /// A layer's queries, keys and values, the first two rotated.
    func projections(_ x: Grid, _ layer: AttentionLayer) -> (q: Grid, k: Grid, v: Grid) {
        func heads(_ weight: Tensor) -> Grid { x.product(Grid(weight)).split(heads: layer.heads) }
        return (rotated(heads(layer.wq)), rotated(heads(layer.wk)), heads(layer.wv))
    }

    func rotated(_ x: Grid, from position: Int = 0) -> Grid {
        x.rotated(from: position, base: Double(config.ropeTheta))
    }

    func attention(_ x: Grid, _ layer: AttentionLayer) -> Grid {
        let (q, k, v) = projections(x, layer)
        return v.mixed(q.scores(k).masked.softmax).joined.product(Grid(layer.wo))
    }

    /// A layer's softmax for a text: [heads, seq, seq].
    func attentionProbabilities(_ text: String, layer i: Int) -> Grid {
        let x = (0..<i).reduce(embedded(text)) { x, earlier in block(x, layer(earlier)) }
        let normed = x.normed(Grid(layer(i).attentionNorm), eps: Double(config.normEps))
        let (q, k, _) = projections(normed, layer(i).attention)
        return q.scores(k).masked.softmax
    }

    func block(_ x: Grid, _ layer: Layer) -> Grid {
        let eps = Double(layer.eps)
        let h = x + attention(x.normed(Grid(layer.attentionNorm), eps: eps), layer.attention)
        return h
            + h.normed(Grid(layer.ffnNorm), eps: eps).feedForward(
                w1: Grid(layer.w1), w2: Grid(layer.w2), w3: Grid(layer.w3))
    }

    /// The logits after the last token of a text: [vocabSize].
    func logits(_ text: String) -> Grid {
        var x = embedded(text)
        for i in 0..<config.nLayers { x = block(x, layer(i)) }
        let last = x[x.shape[0] - 1..<x.shape[0]]
            .normed(Grid(weights["norm.weight"]), eps: Double(config.normEps))
        return Grid([config.vocabSize], last.product(Grid(weights["output.weight"])).values)
    }
}

/// The weights of one layer's attention, each [out, in].
struct AttentionLayer {
    let wq, wk, wv, wo: Tensor
    let heads: Int
}

/// The weights of one layer.
struct Layer {
    let attention: AttentionLayer
    let attentionNorm, ffnNorm: Tensor  // [dim]
    let w1, w2, w3: Tensor  // w1, w3: [hidden, dim]; w2: [dim, hidden]
    let eps: Float
}

enum ModelError: Error, CustomStringConvertible {
    case notFound(String)

    var description: String {
        switch self {
        case .notFound(let path): "expected \(path) in a folder above the program, found none"
        }
    }
}

/// A tensor of zeros: what a stub returns before it is written.
func zeros(_ sizes: Int...) -> Tensor {
    Tensor(Array(repeating: 0, count: sizes.reduce(1, *)), shape: Shape(sizes))
}
