// Chapter 2: attention by hand. docs/course/2-attention.md explains it; `make exercise N=2` checks it.
// Sizes: seq tokens; heads; headSize, the numbers in one head's vector; dim = heads * headSize.

import Support

struct Chapter2: AttentionSteps {
    /// A linear layer: the dot product of each token's vector with each row of the weight.
    func project(_ x: Tensor, _ weight: Tensor) -> Tensor {  // [seq, in], [out, in] -> [seq, out]
        // Your turn: numpy's x @ weight.T
        zeros(x.shape[0], weight.shape[0])
    }

    /// Cuts each vector into one piece for each head, and puts the heads first.
    func split(_ x: Tensor, heads: Int) -> Tensor {  // [seq, dim] -> [heads, seq, headSize]
        // Your turn: reshape to [seq, heads, headSize], then swap the first two axes.
        zeros(heads, x.shape[0], x.shape[1] / heads)
    }

    /// How well each query matches each key: their dot product, divided by the root of headSize.
    func scores(_ q: Tensor, _ k: Tensor) -> Tensor {
        // [heads, seq, headSize], twice -> [heads, seq, seq]
        // Your turn: row r, column c of a head is query r times key c. Float(4).squareRoot() is 2.
        zeros(q.shape[0], q.shape[1], k.shape[1])
    }

    /// Hides later tokens: every score above the diagonal becomes -infinity.
    func mask(_ scores: Tensor) -> Tensor {  // [heads, seq, seq] -> the same
        // Your turn: copy the scores to a `var`, and call fillUpperTriangle(diagonal:with:) on it.
        zeros(scores.shape[0], scores.shape[1], scores.shape[2])
    }

    /// Makes probabilities of each row: exp(score), divided by the row's sum of them.
    func softmax(_ scores: Tensor) -> Tensor {  // [heads, seq, seq] -> the same
        // Your turn: exp(1000) is infinite in Float, so subtract each row's maximum first.
        zeros(scores.shape[0], scores.shape[1], scores.shape[2])
    }

    /// Averages the values of all tokens with the probabilities, and joins the heads again.
    func mix(_ probabilities: Tensor, _ v: Tensor) -> Tensor {
        // [heads, seq, seq], [heads, seq, headSize] -> [seq, dim]
        // Your turn: one product; then swap the axes back and reshape, the reverse of split.
        zeros(v.shape[1], v.shape[0] * v.shape[2])
    }

    /// The whole of attention. `rotate` is RoPE, which is chapter 3: call it on the split queries and
    /// keys, not on the values. layer has wq, wk, wv, wo and heads.
    func attention(
        _ x: Tensor, _ layer: AttentionLayer, rotate: (Tensor) -> Tensor
    ) -> Tensor {  // [seq, dim] -> [seq, dim]
        // Your turn: all the steps above, in their order; the last one is project with layer.wo.
        zeros(x.shape[0], x.shape[1])
    }
}
