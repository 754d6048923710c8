// Distribution: the softmax of the logits, and which token a random number selects from it. The full
// variant's sampler uses it; the rules are those of llama2.c's run.c.

/// A probability for each token of the vocabulary.
public struct Distribution {
    private let probabilities: Tensor  // [vocabSize], relative to the largest, which is 1
    private let sum: Float

    /// - Parameters:
    ///   - logits: [vocabSize], finite
    ///   - temperature: above 0, finite; divides the logits.
    public init(_ logits: Tensor, temperature: Float) {
        probabilities = exp((logits - logits.max(axis: 0)) / temperature).contiguous()
        sum = probabilities.sum(axis: 0).values[0]
        precondition(sum.isFinite, "logits and temperature must be finite")
    }

    /// The first token at which the cumulative probability, in the order of tokens, exceeds
    /// `uniform`.
    /// - Parameter uniform: at least 0, below 1.
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

    /// The same from the smallest set of tokens whose probabilities sum to more than `topP`, most
    /// probable first (nucleus sampling).
    /// - Parameter topP: above 0, below 1.
    public func sample(_ uniform: Float, topP: Float) -> Int {
        // a token below this cannot be in the set, so the sort leaves out most of them
        let cutoff = (1 - topP) / Float(probabilities.shape[0] - 1) * sum
        var nucleus = sorted(atLeast: cutoff)
        if nucleus.isEmpty { return probabilities.argmax() }  // one token is enough

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

    /// Tokens by falling probability; equal ones in the order of tokens.
    private func sorted(atLeast least: Float) -> [(token: Int, probability: Float)] {
        let candidates = probabilities.withElements { p in
            (0..<probabilities.shape[0]).compactMap { token in
                p[token] >= least ? (token: token, probability: p[token]) : nil
            }
        }
        return candidates.sorted { $0.probability > $1.probability }
    }
}
