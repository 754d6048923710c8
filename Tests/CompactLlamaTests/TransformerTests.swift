// TransformerTests: TransformerBlock's residuals by hand, and the whole network compared with
// NaiveLlama.

import TestSupport
import Testing

@testable import CompactLlama
@testable import Support

/// A weight file and its values.
struct TinyModel {
    let sizes: TinySizes
    let values: [String: [Float]]
    let weights: Weights

    init(
        _ sizes: TinySizes, eps: Float = 1e-5, change: (inout [String: [Float]]) -> Void = { _ in }
    )
        throws
    {
        var values = sizes.randomValues(seed: 42)
        change(&values)
        var file = LMWBytes(sizes, values: values)
        file.normEps = eps
        let folder = try TemporaryFolder()
        weights = try Weights(contentsOf: try folder.write(file.bytes, as: "tiny.lmw"))
        (self.sizes, self.values) = (sizes, values)
    }
}

@Suite struct TransformerBlockTests {
    private func zeros(_ values: inout [String: [Float]], _ names: String...) {
        for name in names {
            let key = "layers.0.\(name).weight"
            values[key] = values[key]!.map { _ in 0 }
        }
    }

    private let rope = RoPE(positions: 0..<3, headSize: 4, base: 10000)

    private func tokens() -> Tensor {
        var random = Random(seed: 3)
        return Tensor(random.floats(24), shape: [3, 8])
    }

    @Test func `without attention and feed-forward a block changes nothing`() throws {
        let model = try TinyModel(TinySizes()) {
            zeros(&$0, "attention.wo", "feed_forward.w2")
        }
        let x = tokens()
        #expect(TransformerBlock(layer: 0, model.weights)(x, rope: rope).values == x.values)
    }

    @Test func `attention is added to the token`() throws {
        let model = try TinyModel(TinySizes()) { zeros(&$0, "feed_forward.w2") }
        let x = tokens()
        let block = TransformerBlock(layer: 0, model.weights)
        let twin = TransformerBlock(layer: 0, model.weights)
        let expected = x + twin.attention(twin.attentionNorm(x), rope: rope)
        #expect(deviation(block(x, rope: rope).values, expected.values) <= .rounding)
    }

    @Test func `feed-forward is added to the token`() throws {
        let model = try TinyModel(TinySizes()) { zeros(&$0, "attention.wo") }
        let x = tokens()
        let block = TransformerBlock(layer: 0, model.weights)
        let expected = x + block.feedForward(block.ffnNorm(x))
        #expect(deviation(block(x, rope: rope).values, expected.values) <= .rounding)
    }

    @Test func `every layer has its own weights, and the file's eps`() throws {
        var sizes = TinySizes()
        sizes.layers = 2
        let model = try TinyModel(sizes, eps: 0.25)
        for i in 0..<2 {
            let block = TransformerBlock(layer: i, model.weights)
            func values(_ name: String) -> [Float]? { model.values["layers.\(i).\(name).weight"] }
            #expect(block.attention.wq.weight.values == values("attention.wq"))
            #expect(block.attention.wk.weight.values == values("attention.wk"))
            #expect(block.attention.wv.weight.values == values("attention.wv"))
            #expect(block.attention.wo.weight.values == values("attention.wo"))
            #expect(block.feedForward.w1.weight.values == values("feed_forward.w1"))
            #expect(block.feedForward.w2.weight.values == values("feed_forward.w2"))
            #expect(block.feedForward.w3.weight.values == values("feed_forward.w3"))
            #expect(block.attentionNorm.weight.values == values("attention_norm"))
            #expect(block.ffnNorm.weight.values == values("ffn_norm"))
            #expect(block.attentionNorm.eps == 0.25 && block.ffnNorm.eps == 0.25)
        }
    }
}

@Suite struct TransformerTests {
    static let sizes: [TinySizes] = {
        var grouped = TinySizes(vocab: 7, dim: 16)
        (grouped.heads, grouped.kvHeads, grouped.layers, grouped.hidden) = (4, 2, 2, 21)
        var plain = TinySizes(vocab: 11, dim: 12)
        (plain.heads, plain.kvHeads, plain.layers, plain.hidden) = (3, 3, 3, 32)
        var single = TinySizes(vocab: 40, dim: 34)
        (single.heads, single.kvHeads, single.layers, single.hidden) = (1, 1, 1, 17)
        return [TinySizes(), grouped, plain, single]
    }()

    @Test(arguments: 0..<4, [1e-5, 0.3] as [Float])
    func `logits agree with the naive network at every position`(index: Int, eps: Float) throws {
        let model = try TinyModel(Self.sizes[index], eps: eps)
        var random = Random(seed: 8)
        let tokens = (0..<9).map { _ in random.below(model.sizes.vocab) }
        let expected = NaiveLlama(
            sizes: model.sizes, weights: model.values, eps: Double(eps)
        ).logits(tokens)

        let oneByOne = Transformer(model.weights)
        for (position, token) in tokens.enumerated() {
            let logits = oneByOne([token], startPos: position)
            #expect(logits.shape == [model.sizes.vocab])
            #expect(
                deviation(logits.values, expected[position]) <= .network, "position \(position)")
            let prefix = Transformer(model.weights)(Array(tokens[...position]), startPos: 0)
            #expect(deviation(prefix.values, expected[position]) <= .network, "prefix \(position)")
        }
        // in two calls, the second with more than one token
        let inParts = Transformer(model.weights)
        _ = inParts(Array(tokens[..<4]), startPos: 0)
        #expect(
            deviation(inParts(Array(tokens[4...]), startPos: 4).values, expected[8]) <= .network)
    }

    @Test(arguments: [256, 257, 512, 600])
    func `a prompt of several chunks gives what its tokens give one by one`(count: Int) throws {
        let model = try TinyModel(Self.sizes[1])
        var random = Random(seed: 9)
        let tokens = (0..<count).map { _ in random.below(model.sizes.vocab) }
        let inChunks = Transformer(model.weights)(tokens, startPos: 0)
        let oneByOne = Transformer(model.weights)
        var expected = Tensor([])
        for (position, token) in tokens.enumerated() {
            expected = oneByOne([token], startPos: position)
        }
        let logits = expected.values.map { Double($0) }
        #expect(deviation(inChunks.values, logits) <= .network)
    }

    @Test func `two models of the same weights do not share a cache`() throws {
        let model = try TinyModel(TinySizes())
        let (a, b) = (Transformer(model.weights), Transformer(model.weights))
        _ = a([1, 2, 3], startPos: 0)
        #expect(a([4], startPos: 3).values != b([4], startPos: 0).values)
        #expect(b.layers[0].attention.keys.shape == [1, 1, 4])
    }

    @Test func `position 0 begins a new text`() throws {
        let transformer = Transformer(try TinyModel(TinySizes()).weights)
        let logits = transformer([1, 2, 3], startPos: 0).values
        #expect(transformer([1, 2, 3], startPos: 0).values == logits)
        #expect(transformer.layers[0].attention.keys.shape[1] == 3)
    }

    @Test(arguments: [2, 4])
    func `a startPos other than the cache's length stops the program`(startPos: Int) async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [startPos] in
            let transformer = Transformer(try TinyModel(TinySizes()).weights)
            _ = transformer([1, 2, 3], startPos: 0)
            _ = transformer([4], startPos: startPos)
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("startPos is \(startPos), the KV cache's length 3"))
    }
}
