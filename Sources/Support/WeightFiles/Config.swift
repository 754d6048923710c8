// Config: the sizes of a Llama, and the names and shapes of its tensors. The model, the readers and
// the writers of weight files use it.

/// The sizes of a Llama, with the names of Meta's code.
public struct Config: Equatable, Sendable {
    /// The length of a token's vector.
    public var dim: Int
    /// The length of the feed-forward network's inner vector.
    public var hiddenDim: Int
    public var nLayers: Int
    /// Query heads per layer: a multiple of `nKvHeads` and a divisor of `dim`.
    public var nHeads: Int
    /// Key and value heads per layer, each shared by `nHeads / nKvHeads` query heads.
    public var nKvHeads: Int
    public var vocabSize: Int
    /// The longest sequence the model was trained on.
    public var maxSeqLen: Int
    /// The number that RMSNorm adds under the square root.
    public var normEps: Float = 1e-5
    /// The base of RoPE's frequencies.
    public var ropeTheta: Float = 10000

    public init(
        dim: Int, hiddenDim: Int, nLayers: Int, nHeads: Int, nKvHeads: Int, vocabSize: Int,
        maxSeqLen: Int, normEps: Float = 1e-5
    ) {
        (self.dim, self.hiddenDim, self.nLayers) = (dim, hiddenDim, nLayers)
        (self.nHeads, self.nKvHeads) = (nHeads, nKvHeads)
        (self.vocabSize, self.maxSeqLen, self.normEps) = (vocabSize, maxSeqLen, normEps)
    }

    /// The length of one head's query, key or value: even, because RoPE rotates pairs.
    public var headSize: Int { dim / nHeads }

    /// - Throws: `WeightFileError.Problem` if a Llama cannot have these sizes.
    func validate() throws {
        let sizes = [
            ("dim", dim), ("n_layers", nLayers), ("n_heads", nHeads), ("n_kv_heads", nKvHeads),
            ("vocab_size", vocabSize), ("max_seq_len", maxSeqLen),
        ]
        for (name, size) in sizes {
            try require(size > 0, "a positive number", as: name, found: size)
        }
        try require(
            dim % nHeads == 0, "a multiple of n_heads = \(nHeads)", as: "dim", found: dim)
        try require(
            nHeads % nKvHeads == 0, "a multiple of n_kv_heads = \(nKvHeads)", as: "n_heads",
            found: nHeads)
        try require(headSize % 2 == 0, "an even number", as: "dim / n_heads", found: headSize)
    }

    // MARK: Tensors

    /// The names and shapes of all tensors, from the embeddings to the classifier.
    public var shapes: [(name: String, shape: [Int])] {
        var shapes = [outerShapes[0]]
        for layer in 0..<nLayers { shapes += layerShapes(layer) }
        shapes += outerShapes[1...]
        return shapes
    }

    /// The names and shapes of layer `i`'s tensors, in the order of a forward pass.
    package func layerShapes(_ i: Int) -> [(name: String, shape: [Int])] {
        let kvDim = nKvHeads * headSize
        return [
            ("layers.\(i).attention_norm.weight", [dim]),
            ("layers.\(i).attention.wq.weight", [dim, dim]),
            ("layers.\(i).attention.wk.weight", [kvDim, dim]),
            ("layers.\(i).attention.wv.weight", [kvDim, dim]),
            ("layers.\(i).attention.wo.weight", [dim, dim]),
            ("layers.\(i).ffn_norm.weight", [dim]),
            ("layers.\(i).feed_forward.w1.weight", [hiddenDim, dim]),
            ("layers.\(i).feed_forward.w2.weight", [dim, hiddenDim]),
            ("layers.\(i).feed_forward.w3.weight", [hiddenDim, dim]),
        ]
    }

    /// The names and shapes of the tensors outside the layers.
    var outerShapes: [(name: String, shape: [Int])] {
        [
            ("tok_embeddings.weight", [vocabSize, dim]), ("norm.weight", [dim]),
            ("output.weight", [vocabSize, dim]),
        ]
    }
}
