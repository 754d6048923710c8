// Chapter 3: RoPE. docs/course/3-rope.md explains it; `make exercise N=3` checks it.
// A pair is two neighbouring numbers of a head's vector, elements 2i and 2i + 1.

import Support

struct Chapter3: RoPESteps {
    /// How far each pair turns from one token to the next, in radians: base^(-2i / headSize).
    func frequencies(headSize: Int, base: Float) -> Tensor {  // -> [headSize / 2]
        // Your turn: Tensor(0..<n) is numpy's arange(n), and pow(base, tensor) takes a tensor.
        zeros(headSize / 2)
    }

    /// The cosine and the sine of every angle: position times frequency.
    func tables(
        positions: Range<Int>, headSize: Int, base: Float
    ) -> (cosine: Tensor, sine: Tensor) {  // -> [seq, headSize / 2], twice
        // Your turn: broadcast a column of positions, [seq, 1], with the frequencies;
        // Tensor(positions) is their vector, expandedDimensions(axis: 1) makes the column.
        (zeros(positions.count, headSize / 2), zeros(positions.count, headSize / 2))
    }

    /// Rotates every pair (a, b) by its angle: (a cos - b sin, a sin + b cos).
    func rotate(_ x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor {
        // [heads, seq, headSize] -> the same; cosine and sine are [seq, headSize / 2]
        // Your turn: reshape to [heads, seq, headSize / 2, 2] and select a and b on the last axis;
        // stacked([…], axis: -1) joins the two results, and a reshape restores the vector.
        zeros(x.shape[0], x.shape[1], x.shape[2])
    }

    /// For each row of a head in Meta's order, the row of Hugging Face's order that belongs there.
    /// Meta's pair i is rows 2i and 2i + 1; Hugging Face's is rows i and i + headSize / 2.
    func metaRows(headSize: Int) -> [Int] {  // -> headSize row numbers
        // Your turn: the picture in the chapter shows it for 8 rows.
        Array(repeating: 0, count: headSize)
    }
}
