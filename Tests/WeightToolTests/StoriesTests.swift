// StoriesTests: real weights give the same text in every format.

import Support
import TestSupport
import Testing

@testable import CompactLlama
@testable import WeightTool

@Suite(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
struct StoriesTests {
    private func story(_ weights: String) throws -> String {
        let llama = try Llama(weights: weights, tokenizer: TestData.model("tok512.model"))
        var text = ""
        _ = try llama.complete("Once upon a time", seqLength: 128) { text += $0 }
        return text
    }

    @Test func `stories260K gives the same text in every format`() throws {
        let source = TestData.model("stories260K.bin")
        let expected = try story(source)
        #expect(expected.count > 200)
        let folder = try TemporaryFolder()
        for name in ["a.lmw", "b.bin", "c.safetensors", "d.gguf"] {
            let path = folder.file(name)
            try WeightTool.Convert.parse([source, path, "--verify"]).run()
            #expect(try story(path) == expected, "\(name)")
        }
    }

    @Test func `stories260K tells a story from its blocks and its own tokenizer`() throws {
        let folder = try TemporaryFolder()
        let (source, tokenizer) = (
            TestData.model("stories260K.bin"), TestData.model("tok512.model")
        )
        let expected = try story(source)
        for type in ["F32", "F16", "BF16", "Q8_0", "Q4_0"] {
            let path = folder.file("\(type).gguf")
            try WeightTool.Convert.parse([source, path, "--type", type, "-t", tokenizer]).run()
            let llama = try Llama(weights: path, tokenizer: path)
            var text = ""
            _ = try llama.complete("Once upon a time", seqLength: 128) { text += $0 }
            // llama.cpp writes the same from these files: their first difference comes later
            let count = type == "Q4_0" ? 86 : 190
            #expect(text.prefix(count) == expected.prefix(count), "\(type)")
        }
    }

    @Test func `the .bin of stories260K converts to its .lmw`() throws {
        let folder = try TemporaryFolder()
        try WeightTool.Convert.parse([TestData.model("stories260K.bin"), folder.file("a.lmw")])
            .run()
        let (found, expected) = try (
            Weights(contentsOf: folder.file("a.lmw")),
            Weights(contentsOf: TestData.model("stories260K.lmw"))
        )
        #expect(found.config == expected.config)
        for (name, _) in expected.config.shapes {
            #expect(haveEqualBits(found[name], expected[name]), "\(name)")
        }
    }
}
