// ForwardMode: the experiments with prompt and KV cache. Llama in FullLlama.swift owns one. All modes
// generate the same text; time and memory differ.

import Support

/// What happens to the keys and values of earlier tokens.
enum CacheMode: CaseIterable {
    case concatenated  // kept, in memory that grows with the text
    case inPlace  // kept, in memory for the whole text, reserved at the start
    case none  // dropped: every step computes the whole text again
}

/// How the model reads the prompt.
enum PrefillMode: CaseIterable {
    case sequence  // all tokens at once
    case oneByOne
}

/// Which tokens a token may attend to.
enum Mask {
    case causal  // itself and earlier ones
    case none  // later ones of the same call too, as no Llama was trained to

    /// What is added to the scores of later tokens.
    var value: Float { self == .causal ? -.infinity : 0 }
}

/// Computes the model's logits in the chosen modes.
struct ForwardMode {
    var cache = CacheMode.concatenated
    var prefill = PrefillMode.sequence
    /// All tokens of the text so far, for runs without a cache.
    private var text: [Int] = []

    init() {}

    /// The logits after the last of these tokens. Position 0 begins a new text.
    mutating func forward(_ tokens: [Int], startPos: Int, through model: Transformer) -> Tensor {
        text = text.prefix(startPos) + tokens
        let ends = prefill == .sequence ? [text.count] : Array(startPos + 1...text.count)
        var start = startPos
        var logits: Tensor?
        for end in ends {
            if cache == .none { start = 0 }
            logits = model(Array(text[start..<end]), startPos: start)
            start = end
        }
        return logits!
    }
}

extension Llama {
    /// Chooses the modes, before a text begins.
    /// - Parameter capacity: the tokens for which `inPlace` reserves memory.
    func setModes(cache: CacheMode, prefill: PrefillMode, mask: Mask = .causal, capacity: Int) {
        (mode.cache, mode.prefill) = (cache, prefill)
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
