// LogitLens: what the model would predict if it ended after each half of each layer (nostalgebraist,
// 2020), and the candidates of every step. The report shows them.

import Foundation
import Support

/// Applies the last norm and the output weights to the residual sums, many positions at a time.
struct LogitLens {
    /// The candidates of a step that the page shows.
    static let candidateCount = 10
    /// The rows of logits in memory at a time.
    private static let batch = 32

    private let model: Transformer
    private let temperature: Float, topP: Float
    /// The residual sums that wait for `compute`: two slots a layer, [positions, dim] each.
    private var pending: [[Float]]
    /// For every slot: the top token and its probability, position by position.
    private(set) var slots: [[UInt8]]
    /// For every position: the probability of the next token, the entropy in bits, the number of
    /// tokens that top-p leaves (0 without a cut), and the candidates with their probabilities.
    private(set) var steps: [UInt8] = []
    private(set) var count = 0
    private(set) var shownTokens: Set<Int> = []
    private(set) var rms: TensorSeries, norm: TensorSeries, logits: TensorSeries

    init(_ model: Transformer, temperature: Float, topP: Float) {
        (self.model, self.temperature, self.topP) = (model, temperature, topP)
        pending = Array(repeating: [], count: 2 * model.layers.count)
        slots = Array(repeating: [], count: 2 * model.layers.count)
        func series(_ count: Int) -> TensorSeries {
            TensorSeries(kept: KeptValues(of: count, groups: 1, limit: 64))
        }
        (rms, norm) = (series(1), series(model.config.dim))
        logits = series(model.config.vocabSize)
    }

    var layers: Int { model.layers.count }

    /// Adds the residual sums of new positions.
    mutating func add(_ values: [Float], slot: Int) { pending[slot] += values }

    /// Computes if many positions wait.
    mutating func computeIfFull(tokens: [Int]) {
        let positions = pending[pending.count - 1].count / model.config.dim
        if positions >= LogitLens.batch { compute(tokens: tokens) }
    }

    /// - Parameter tokens: the text, with the token after each waiting position if it is known.
    mutating func compute(tokens: [Int]) {
        let dim = model.config.dim
        for slot in pending.indices {
            let h = Tensor(pending[slot], shape: [pending[slot].count / dim, dim])
            pending[slot] = []
            for start in stride(from: 0, to: h.shape[0], by: LogitLens.batch) {
                let rows = h[start..<min(start + LogitLens.batch, h.shape[0])]
                compute(rows, slot: slot, tokens: tokens)
            }
        }
    }

    private mutating func compute(_ h: Tensor, slot: Int, tokens: [Int]) {
        // without observers: the lens is no part of the run
        let (normed, scores) = StagedRun.observed(by: []) {
            let normed = model.norm(h)
            return (normed, model.output(normed))
        }
        let shifted = scores - scores.max(axis: -1)
        let sums = exp(shifted).sum(axis: -1).values
        for row in 0..<h.shape[0] {
            let top = scores[row].argmax()
            slots[slot].append(bytesOf: UInt32(top))
            slots[slot].append(1 / sums[row])
            shownTokens.insert(top)
        }
        guard slot == slots.count - 1 else { return }

        let roots = sqrt((h * h).mean(axis: -1) + model.norm.eps)
        for row in 0..<h.shape[0] {
            rms.append(roots[row].values)
            norm.append(normed[row].values)
            logits.append(scores[row].values)
            count += 1
            addStep(shifted[row], next: count < tokens.count ? tokens[count] : nil)
        }
    }

    /// - Parameter logits: [vocabSize], with a maximum of 0.
    private mutating func addStep(_ logits: Tensor, next: Int?) {
        let scaled = temperature == 0 ? logits : logits / temperature
        let powers = exp(scaled)
        let p = powers.values
        let sum = powers.sum(axis: 0).values[0]
        // the sum of p log2 p, where p is a power over their sum
        let mean = (powers * scaled).sum(axis: 0).values[0] / sum
        steps.append(next.map { p[$0] / sum } ?? .nan)
        steps.append((Foundation.log(sum) - mean) / Foundation.log(Float(2)))
        steps.append(bytesOf: UInt32(temperature == 0 ? 0 : nucleusSize(p, sum)))
        let candidates = largest(p, LogitLens.candidateCount)
        for i in 0..<LogitLens.candidateCount {
            let token = i < candidates.count ? candidates[i] : nil
            steps.append(bytesOf: UInt32(token ?? 0))
            steps.append(token.map { p[$0] / sum } ?? .nan)
            if let token { shownTokens.insert(token) }
        }
    }

    /// The tokens that top-p leaves, as Distribution's; 0 without a cut.
    private func nucleusSize(_ p: [Float], _ sum: Float) -> Int {
        guard topP > 0 && topP < 1 else { return 0 }
        let cutoff = (1 - topP) / Float(p.count - 1) * sum
        var total: Float = 0
        let sorted = p.filter { $0 >= cutoff }.sorted(by: >)
        let last = sorted.firstIndex { probability in
            total += probability
            return total > topP * sum
        }
        return max(1, last.map { $0 + 1 } ?? sorted.count)
    }

    /// The indices of the `k` largest, largest first; of equal ones the lower index first.
    private func largest(_ p: [Float], _ k: Int) -> [Int] {
        var best: [Int] = []
        for i in p.indices where best.count < k || p[i] > p[best[best.count - 1]] {
            if best.count == k { best.removeLast() }
            let place = best.firstIndex { p[i] > p[$0] } ?? best.count
            best.insert(i, at: place)
        }
        return best
    }
}
