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

        // chances, before they are divided by their sum
        let (chances, total) = logits.exponentials(temperature: temperature)
        let coin = generator.nextFloat()
        if topP > 0 && topP < 1 { return pickAmongLikeliest(chances, total, coin) }
        // rounding may leave the coin above them all
        return pick(chances.indices, chances, above: coin * total) ?? chances.count - 1
    }

    /// The token at which the chances, added up in order, pass a limit; nil if they never do.
    private func pick(
        _ tokens: some Sequence<Int>, _ chances: [Float], from start: Float = 0, above limit: Float
    ) -> Int? {
        var sum = start
        return tokens.first { token in
            sum += chances[token]
            return sum > limit
        }
    }

    /// As if the likeliest tokens were sorted. Sorting all would take longer than the model itself
    /// where many are about as likely, so they are first dealt by their chance's leading bits.
    private func pickAmongLikeliest(_ chances: [Float], _ total: Float, _ coin: Float) -> Int {
        // what is rarer than this cannot be among them
        let cutoff = (1 - topP) / Float(chances.count - 1) * total
        if cutoff > 1 { return Tensor(chances).argmax() }  // all equally rare
        let lowest = cutoff.bitPattern >> 15
        func bucket(_ token: Int) -> Int { Int(chances[token].bitPattern >> 15 - lowest) }
        var buckets = [Float](repeating: 0, count: Int(Float(1).bitPattern >> 15 - lowest) + 1)
        var candidates: [Int] = []
        chances.withUnsafeBufferPointer { chances in
            for token in 0..<chances.count where chances[token] >= cutoff {
                candidates.append(token)
            }
        }
        for token in candidates { buckets[bucket(token)] += chances[token] }

        /// The candidates of the bucket in which the chances, from the largest down, pass a limit, in
        /// order, and the sum before them; of the last bucket if they never do.
        func tokens(above limit: Float) -> (tokens: [Int], sum: Float) {
            var (sum, found) = (Float(0), (bucket: 0, sum: Float(0)))
            for bucket in buckets.indices.reversed() where buckets[bucket] > 0 {
                found = (bucket, sum)
                sum += buckets[bucket]
                if sum > limit { break }
            }
            let tokens = candidates.filter { bucket($0) == found.bucket }
            return (sorted(tokens, by: chances), found.sum)
        }

        // the likeliest end with the token at which their sum passes topP
        let (last, before) = tokens(above: topP * total)
        var sum = before
        for token in last {
            sum += chances[token]
            if sum > topP * total { break }
        }
        let limit = coin * sum
        let (drawn, start) = tokens(above: limit)
        return pick(drawn, chances, from: start, above: limit) ?? drawn.last!
    }

    /// By falling chance; tokens of equal chance keep their order.
    private func sorted(_ tokens: [Int], by chances: [Float]) -> [Int] {
        tokens.sorted { chances[$0] > chances[$1] }  // Swift's sort is stable
    }

    private func candidates(_ logits: Tensor) -> [(token: Int, probability: Float)] {
        let (chances, total) = logits.exponentials(temperature: temperature == 0 ? 1 : temperature)
        return sorted(Array(chances.indices), by: chances).prefix(candidateCount).map {
            ($0, chances[$0] / total)
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
