// Distribution: token probabilities from logits, and sampling from them by the rules of llama2.c's
// run.c. The full variant's Sampler uses it.

/// A probability for each token of the vocabulary.
public struct Distribution {
    private let probabilities: Tensor  // [vocabSize], scaled to a maximum of 1
    private let sum: Float

    /// - Parameters:
    ///   - logits: [vocabSize], finite
    ///   - temperature: above 0, finite; divides the logits.
    public init(_ logits: Tensor, temperature: Float) {
        probabilities = exp((logits - logits.max(axis: 0)) / temperature).contiguous()
        sum = probabilities.sum(axis: 0).values[0]
        precondition(sum.isFinite, "logits and temperature must be finite")
    }

    /// The first token, in token order, at which the cumulative probability exceeds `uniform`.
    /// - Parameter uniform: 0 ≤ `uniform` < 1.
    public func sample(_ uniform: Float) -> Int {
        let count = probabilities.shape[0]
        return probabilities.withElements { p in
            var cumulative: Float = 0
            let token = (0..<count).first { token in
                cumulative += p[token]
                return cumulative > uniform * sum
            }
            return token ?? count - 1  // rounding may keep the sum at or below the limit
        }
    }

    /// Samples from the smallest set of most probable tokens that sum to more than `topP` (nucleus
    /// sampling), in descending order of probability.
    /// - Parameter topP: 0 < `topP` < 1.
    public func sample(_ uniform: Float, topP: Float) -> Int {
        // A token below the cut-off cannot be in the set. A trained model leaves few tokens to sort;
        // flat, random logits leave most of 32,000, which takes 3 ms.
        let cutoff = (1 - topP) / Float(probabilities.shape[0] - 1) * sum
        var nucleus = sorted(atLeast: cutoff)
        // the most probable token alone may exceed topP
        if nucleus.isEmpty { return probabilities.argmax() }

        var cumulative: Float = 0
        let last = nucleus.firstIndex { token in
            cumulative += token.probability
            return cumulative > topP * sum
        }
        nucleus = Array(nucleus[...(last ?? nucleus.count - 1)])

        let limit = uniform * cumulative
        cumulative = 0
        let chosen = nucleus.first { token in
            cumulative += token.probability
            return cumulative > limit
        }
        return (chosen ?? nucleus.last!).token
    }

    /// The `k` most probable tokens, most probable first.
    public func topK(_ k: Int) -> [(token: Int, probability: Float)] {
        sorted(atLeast: 0).prefix(k).map { ($0.token, $0.probability / sum) }
    }

    /// Tokens in order of decreasing probability; equal ones in the order of tokens. The bits of
    /// positive Floats sort as the numbers do, so a token and its probability fit in one integer.
    private func sorted(atLeast minimum: Float) -> [(token: Int, probability: Float)] {
        var keys: [UInt64] = []
        probabilities.withElements { p in
            for token in 0..<probabilities.shape[0] where p[token] >= minimum {
                keys.append(UInt64(p[token].bitPattern) << 32 | UInt64(~UInt32(token)))
            }
        }
        keys.sort(by: >)
        return keys.map { key in
            (Int(~UInt32(truncatingIfNeeded: key)), Float(bitPattern: UInt32(key >> 32)))
        }
    }
}
