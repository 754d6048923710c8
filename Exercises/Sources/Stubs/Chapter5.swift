// Chapter 5: the feed-forward network, residual connections and RMSNorm. docs/course/5-block.md
// explains it; `make exercise N=5` checks it.

import Support

struct Chapter5: BlockSteps {
    /// Divides each token's vector by its root mean square, and multiplies it with the weight.
    func norm(_ x: Tensor, weight: Tensor, eps: Float) -> Tensor {  // [seq, dim] -> [seq, dim]
        // Your turn: the mean of the squares, plus eps, is what goes under the root. `sqrt` takes a
        // tensor, and x.mean(axis: -1) keeps its axis.
        zeros(x.shape[0], x.shape[1])
    }

    /// The activation: x / (1 + exp(-x)), for each number.
    func silu(_ x: Tensor) -> Tensor {  // [seq, hidden] -> the same
        // Your turn: one line.
        zeros(x.shape[0], x.shape[1])
    }

    /// The feed-forward network: w2 of (silu of w1 of x, times w3 of x).
    func feedForward(_ x: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor {
        // [seq, dim] -> [seq, dim]; w1 and w3 are [hidden, dim], w2 is [dim, hidden]
        // Your turn: three products with transposed weights.
        zeros(x.shape[0], x.shape[1])
    }

    /// A layer. `attention` is chapter 2's, finished. layer has attentionNorm, ffnNorm, w1, w2, w3
    /// and eps.
    func block(
        _ x: Tensor, _ layer: Layer, attention: (Tensor) -> Tensor
    ) -> Tensor {  // [seq, dim] -> [seq, dim]
        // Your turn: x plus attention of the norm of x; then the same with the feed-forward network.
        zeros(x.shape[0], x.shape[1])
    }
}
