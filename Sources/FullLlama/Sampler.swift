// Sampler: how the next token is chosen from the scores. It draws as llama2.c's run.c does, with the
// same generator, cut-off and order, so that the same seed gives the same text.

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

        let chances = Softmax()(logits / temperature).values
        let coin = generator.nextFloat()
        return topP > 0 && topP < 1
            ? pickAmongLikeliest(chances, coin) : pick(chances.indices, chances, coin)
    }

    /// The token at which the chances, added up in order, pass the coin.
    private func pick(
        _ tokens: some BidirectionalCollection<Int>, _ chances: [Float], _ coin: Float
    ) -> Int {
        var sum: Float = 0
        for token in tokens {
            sum += chances[token]
            if coin < sum { return token }
        }
        return tokens.last!  // rounding
    }

    private func pickAmongLikeliest(_ chances: [Float], _ coin: Float) -> Int {
        // what is rarer than this cannot be among them; what remains is short enough to sort
        let cutoff = (1 - topP) / Float(chances.count - 1)
        let candidates = sorted(chances.indices.filter { chances[$0] >= cutoff }, by: chances)
        if candidates.isEmpty { return Tensor(chances).argmax() }  // all equally rare
        var sum: Float = 0
        let last = candidates.firstIndex { token in
            sum += chances[token]
            return sum > topP
        }
        let likeliest = candidates[...(last ?? candidates.count - 1)]
        return pick(likeliest, chances, coin * sum)
    }

    /// By falling chance; tokens of equal chance keep their order.
    private func sorted(_ tokens: [Int], by chances: [Float]) -> [Int] {
        tokens.sorted { chances[$0] > chances[$1] }  // Swift's sort is stable
    }

    private func candidates(_ logits: Tensor) -> [(token: Int, probability: Float)] {
        let scores = temperature == 0 ? logits : logits / temperature
        let chances = Softmax()(scores).values
        return sorted(Array(chances.indices), by: chances).prefix(candidateCount).map {
            ($0, chances[$0])
        }
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
