// RandomWeightsTests: random weights are equal in all element types, up to their precision.

import Testing

@testable import Support

@Suite struct RandomWeightsTests {
    private let config = Config(
        dim: 32, hiddenDim: 48, nLayers: 2, nHeads: 4, nKvHeads: 2, vocabSize: 50, maxSeqLen: 16)

    private func values(_ element: ElementType, seed: UInt64 = 1) -> [Float] {
        Weights(random: config, element: element, seed: seed)["output.weight"].values
    }

    @Test func `numbers lie between 1/256 and 1/32, of either sign`() {
        let values = values(.float32)
        #expect(values.allSatisfy { (1 / 256..<1 / 32).contains(abs($0)) })
        #expect(values.contains { $0 > 0 } && values.contains { $0 < 0 })
    }

    @Test func `half-precision values are the same numbers, truncated`() {
        for (half, lost) in [(ElementType.float16, UInt32(13)), (.bfloat16, 16)] {
            let cut = values(.float32).map { Float(bitPattern: ($0.bitPattern >> lost) << lost) }
            #expect(values(half) == cut)
        }
    }

    @Test func `equal seeds give equal numbers, other seeds other numbers`() {
        #expect(values(.float32) == values(.float32))
        #expect(values(.float32) != values(.float32, seed: 2))
    }

    @Test func `blocks fill whole rows, and vectors have none`() {
        let weights = Weights(random: config, element: .q4K, seed: 1)
        #expect(weights["output.weight"].element == .q8)  // rows of 32
        #expect(weights["layers.0.feed_forward.w2.weight"].element == .float32)  // rows of 48
        #expect(weights["norm.weight"].element == .float32)
        for (name, _) in config.shapes { #expect(!weights[name].values.contains { !$0.isFinite }) }
    }

    @Test func `matrices holds every matrix of a layer and the classifier`() {
        let weights = Weights(random: config, element: .float32, seed: 1)
        let layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 48 * 32
        #expect(weights.matrices.reduce(0) { $0 + $1.shape.count } == 2 * layer + 50 * 32)
    }
}
