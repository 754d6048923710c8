// ForwardMode: the experiments with prompt, KV cache and mask. Llama in FullLlama.swift owns one. All
// modes but Mask.none generate the same text; time and memory differ.

import Support

/// What happens to the keys and values of earlier tokens.
enum CacheMode: CaseIterable {
    case concatenated  // kept, in memory that grows with the text
    case inPlace  // kept, in memory for the whole text, reserved at the start
    case none  // dropped: every step computes the whole text again
}

/// Which tokens a token may attend to.
enum Mask {
    case causal  // itself and earlier ones
    case none  // later ones of the same call too, as no Llama was trained to

    /// Hides the scores of later tokens, from a diagonal on.
    func apply(to scores: inout Tensor, diagonal: Int) {
        switch self {
        case .causal: scores.fillUpperTriangle(diagonal: diagonal, with: -.infinity)
        case .none: break
        }
    }
}

/// Computes the model's logits with or without a KV cache.
struct ForwardMode {
    var cache = CacheMode.concatenated
    /// All tokens of the text so far, for runs without a cache.
    private var text: [Int] = []

    init() {}

    /// The logits after the last of these tokens. Position 0 begins a new text.
    mutating func forward(_ tokens: [Int], startPos: Int, through model: Transformer) -> Tensor {
        guard cache == .none else { return model(tokens, startPos: startPos) }
        text = text.prefix(startPos) + tokens
        return model(text, startPos: 0)
    }
}

extension Llama {
    /// Chooses the modes, before a text begins.
    /// - Parameters:
    ///   - chunkSize: the tokens of a prompt that the model reads at a time.
    ///   - capacity: the tokens for which `inPlace` reserves memory.
    func setModes(cache: CacheMode, chunkSize: Int, mask: Mask = .causal, capacity: Int) {
        mode.cache = cache
        model.chunkSize = chunkSize
        for layer in model.layers {
            layer.attention.mask = mask
            layer.attention.capacity = cache == .inPlace ? capacity : 0
        }
    }
}

extension Transformer {
    /// The memory of the KV cache in bytes, reserved capacity included.
    var cacheBytes: Int {
        layers.reduce(0) { total, layer in
            total + layer.attention.keys.storageBytes + layer.attention.values.storageBytes
        }
    }
}
