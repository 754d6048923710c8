// LessonSteps: the lines of the lesson in the order of execution, each with the tensor that it
// makes. The report finds a line by its text, so that the lesson needs no marks.

/// One line of the lesson that makes a tensor.
struct LessonStep {
    /// The name of the step: in a layer "q", outside of layers "logits".
    let name: String
    /// Text that only this line of the lesson contains.
    let line: String
    /// The stage whose values the page shows. Nil: the page computes them from other stages.
    let stage: String?
    /// The names of the axes.
    let axes: String
    let text: String

    init(_ name: String, _ line: String, _ axes: String, _ text: String, stage: String? = nil) {
        (self.name, self.line, self.axes, self.text, self.stage) = (name, line, axes, text, stage)
    }
}

extension LessonStep {
    private static let linear = "matmul(x, weight.transposed())"
    private static let root = "let rms = sqrt("
    private static let normalised = "return x / rms * weight"
    private static let rotated = "let rotated = stacked("

    /// Before the layers.
    static let first = [
        LessonStep(
            "frequencies", "let frequencies = pow(base", "headSize / 2",
            "How far each pair of a head turns from one position to the next, in radians."),
        LessonStep(
            "angles", "let angles = Tensor(positions)", "seq, headSize / 2",
            "Position times frequency: the angle of each pair at this position."),
        LessonStep(
            "cosine", "(cosine, sine) = (cos(angles)", "seq, headSize / 2",
            "The cosines of the angles; RoPE keeps the sines beside them."),
        LessonStep(
            "embedding", "h = tokEmbeddings[chunk]", "seq, dim",
            "The token's row of the embedding table.", stage: "embedding"),
    ]

    /// In every layer.
    static let layer = [
        LessonStep(
            "attention_norm.rms", root, "seq, 1",
            "The root of the mean square of the layer's input.",
            stage: "attention_norm.rms"),
        LessonStep(
            "attention_norm", normalised, "seq, dim",
            "The input divided by its rms, times a learned weight.", stage: "attention_norm"),
        LessonStep(
            "wq", linear, "seq, dim", "Queries: what each head looks for. Not rotated yet.",
            stage: "attention.wq"),
        LessonStep(
            "rope.q", rotated, "nHeads, seq, headSize",
            "RoPE turns each pair of a query by the position's angle.", stage: "q"),
        LessonStep(
            "q", "let q = rope(wq(x)", "nHeads, seq, headSize",
            "The rotated queries, split into heads.", stage: "q"),
        LessonStep(
            "wk", linear, "seq, nKvHeads * headSize",
            "Keys: what each token offers. Not rotated yet.",
            stage: "attention.wk"),
        LessonStep(
            "rope.k", rotated, "nKvHeads, seq, headSize",
            "RoPE turns each pair of a key by the same angle.", stage: "k"),
        LessonStep(
            "k", "let k = rope(wk(x)", "nKvHeads, seq, headSize",
            "The rotated keys, split into heads.", stage: "k"),
        LessonStep(
            "wv", linear, "seq, nKvHeads * headSize",
            "Values: what a token gives to those that read it.",
            stage: "attention.wv"),
        LessonStep(
            "v", "let v = wv(x)", "nKvHeads, seq, headSize",
            "The values, split into heads. Not rotated.",
            stage: "attention.wv"),
        LessonStep(
            "keys", "keys.append(k, axis: 1)", "nKvHeads, total, headSize",
            "The KV cache: the keys of all tokens so far, one row each."),
        LessonStep(
            "values", "values.append(v, axis: 1)", "nKvHeads, total, headSize",
            "The KV cache: the values of all tokens so far, one row each."),
        LessonStep(
            "queries", "let queries = q.reshaped(", "nKvHeads, group, seq, headSize",
            "The queries divided by the root of headSize, grouped by key-value head."),
        LessonStep(
            "scores", "var scores = matmul(queries", "nKvHeads, group, seq, total",
            "Query times key: how well each earlier token fits."),
        LessonStep(
            "mask", "scores.fillUpperTriangle(", "nKvHeads, group, seq, total",
            "The scores of later tokens become -infinity: no token reads ahead."),
        LessonStep(
            "e", "let e = exp(x - x.max(axis: -1))", "nKvHeads, group, seq, total",
            "Powers of e: positive, and 1 for the best score."),
        LessonStep(
            "shares", "return e / e.sum(axis: -1)", "nKvHeads, group, seq, total",
            "The shares of attention: they sum to 1 in every row."),
        LessonStep(
            "mixed", "let mixed = matmul(softmax(scores)", "nKvHeads, group, seq, headSize",
            "The values, averaged with the shares.", stage: "mixed"),
        LessonStep(
            "heads", "let heads = mixed.reshaped(", "seq, nHeads, headSize",
            "The heads of a token side by side.", stage: "mixed"),
        LessonStep(
            "wo", linear, "seq, dim", "The heads' results, combined by learned weights.",
            stage: "attention"),
        LessonStep(
            "attention", "return wo(heads.reshaped(", "seq, dim",
            "What attention adds to the token's vector.", stage: "attention"),
        LessonStep(
            "residual_attention", "let h = x + attention(attentionNorm(x)", "seq, dim",
            "The first residual sum: the layer's input plus attention.",
            stage: "residual_attention"),
        LessonStep(
            "ffn_norm.rms", root, "seq, 1", "The root of the mean square of the first sum.",
            stage: "ffn_norm.rms"),
        LessonStep(
            "ffn_norm", normalised, "seq, dim",
            "The sum divided by its rms, times a learned weight.",
            stage: "ffn_norm"),
        LessonStep(
            "w1", linear, "seq, hidden", "The gate, before its activation.",
            stage: "feed_forward.w1"),
        LessonStep(
            "silu", "x / (1 + exp(-x))", "seq, hidden",
            "SiLU: close to 0 for negative values, the value itself for large ones.", stage: "silu"),
        LessonStep(
            "w3", linear, "seq, hidden", "The branch that the gate lets through.",
            stage: "feed_forward.w3"),
        LessonStep(
            "gated", "w2(silu(w1(x)) * w3(x))", "seq, hidden", "Gate times branch.", stage: "gated"),
        LessonStep(
            "feed_forward", linear, "seq, dim",
            "What the feed-forward network adds to the token's vector.", stage: "feed_forward"),
        LessonStep(
            "residual_feed_forward", "return h + feedForward(ffnNorm(h))", "seq, dim",
            "The second residual sum: the layer's output.", stage: "residual_feed_forward"),
    ]

    /// After the layers.
    static let last = [
        LessonStep(
            "norm.rms", root, "1", "The root of the mean square of the last layer's output.",
            stage: "norm.rms"),
        LessonStep(
            "norm", normalised, "dim", "The last layer's output, normalised.", stage: "norm"),
        LessonStep(
            "output", linear, "vocabSize", "A score for every token of the vocabulary.",
            stage: "logits"),
        LessonStep(
            "logits", "return output(norm(h[-1]))", "vocabSize",
            "The logits of the next token.", stage: "logits"),
        LessonStep(
            "next", "return logits.argmax()", "",
            "The chosen token: here the most probable one; "
                + "with --temperature, full-llama draws one."),
    ]
}
