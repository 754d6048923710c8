// AttentionTests: Attention by hand for one and two tokens, and its properties for more.

import Foundation
import TestSupport
import Testing

@testable import CompactLlama
@testable import Support

/// Makes an Attention of these sizes, with given or random matrices.
private struct Sizes {
    var dim = 8, heads = 4, kvHeads = 2

    var config: Config {
        Config(
            dim: dim, hiddenDim: 1, nLayers: 1, nHeads: heads, nKvHeads: kvHeads, vocabSize: 1,
            maxSeqLen: 64)
    }

    var kvDim: Int { kvHeads * dim / heads }

    func matrices(seed: UInt64) -> [Tensor] {
        var random = Random(seed: seed)
        return [dim, kvDim, kvDim, dim].map {
            Tensor(random.floats($0 * dim), shape: [$0, dim])
        }
    }

    func attention(_ matrices: [Tensor]) -> Attention {
        Attention(
            wq: Linear(weight: matrices[0]), wk: Linear(weight: matrices[1]),
            wv: Linear(weight: matrices[2]), wo: Linear(weight: matrices[3]), config: config)
    }

    func rope(_ positions: Range<Int>) -> RoPE {
        RoPE(positions: positions, headSize: dim / heads, base: 10000)
    }

    func tokens(_ count: Int, seed: UInt64) -> Tensor {
        var random = Random(seed: seed)
        return Tensor(random.floats(count * dim), shape: [count, dim])
    }
}

private let identity = Tensor([1, 0, 0, 1], shape: [2, 2])
private let zero = Tensor.full([2, 2], 0)

@Suite struct AttentionTests {
    private let sizes = Sizes()

    @Test func `one token attends only to itself, so the output is wo of its value`() {
        let sizes = Sizes(dim: 4, heads: 2, kvHeads: 1)
        var matrices = sizes.matrices(seed: 1)
        matrices[2] = Tensor([1, 2, 3, 4, 0, 0, 0, 10], shape: [2, 4])  // v = [10, 10] for ones
        matrices[3] = Tensor([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 3], shape: [4, 4])
        let y = sizes.attention(matrices)(Tensor.full([1, 4], 1), rope: sizes.rope(0..<1))
        #expect(y.shape == [1, 4])
        // both query heads share the one value
        #expect(deviation(y.values, [10, 10, 10, 30] as [Double]) <= .rounding)
    }

    @Test func `queries of zero attend to all tokens equally`() {
        let sizes = Sizes(dim: 2, heads: 1, kvHeads: 1)
        let attention = sizes.attention([zero, identity, identity, identity])
        let x = Tensor([1, 2, 3, 6, 8, 1], shape: [3, 2])
        let means = [1, 2, 2, 4, 4, 3] as [Double]
        #expect(deviation(attention(x, rope: sizes.rope(0..<3)).values, means) <= .rounding)
    }

    @Test func `two tokens by hand`() {
        // identity matrices: q1 = k1 = (0, 1) rotated by 1, k0 = (1, 0), values are the tokens
        let sizes = Sizes(dim: 2, heads: 1, kvHeads: 1)
        let attention = sizes.attention([identity, identity, identity, identity])
        let y = attention(identity, rope: sizes.rope(0..<2))
        let (e0, e1) = (exp(-sin(1.0) / 2.0.squareRoot()), exp(1 / 2.0.squareRoot()))
        let expected = [1, 0, e0 / (e0 + e1), e1 / (e0 + e1)]
        #expect(deviation(y.values, expected) <= .rounding)
    }

    @Test func `a chunk on a filled cache attends to the cache and to itself, up to each token`() {
        let sizes = Sizes(dim: 2, heads: 1, kvHeads: 1)
        let attention = sizes.attention([zero, identity, identity, identity])  // queries are 0
        _ = attention(Tensor([2, 0, 4, 6], shape: [2, 2]), rope: sizes.rope(0..<2))
        let chunk = Tensor([6, 3, 8, 3], shape: [2, 2])
        let y = attention(chunk, rope: sizes.rope(2..<4))
        // (2 + 4 + 6) / 3, (0 + 6 + 3) / 3; then with the fourth token as well
        #expect(deviation(y.values, [4, 3, 5, 3] as [Double]) <= .rounding)
    }

    @Test func `later tokens do not change earlier outputs`() {
        let matrices = sizes.matrices(seed: 2)
        let x = sizes.tokens(6, seed: 3)
        let y = sizes.attention(matrices)(x, rope: sizes.rope(0..<6))
        var changed = x[0..<4]
        changed.append(sizes.tokens(2, seed: 4), axis: 0)
        let z = sizes.attention(matrices)(changed, rope: sizes.rope(0..<6))
        #expect(deviation(z[0..<4].values, y[0..<4].values) <= .rounding)
        #expect(deviation(z[4].values, y[4].values).worst > 0.01)
    }

    @Test func `earlier tokens do change later outputs`() {
        let matrices = sizes.matrices(seed: 2)
        let x = sizes.tokens(6, seed: 3)
        let y = sizes.attention(matrices)(x, rope: sizes.rope(0..<6))
        var changed = sizes.tokens(1, seed: 5)
        changed.append(x[1..<6], axis: 0)
        let z = sizes.attention(matrices)(changed, rope: sizes.rope(0..<6))
        for token in 0..<6 { #expect(deviation(z[token].values, y[token].values).worst > 1e-3) }
    }

    @Test(arguments: [[1, 1, 1, 1, 1, 1, 1], [3, 4], [1, 6], [5, 1, 1], [2, 2, 3]])
    func `a sequence in chunks gives the same output as in one call`(chunks: [Int]) {
        let matrices = sizes.matrices(seed: 6)
        let x = sizes.tokens(7, seed: 7)
        let whole = sizes.attention(matrices)(x, rope: sizes.rope(0..<7))
        let attention = sizes.attention(matrices)
        var start = 0
        for count in chunks {
            let end = start + count
            let y = attention(x[start..<end], rope: sizes.rope(start..<end))
            #expect(deviation(y.values, whole[start..<end].values) <= .sums, "from \(start)")
            #expect(attention.keys.shape == [2, end, 2])
            #expect(attention.values.shape == [2, end, 2])
            start = end
        }
    }

    @Test(arguments: [1, 2, 4]) func `shared key-value heads equal repeated ones`(kvHeads: Int) {
        let grouped = Sizes(dim: 8, heads: 4, kvHeads: kvHeads)
        let full = Sizes(dim: 8, heads: 4, kvHeads: 4)
        let matrices = grouped.matrices(seed: 8)
        // query head h uses key-value head h / (4 / kvHeads); a head has 2 rows
        let rows = (0..<8).map { $0 / 2 / (4 / kvHeads) * 2 + $0 % 2 }
        let repeated = [matrices[0], matrices[1][rows], matrices[2][rows], matrices[3]]
        let x = grouped.tokens(5, seed: 9)
        let y = grouped.attention(matrices)(x, rope: grouped.rope(0..<5))
        let z = full.attention(repeated)(x, rope: full.rope(0..<5))
        #expect(deviation(y.values, z.values) <= .sums)
    }
}
