// GGUFTests: a GGUF file tells the story that the same weights tell in another format, without a
// tokenizer of its own beside it.

import Support
import TestSupport
import Testing

@testable import CompactLlama

@Suite struct GGUFTests {
    @Test func `a GGUF file alone tells the same story`() throws {
        let tokenizer = TinyTokenizer()
        var sizes = TinySizes(vocab: tokenizer.vocabSize, dim: 264)
        (sizes.layers, sizes.kvHeads) = (2, 2)
        let values = sizes.chainValues([
            1: tokenizer.token("a"), tokenizer.token("a"): tokenizer.token("\u{2581}a"),
            tokenizer.token("\u{2581}a"): tokenizer.token("b"),
            tokenizer.token("b"): TinyTokenizer.eos,
        ])
        let folder = try TemporaryFolder()
        func story(_ weights: String, _ tokenizer: String) throws -> String {
            var text = ""
            _ = try Llama(weights: weights, tokenizer: tokenizer).complete("", seqLength: 8) {
                text += $0
            }
            return text
        }
        let gguf = try folder.write(TinyGGUF(sizes, values: values).bytes, as: "model.gguf")
        let lmw = try folder.write(LMWBytes(sizes, values: values).bytes, as: "model.lmw")
        let model = try folder.write(tokenizer.bytes, as: "tokenizer.model")
        #expect(try story(gguf, gguf) == "a ab\n")
        #expect(try story(lmw, model) == "a ab\n")
        #expect(try story(gguf, model) == "a ab\n")
    }
}
