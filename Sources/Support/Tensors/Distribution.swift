// Distribution: the softmax of the scores, and which token a number between 0 and 1 falls on, among all or
// among the likeliest (top-p, or nucleus, sampling). Sorting 32,000 chances for every token would take
// longer than a small model itself, so that only those are sorted among which the choice falls.

/// The chances that scores stand for, not divided by their sum: the likeliest has 1.
public struct Distribution {
    private let values: Tensor  // [vocabSize]
    private let total: Float

    /// - Parameters:
    ///   - logits: [vocabSize], finite
    ///   - temperature: above 0, finite; divides the scores.
    public init(_ logits: Tensor, temperature: Float) {
        let logits = logits.contiguous()
        let largest = logits.max(axis: 0).values[0]
        var sums = Lanes.zero
        values = Tensor(shape: logits.shape) { out in
            logits.withElements { elements in
                forEachLanes(logits.shape[0], packed: true) { i, count, _ in
                    let x = load(elements + i, 1, count, padding: -.infinity)
                    let chances = exponential((x - largest) / temperature)
                    store(chances, out + i, count)
                    sums += chances
                }
            }
        }
        total = sums.total
        precondition(total.isFinite, "scores and temperature must be finite")
    }

    /// The token at which the chances, added up in the order of tokens, pass `uniform` of their sum.
    /// - Parameter uniform: at least 0, below 1.
    public func sample(_ uniform: Float) -> Int {
        let count = values.shape[0]
        return values.withElements { elements in
            var sum: Float = 0
            let token = (0..<count).first { token in
                sum += elements[token]
                return sum > uniform * total
            }
            return token ?? count - 1  // rounding may leave it above them all
        }
    }

    /// The same among the likeliest tokens that together have a chance of `topP`, from the likeliest
    /// down, tokens of equal chance in their order.
    /// - Parameter topP: above 0, below 1.
    public func sample(_ uniform: Float, topP: Float) -> Int {
        // what is rarer than this cannot be among them
        let cutoff = (1 - topP) / Float(values.shape[0] - 1) * total
        if cutoff > 1 { return values.argmax() }  // topP is so low that one token is enough

        // the likeliest end with the token at which their sum passes topP
        let last = walk(until: topP * total, least: cutoff)
        return walk(until: uniform * last.sum, least: cutoff).token
    }

    /// From the likeliest down to `least`: the token at which the sum passes a limit, with that sum;
    /// the last of them if rounding keeps the sum below it.
    private func walk(until limit: Float, least: Float) -> (token: Int, sum: Float) {
        // Positive floats are in the order of their bits. The sum of the chances from `low` on passes
        // the limit, the sum of those from `high` on does not; both come nearer, by the Illinois
        // variant of regula falsi, until the chances in between, which must be sorted, are few.
        var (low, high) = (least.bitPattern, Float(1).bitPattern + 1)
        var (sumOfLow, sumOfHigh) = (values.sum(ofThoseAtLeast: least), Float(0))
        let limit = min(limit, sumOfLow.nextDown)
        var (excess, lack) = (sumOfLow - limit, limit)
        var (rounds, lastPassed) = (0, false)
        while high - low > 1, sumOfLow - sumOfHigh > 64 * Float(bitPattern: low) {
            // where the limit would be if sums grew evenly between the two; in the middle, if such
            // guesses do not lead there soon, or one has met the limit
            let share = rounds < 12 && lack > 0 ? excess / (excess + lack) : 0.5
            let guess = low + UInt32(Float(high - low) * share)
            let middle = min(max(guess, low + 1), high - 1)
            let sum = values.sum(ofThoseAtLeast: Float(bitPattern: middle))
            let passes = sum > limit
            if passes {
                (low, sumOfLow, excess) = (middle, sum, sum - limit)
            } else {
                (high, sumOfHigh, lack) = (middle, sum, limit - sum)
            }
            // a side that stays where it is counts half, so that guesses move towards it
            if rounds > 0, passes == lastPassed {
                if passes { lack /= 2 } else { excess /= 2 }
            }
            (rounds, lastPassed) = (rounds + 1, passes)
        }
        var sum = sumOfHigh
        let members = members(Float(bitPattern: low)..<Float(bitPattern: high))
        for (token, chance) in members {
            sum += chance
            if sum > limit { return (token, sum) }
        }
        return (members.last!.token, sum)
    }

    /// The tokens whose chances lie in a range by falling chance, those of equal chance in their order.
    private func members(_ range: Range<Float>) -> [(token: Int, chance: Float)] {
        let count = values.shape[0]
        var members: [(token: Int, chance: Float)] = []
        values.withElements { elements in
            var start = 0
            while start < count {
                while start + 8 <= count {
                    let chances = load(elements + start, 1, 8)
                    let isWithin = (chances .>= range.lowerBound) .& (chances .< range.upperBound)
                    if any(isWithin) { break }
                    start += 8
                }
                for token in start..<min(start + 8, count) where range.contains(elements[token]) {
                    members.append((token, elements[token]))
                }
                start += 8
            }
        }
        return members.sorted { $0.chance > $1.chance }
    }

    /// The likeliest tokens, with their probabilities.
    public func topK(_ k: Int) -> [(token: Int, probability: Float)] {
        let values = values.values
        let order = values.indices.sorted { values[$0] > values[$1] }  // equals keep their order
        return order.prefix(k).map { ($0, values[$0] / total) }
    }
}
