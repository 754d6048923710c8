// Feeding: in which portions tokens go through the model, and what it remembers between them. Every
// way makes the same text; they differ in time and memory.

import Support

/// What becomes of the keys and values of earlier tokens.
enum CacheMode: CaseIterable {
    case concatenated  // kept, in memory that grows with the text
    case inPlace  // kept, in memory for the whole text from the start
    case none  // forgotten: every step computes everything again
}

/// How the prompt is read.
enum PrefillMode: CaseIterable {
    case sequence  // all its tokens at once
    case oneByOne
}

/// What a token may look at.
enum Mask {
    case causal  // itself and what came before
    case none  // later tokens of the same call too, as no Llama was trained to

    /// What is added to the scores of later tokens.
    var value: Float { self == .causal ? -.infinity : 0 }
}

/// Feeds tokens to a model, in one of the ways.
struct Feeding {
    var cache = CacheMode.concatenated
    var prefill = PrefillMode.sequence
    /// For `inPlace`: the tokens that are to come at most.
    var room = 0
    private var history: [Int] = []

    init() {}

    /// The logits after the last of these tokens. Position 0 begins a new text.
    mutating func feed(_ tokens: [Int], startPos: Int, to model: Transformer) -> Tensor {
        history.removeSubrange(startPos...)
        history += tokens
        let steps = prefill == .sequence ? [history.count] : Array(startPos + 1...history.count)
        if tokens.count > 1 { Stages.current?.beginPrompt(passes: steps.count) }
        defer { if tokens.count > 1 { Stages.current?.endPrompt() } }
        var start = startPos
        var logits: Tensor?
        for end in steps {
            if cache == .none { start = 0 }
            if start == 0 { model.forget(room: cache == .inPlace ? room : 0) }
            logits = model(Array(history[start..<end]), startPos: start)
            start = end
        }
        return logits!
    }
}

extension Transformer {
    /// Begins a new text.
    func forget(room: Int) {
        for layer in layers { layer.attention.forget(room: room) }
    }

    /// The memory of the KV cache's keys and values, reserved room included.
    var cacheBytes: Int {
        layers.reduce(0) { total, layer in
            total + layer.attention.keys.storageBytes + layer.attention.values.storageBytes
        }
    }
}
