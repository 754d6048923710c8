// Chapter 4: the KV cache. docs/course/4-kv-cache.md explains it; `make exercise N=4` checks it.
// Sizes: seq tokens in this call; total tokens so far, this call included.

import Support

struct Chapter4: CacheSteps {
    var keys: Tensor, values: Tensor  // [heads, total, headSize]

    /// An empty cache: no tokens so far.
    init(heads: Int, headSize: Int) {
        keys = zeros(heads, 0, headSize)
        values = zeros(heads, 0, headSize)
    }

    /// Puts the keys and values of new tokens behind those of earlier ones.
    mutating func append(_ k: Tensor, _ v: Tensor) {  // [heads, seq, headSize], twice
        // Your turn: keys.append(…, axis: …), in place; the same for the values.
    }

    /// Hides later tokens. Row r is the query of token total - seq + r.
    func mask(_ scores: Tensor) -> Tensor {  // [heads, seq, total] -> the same
        // Your turn: as in chapter 2, but with another diagonal; for 1 query and 5 keys, all 5
        // stay.
        zeros(scores.shape[0], scores.shape[1], scores.shape[2])
    }

    /// Attention of new tokens to all tokens so far, before the heads are joined.
    mutating func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor {
        // [heads, seq, headSize], three times -> [heads, seq, headSize]
        // Your turn: append, then score q against all keys, mask, softmax, and mix all values.
        zeros(q.shape[0], q.shape[1], q.shape[2])
    }

    /// The bytes of a cache: keys and values of all layers, 4 bytes a number.
    func bytes(layers: Int, dim: Int, total: Int) -> Int {
        // Your turn: each token has one key and one value of dim numbers in every layer.
        0
    }
}
