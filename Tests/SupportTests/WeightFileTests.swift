// Weight files: both formats are recognised by their content and read completely.

import TestSupport
import Testing

@testable import Support

/// A weight file in a folder that goes when the test ends.
struct WeightFile {
    let folder: TemporaryFolder
    let path: String

    init(_ bytes: [UInt8], as name: String = "model.lmw") throws {
        folder = try TemporaryFolder()
        path = try folder.write(bytes, as: name)
    }

    func weights() throws -> Weights { try Weights(contentsOf: path) }
}

/// Every tensor of `sizes` is there with its shape, and with `values` if they are given.
func expectComplete(_ weights: Weights, _ sizes: TinySizes, values: [String: [Float]]? = nil) {
    for (name, shape) in sizes.tensors {
        let tensor = weights[name]
        #expect(tensor.shape == Shape(shape), "\(name)")
        if let values { #expect(tensor.values == values[name], "\(name)") }
    }
}

@Suite struct WeightFileTests {
    static let shapes: [TinySizes] = {
        var twoLayers = TinySizes()
        (twoLayers.layers, twoLayers.kvHeads) = (2, 2)
        var wide = TinySizes(vocab: 3, dim: 16)
        (wide.heads, wide.kvHeads, wide.hidden) = (8, 4, 1)
        return [TinySizes(), twoLayers, wide]
    }()

    private func config(_ sizes: TinySizes, normEps: Float) -> Config {
        Config(
            dim: sizes.dim, hiddenDim: sizes.hidden, nLayers: sizes.layers, nHeads: sizes.heads,
            nKvHeads: sizes.kvHeads, vocabSize: sizes.vocab, maxSeqLen: sizes.maxSeqLen,
            normEps: normEps)
    }

    @Test(arguments: 0..<3) func `a .lmw file gives its sizes and all tensors`(index: Int) throws {
        let sizes = Self.shapes[index]
        var bytes = LMWBytes(sizes)
        bytes.normEps = 1e-6
        let weights = try WeightFile(bytes.bytes).weights()
        #expect(weights.config == config(sizes, normEps: 1e-6))
        #expect(weights.config.headSize == sizes.dim / sizes.heads)
        expectComplete(weights, sizes, values: sizes.randomValues())
    }

    @Test(arguments: 0..<3, [true, false])
    func `a .bin file gives its sizes and all tensors`(index: Int, hasClassifier: Bool) throws {
        let sizes = Self.shapes[index]
        let bytes = Llama2cBytes(sizes, hasClassifier: hasClassifier).bytes
        let weights = try WeightFile(bytes, as: "model.bin").weights()
        #expect(weights.config == config(sizes, normEps: 1e-5))
        var values = sizes.randomValues()
        if !hasClassifier { values["output.weight"] = values["tok_embeddings.weight"] }
        expectComplete(weights, sizes, values: values)
    }

    @Test func `the content says what a file is, not its name`() throws {
        let lmw = try WeightFile(LMWBytes().bytes, as: "model.bin").weights()
        let llama2c = try WeightFile(Llama2cBytes().bytes, as: "model.lmw").weights()
        for (name, _) in TinySizes().tensors { #expect(lmw[name].values == llama2c[name].values) }
    }

    @Test func `records may come in any order, and RoPE's frequencies are passed over`() throws {
        var bytes = LMWBytes()
        bytes.records.reverse()
        bytes.records.insert(.init(name: "rope.freqs", shape: [2], values: [1, 2]), at: 3)
        let weights = try WeightFile(bytes.bytes).weights()
        expectComplete(weights, TinySizes(), values: TinySizes().randomValues())
    }

    @Test func `tensors outlive the weights they came from, and cannot change the file`() throws {
        let file = try WeightFile(LMWBytes().bytes)
        var norm = try file.weights()["norm.weight"]
        let values = TinySizes().randomValues()["norm.weight"]!
        #expect(norm.values == values)
        norm.append(Tensor([9]), axis: 0)
        #expect(norm.values == values + [9])
        #expect(try file.weights()["norm.weight"].values == values)
    }

    @Test func `values are viewed, not copied`() throws {
        let weights = try WeightFile(LMWBytes().bytes).weights()
        #expect(!weights["output.weight"].storage.isWritable)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `both files of a real model hold the same`() throws {
        let lmw = try Weights(contentsOf: TestData.model("stories260K.lmw"))
        let llama2c = try Weights(contentsOf: TestData.model("stories260K.bin"))
        #expect(lmw.config == llama2c.config)
        for (name, shape) in lmw.config.outerShapes + lmw.config.layerShapes(4) {
            #expect(lmw[name].shape == Shape(shape))
            #expect(lmw[name].values == llama2c[name].values, "\(name)")
        }
    }
}
