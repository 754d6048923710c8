// ForwardMode: the experiments with the prompt, the KV cache and the mask. Llama in FullLlama.swift
// owns one. All modes except Mask.none generate the same text, in different time and memory.

import Support

/// How the keys and values of earlier tokens are stored.
enum CacheMode: CaseIterable {
    case concatenated  // in memory that grows with the text
    case inPlace  // in memory reserved at the start for the whole text
    case none  // not stored: every step recomputes the whole text
}

/// Which tokens a token may attend to.
enum Mask {
    case causal  // itself and earlier tokens
    case none  // all tokens of the same call; no Llama is trained for this

    /// If causal, sets the scores of later tokens, on and above a diagonal, to -infinity.
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

    /// The logits after the last token. Position 0 begins a new text.
    mutating func forward(_ tokens: [Int], startPos: Int, through model: Transformer) -> Tensor {
        guard cache == .none else { return model(tokens, startPos: startPos) }
        text = text.prefix(startPos) + tokens
        return model(text, startPos: 0)
    }
}

extension Llama {
    /// Sets the modes of the next text.
    /// - Parameters:
    ///   - chunkSize: the number of prompt tokens that the model reads at a time.
    ///   - capacity: the number of tokens for which `inPlace` reserves memory.
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
