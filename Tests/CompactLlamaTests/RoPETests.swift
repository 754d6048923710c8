// RoPETests: RoPE by hand, and its properties.

import Foundation
import Support
import TestSupport
import Testing

@testable import CompactLlama

@Suite struct RoPETests {
    private func rope(_ positions: Range<Int>, headSize: Int = 4) -> RoPE {
        RoPE(positions: positions, headSize: headSize, base: 10000)
    }

    private func randomHeads(_ heads: Int, _ seq: Int, _ headSize: Int, seed: UInt64) -> Tensor {
        var random = Random(seed: seed)
        return Tensor(random.floats(heads * seq * headSize), shape: [heads, seq, headSize])
    }

    @Test func `position 0 changes nothing`() {
        let x = randomHeads(2, 1, 8, seed: 1)
        #expect(rope(0..<1, headSize: 8)(x).values == x.values)
    }

    @Test func `elements 2i and 2i + 1 rotate together, the first pair by the position`() {
        // at position 1, pair 0 rotates by 1 and pair 1 by 10000^(-2/4) = 0.01
        let x = Tensor([1, 0, 0, 1], shape: [1, 1, 4])
        let expected = [cos(1.0), sin(1.0), -sin(0.01), cos(0.01)]
        #expect(deviation(rope(1..<2)(x).values, expected) <= .rounding)
        let far = [cos(100.0), sin(100.0), -sin(1.0), cos(1.0)]
        #expect(deviation(rope(100..<101)(x).values, far) <= .rounding)
    }

    @Test func `the base sets the frequencies`() {
        let x = Tensor([0, 0, 1, 0], shape: [1, 1, 4])
        let y = RoPE(positions: 1..<2, headSize: 4, base: 16)(x)
        #expect(deviation(y.values, [0, 0, cos(0.25), sin(0.25)]) <= .rounding)
    }

    @Test func `rotation preserves lengths`() {
        let x = randomHeads(3, 50, 16, seed: 2)
        let y = rope(0..<50, headSize: 16)(x)
        #expect(y.shape == x.shape)
        #expect(deviation((y * y).sum(axis: -1).values, (x * x).sum(axis: -1).values) <= .sums)
    }

    @Test(arguments: [0, 1, 17, 400]) func `products depend only on the distance`(shift: Int) {
        let (q, k) = (randomHeads(1, 1, 16, seed: 3), randomHeads(1, 1, 16, seed: 4))
        func product(_ m: Int, _ n: Int) -> Float {
            let (rotatedQ, rotatedK) = (
                rope(m..<m + 1, headSize: 16)(q), rope(n..<n + 1, headSize: 16)(k)
            )
            return (rotatedQ * rotatedK).sum(axis: -1).values[0]
        }
        let expected = product(9, 4)
        #expect(abs(product(9 + shift, 4 + shift) - expected) <= 1e-4)
        #expect(abs(product(9 + shift, 5 + shift) - expected) > 1e-2)
    }

    @Test func `a sequence rotates like its tokens one by one`() {
        let x = randomHeads(2, 5, 8, seed: 5)
        let together = rope(3..<8, headSize: 8)(x)
        for token in 0..<5 {
            let one = x.selecting(token, axis: 1).expandedDimensions(axis: 1)
            let rotated = rope(3 + token..<4 + token, headSize: 8)(one)
            #expect(rotated.values == together.selecting(token, axis: 1).values)
        }
    }

    @Test func `a transposed view rotates like its copy`() {
        let x = randomHeads(5, 2, 8, seed: 6).transposed(0, 1)  // [2, 5, 8]
        let copy = Tensor(x.values, shape: [2, 5, 8])
        #expect(rope(0..<5, headSize: 8)(x).values == rope(0..<5, headSize: 8)(copy).values)
    }
}
