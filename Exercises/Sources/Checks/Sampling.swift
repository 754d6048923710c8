// Sampling: the functions of chapter 6, and their checks.

import Foundation
import Support

protocol SamplingSteps {
    func greedy(_ logits: Tensor) -> Int
    func probabilities(_ logits: Tensor, temperature: Float) -> Tensor
    func nucleus(_ probabilities: Tensor, topP: Float) -> [Int]
    func choose(_ tokens: [Int], _ probabilities: Tensor, uniform: Float) -> Int
    func sample(_ logits: Tensor, temperature: Float, topP: Float, uniform: Float) -> Int
}

extension SamplingSteps {
    func checks(_ model: Model) -> [Check] {
        let logits = Grid([5], [1, 3, -2, 0, 2.5])
        let shares = Grid([4], [0.125, 0.5, 0.125, 0.25])
        // 0.5 is token 1 of 0.75 up to 0.667, and token 3 from there
        func choose(_ uniform: Float, _ token: Int) -> Check {
            Check("choose, uniform \(uniform)", [token]) {
                [self.choose([1, 3], shares.tensor, uniform: uniform)]
            }
        }
        let real = model.logits("Lily wanted to")
        func sampled(_ temperature: Float, _ topP: Float, _ uniform: Float) -> Check {
            let expected = real.sampled(Double(temperature), Double(topP), Double(uniform))
            return Check(
                "sample, tinytales at temperature \(temperature), top-p \(topP)", [expected]
            ) {
                [sample(real.tensor, temperature: temperature, topP: topP, uniform: uniform)]
            }
        }
        return [
            Check("greedy", [1]) { [greedy(logits.tensor)] },
            Check("probabilities", logits.softmax) {
                probabilities(logits.tensor, temperature: 1)
            },
            Check("probabilities, temperature 2", logits.map { $0 / 2 }.softmax) {
                probabilities(logits.tensor, temperature: 2)
            },
            Check("nucleus, top-p 0.7", [1, 3]) { nucleus(shares.tensor, topP: 0.7) },
            Check("nucleus, top-p 0.4", [1]) { nucleus(shares.tensor, topP: 0.4) },
            choose(0, 1), choose(0.6, 1), choose(0.7, 3),
            sampled(0, 0.9, 0.5), sampled(1, 0.9, 0.7), sampled(2, 0.5, 0.9),
        ]
    }
}

extension Grid {
    /// Samples a token of a vector of logits by top-p.
    fileprivate func sampled(_ temperature: Double, _ topP: Double, _ uniform: Double) -> Int {
        let order = values.indices.sorted { values[$0] > values[$1] }
        guard temperature > 0 else { return order[0] }
        let p = map { $0 / temperature }.softmax.values
        var (kept, sum) = (0, 0.0)
        while sum <= topP {
            sum += p[order[kept]]
            kept += 1
        }
        var cumulative = 0.0
        return order[..<kept].first { token in
            cumulative += p[token]
            return cumulative > uniform * sum
        }!
    }
}
