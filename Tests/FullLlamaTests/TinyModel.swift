// TinyModel: files of a model with random weights and its tokenizer, for tests of whole runs.

import TestSupport

@testable import FullLlama
@testable import Support

struct TinyModel {
    private let folder: TemporaryFolder
    let weights: String, tokenizer: String
    let sizes: TinySizes, values: [String: [Float]]

    init(maxSeqLen: Int = 64, change: (inout [String: [Float]]) -> Void = { _ in }) throws {
        folder = try TemporaryFolder()
        let tiny = TinyTokenizer()
        var sizes = TinySizes(vocab: tiny.vocabSize, dim: 8)
        (sizes.layers, sizes.maxSeqLen) = (2, maxSeqLen)
        var values = sizes.randomValues(seed: 7)
        // BOS and EOS are never the most probable: every text reaches its full length
        for token in [TinyTokenizer.bos, TinyTokenizer.eos] {
            for i in 0..<8 { values["output.weight"]![token * 8 + i] = 0 }
        }
        change(&values)
        (self.sizes, self.values) = (sizes, values)
        weights = try folder.write(LMWBytes(sizes, values: values).bytes, as: "tiny.lmw")
        tokenizer = try folder.write(tiny.bytes, as: "tokenizer.model")
    }

    func llama() throws -> Llama { try Llama(weights: weights, tokenizer: tokenizer) }

    /// The path of a file next to the model's.
    func path(_ name: String) -> String { folder.path + "/" + name }

    func write(_ text: String, as name: String) throws -> String {
        try folder.write(Array(text.utf8), as: name)
    }
}

extension Llama {
    func text(_ prompt: String, seqLength: Int) throws -> String {
        var text = ""
        _ = try complete(prompt, seqLength: seqLength) { text += $0 }
        return text
    }
}
