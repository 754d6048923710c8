// NaiveLlama: the whole network in double precision, from the paper's formulas, without a KV cache.
// Tests compare the model with it.

import Foundation

public struct NaiveLlama {
    let sizes: TinySizes
    let weights: [String: [Float]]
    let eps: Double

    public init(sizes: TinySizes, weights: [String: [Float]], eps: Double) {
        (self.sizes, self.weights, self.eps) = (sizes, weights, eps)
    }

    private func product(_ name: String, _ x: [Double]) -> [Double] {
        let weight = weights[name + ".weight"]!
        return (0..<weight.count / x.count).map { row in
            x.indices.reduce(0) { $0 + Double(weight[row * x.count + $1]) * x[$1] }
        }
    }

    private func normed(_ name: String, _ x: [Double]) -> [Double] {
        let weight = weights[name + ".weight"]!
        let rms = (x.reduce(0) { $0 + $1 * $1 } / Double(x.count) + eps).squareRoot()
        return x.indices.map { x[$0] / rms * Double(weight[$0]) }
    }

    /// The elements of one head, rotated if a position is given.
    private func head(_ h: Int, of x: [Double], position: Int? = nil) -> [Double] {
        let size = sizes.dim / sizes.heads
        var part = Array(x[h * size..<(h + 1) * size])
        guard let position else { return part }
        for i in 0..<size / 2 {
            let angle = Double(position) * pow(10000, -Double(2 * i) / Double(size))
            let (a, b) = (part[2 * i], part[2 * i + 1])
            part[2 * i] = a * cos(angle) - b * sin(angle)
            part[2 * i + 1] = a * sin(angle) + b * cos(angle)
        }
        return part
    }

    private func attention(_ layer: String, _ xs: [[Double]]) -> [[Double]] {
        let (q, k, v) = (
            xs.map { product(layer + "attention.wq", $0) },
            xs.map { product(layer + "attention.wk", $0) },
            xs.map { product(layer + "attention.wv", $0) }
        )
        return xs.indices.map { position in
            var mixed: [Double] = []
            for h in 0..<sizes.heads {
                let group = h / (sizes.heads / sizes.kvHeads)
                let query = head(h, of: q[position], position: position)
                let weights = (0...position).map { earlier in
                    let key = head(group, of: k[earlier], position: earlier)
                    let score = zip(query, key).reduce(0) { $0 + $1.0 * $1.1 }
                    return exp(score / Double(query.count).squareRoot())
                }
                let sum = weights.reduce(0, +)
                for i in query.indices {
                    mixed.append(
                        (0...position).reduce(0) {
                            $0 + weights[$1] / sum * head(group, of: v[$1])[i]
                        })
                }
            }
            return product(layer + "attention.wo", mixed)
        }
    }

    /// The logits after every token.
    public func logits(_ tokens: [Int]) -> [[Double]] {
        let table = weights["tok_embeddings.weight"]!
        var xs = tokens.map { token in (0..<sizes.dim).map { Double(table[token * sizes.dim + $0]) }
        }
        for i in 0..<sizes.layers {
            let layer = "layers.\(i)."
            let attended = attention(layer, xs.map { normed(layer + "attention_norm", $0) })
            xs = zip(xs, attended).map { zip($0, $1).map(+) }
            xs = xs.map { x in
                let y = normed(layer + "ffn_norm", x)
                let gate = product(layer + "feed_forward.w1", y).map { $0 / (1 + exp(-$0)) }
                let gated = zip(gate, product(layer + "feed_forward.w3", y)).map(*)
                return zip(x, product(layer + "feed_forward.w2", gated)).map(+)
            }
        }
        return xs.map { product("output", normed("norm", $0)) }
    }
}
