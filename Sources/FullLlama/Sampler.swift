// Sampler: chooses the next token from the logits. Llama in FullLlama.swift owns one.

import Support

/// Samples like llama2.c's run.c: same generator, same cutoff, same order. The same seed gives the
/// same text, unless a random number is so close to a limit that rounding decides.
struct Sampler {
    /// Divides the logits: 0 is greedy, higher values give more varied text.
    let temperature: Float
    /// Top-p: restricts sampling to the smallest set of tokens whose probabilities sum to this
    /// value. Values outside 0 < p < 1 allow all tokens.
    let topP: Float
    /// Called at each step with the top `candidateCount` candidates.
    var showCandidates: ([(token: Int, probability: Float)]) -> Void = { _ in }
    var candidateCount = 0
    /// Called at each step with the chosen token.
    var didChoose: (Int) -> Void = { _ in }
    private var generator: XorShiftStar

    init(temperature: Float = 0, topP: Float = 0.9, seed: UInt64 = 1) {
        (self.temperature, self.topP) = (temperature, topP)
        generator = XorShiftStar(state: seed)
    }

    mutating func sample(_ logits: Tensor) -> Int {  // [vocabSize] -> a token
        let token = choose(logits)
        didChoose(token)
        return token
    }

    private mutating func choose(_ logits: Tensor) -> Int {
        if candidateCount > 0 {
            let shown = Distribution(logits, temperature: temperature == 0 ? 1 : temperature)
            showCandidates(shown.topK(candidateCount))
        }
        if temperature == 0 { return logits.argmax() }  // greedy

        let uniform = generator.nextFloat()
        let distribution = Distribution(logits, temperature: temperature)
        let isRestricted = topP > 0 && topP < 1
        return isRestricted
            ? distribution.sample(uniform, topP: topP) : distribution.sample(uniform)
    }
}

/// Marsaglia's xorshift* generator with 64 bits of state; returns the upper half of the product.
struct XorShiftStar {
    var state: UInt64  // not 0

    mutating func next() -> UInt32 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return UInt32(truncatingIfNeeded: (state &* 0x2545_F491_4F6C_DD1D) >> 32)
    }

    /// Uniform between 0 (included) and 1 (excluded).
    mutating func nextFloat() -> Float { Float(next() >> 8) / 16_777_216 }
}
