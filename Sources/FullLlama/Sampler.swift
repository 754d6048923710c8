// Sampler: how the next token is chosen from the scores. It draws as llama2.c's run.c does, with the
// same generator, cut-off and order, so that the same seed gives the same text, unless a coin
// falls so near to a limit that the rounding of sums decides.

import Support

/// Chooses tokens: the likeliest at temperature 0, otherwise by chance.
struct Sampler {
    /// Divides the scores: above 0; the higher, the more even the chances.
    var temperature: Float = 0
    /// Only the likeliest tokens that together have this probability; all outside 0 < p < 1.
    var topP: Float = 0.9
    /// Told the likeliest candidates of every step, as many as `candidateCount`.
    var candidateCount = 0
    var showCandidates: ([(token: Int, probability: Float)]) -> Void = { _ in }
    private var generator = XorShiftStar(state: 1)

    init() {}

    init(temperature: Float, topP: Float, seed: UInt64) {
        (self.temperature, self.topP) = (temperature, topP)
        generator = XorShiftStar(state: seed)
    }

    mutating func pick(_ logits: Tensor) -> Int {  // [vocabSize] -> a token
        if candidateCount > 0 { showCandidates(candidates(logits)) }
        if temperature == 0 { return logits.argmax() }  // greedy: always the likeliest

        let coin = generator.nextFloat()
        let chances = Distribution(logits, temperature: temperature)
        return topP > 0 && topP < 1 ? chances.sample(coin, topP: topP) : chances.sample(coin)
    }

    private func candidates(_ logits: Tensor) -> [(token: Int, probability: Float)] {
        Distribution(logits, temperature: temperature == 0 ? 1 : temperature).topK(candidateCount)
    }
}

/// Marsaglia's xorshift* generator of 64 bits, of whose product the upper half is used.
struct XorShiftStar {
    var state: UInt64  // not 0

    mutating func next() -> UInt32 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return UInt32(truncatingIfNeeded: (state &* 0x2545_F491_4F6C_DD1D) >> 32)
    }

    /// At least 0, less than 1.
    mutating func nextFloat() -> Float { Float(next() >> 8) / 16_777_216 }
}
