// Chapter 6: sampling. docs/course/6-sampling.md explains it; `make exercise N=6` checks it.
// A token is its index in the logits or probabilities.

import Support

struct Chapter6: SamplingSteps {
    /// The token with the largest logit.
    func greedy(_ logits: Tensor) -> Int {  // [vocabSize] -> a token
        // Your turn: a loop over logits.values, or the tensor's own function.
        -1
    }

    /// Softmax of the logits, divided by the temperature.
    func probabilities(_ logits: Tensor, temperature: Float) -> Tensor {
        // [vocabSize] -> [vocabSize]
        // Your turn: as in chapter 2.
        zeros(logits.shape[0])
    }

    /// Top-p: the most probable tokens, until their probabilities sum to more than topP.
    func nucleus(_ probabilities: Tensor, topP: Float) -> [Int] {
        // [vocabSize] -> tokens, the most probable first
        // Your turn: probabilities.values is an array of Float, and
        // tokens.sorted { p[$0] > p[$1] } sorts tokens by it.
        []
    }

    /// The first token at which the sum of the probabilities so far exceeds uniform times the sum
    /// of all these tokens' probabilities.
    func choose(_ tokens: [Int], _ probabilities: Tensor, uniform: Float) -> Int {
        // uniform is a random number: 0 ≤ uniform < 1
        // Your turn: two loops over the tokens.
        -1
    }

    /// The next token.
    func sample(_ logits: Tensor, temperature: Float, topP: Float, uniform: Float) -> Int {
        // Your turn: the functions above; temperature 0 is greedy.
        -1
    }
}
