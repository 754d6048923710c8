// LlamaTests: whole texts from models with known next tokens.

import TestSupport
import Testing

@testable import CompactLlama
@testable import Support

/// A model that follows each token by a fixed next token, and its tokenizer, as files.
struct ChainModel {
    let folder: TemporaryFolder
    let tiny = TinyTokenizer()
    let weightsPath: String, tokenizerPath: String

    init(
        _ next: [Int: Int], isLMW: Bool = true,
        change: (inout [String: [Float]]) -> Void = { _ in }
    )
        throws
    {
        folder = try TemporaryFolder()
        var sizes = TinySizes(vocab: tiny.vocabSize, dim: 264)
        sizes.maxSeqLen = 128
        var values = sizes.chainValues(next)
        change(&values)
        let bytes =
            isLMW
            ? LMWBytes(sizes, values: values).bytes : Llama2cBytes(sizes, values: values).bytes
        weightsPath = try folder.write(bytes, as: "chain")
        tokenizerPath = try folder.write(tiny.bytes, as: "tiny.model")
    }

    /// " a", then a fox, then "b", then `last`.
    static func foxStory(last: Int) -> [Int: Int] {
        let tiny = TinyTokenizer()
        let tokens = "🦊".utf8.map(TinyTokenizer.token(byte:)) + [tiny.token("b"), last]
        let first = tiny.token("\u{2581}a")
        return Dictionary(uniqueKeysWithValues: zip([first] + tokens.dropLast(), tokens))
    }

    func llama() throws -> Llama { try Llama(weights: weightsPath, tokenizer: tokenizerPath) }
}

/// The strings that a Llama emits.
final class EmittedText {
    var strings: [String] = []
    var text: String { strings.joined() }
}

extension Llama {
    func emitted(
        _ prompt: String, seqLength: Int
    ) throws -> (emitted: EmittedText, statistics: GenerationStatistics) {
        let emitted = EmittedText()
        let statistics = try complete(prompt, seqLength: seqLength) { emitted.strings.append($0) }
        return (emitted, statistics)
    }
}

@Suite struct LlamaTests {
    @Test(arguments: [true, false])
    func `prompt and answer are emitted once, in complete characters`(isLMW: Bool) throws {
        let model = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos), isLMW: isLMW)
        let (emitted, statistics) = try model.llama().emitted("a", seqLength: 100)
        #expect(emitted.text == "a🦊b\n")
        #expect(emitted.strings.filter { !$0.isEmpty } == ["a", "🦊", "b", "\n"])
        #expect(statistics.promptTokens == 2)
        #expect(statistics.generatedTokens == 5)
    }

    @Test(arguments: [TinyTokenizer.eos, TinyTokenizer.bos])
    func `EOS and BOS end the text and are not printed`(last: Int) throws {
        let model = try ChainModel(ChainModel.foxStory(last: last))
        #expect(try model.llama().emitted("a", seqLength: 100).emitted.text == "a🦊b\n")
    }

    @Test(arguments: [
        (2, "a\u{FFFD}\n"), (4, "a\u{FFFD}\u{FFFD}\u{FFFD}\n"), (5, "a🦊\n"), (6, "a🦊b\n"),
    ])
    func `a prompt of P tokens and a length of N give N - P + 1 tokens`(
        seqLength: Int, text: String
    ) throws {
        let model = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos))
        let (emitted, statistics) = try model.llama().emitted("a", seqLength: seqLength)
        #expect(emitted.text == text)
        #expect(statistics.generatedTokens == seqLength - 2 + 1)
    }

    @Test func `a prompt that is too long is refused before anything is emitted`() throws {
        let model = try ChainModel([:])
        let emitted = EmittedText()
        let error = #expect(throws: GenerationError.promptTooLong(tokens: 4, seqLength: 3)) {
            try model.llama().complete("abb", seqLength: 3) { emitted.strings.append($0) }
        }
        #expect(error?.description == "the prompt has 4 tokens, but --seqlength allows only 3")
        #expect(emitted.strings == [])
    }

    @Test func `an empty prompt is BOS alone`() throws {
        let tiny = TinyTokenizer()
        let model = try ChainModel([
            TinyTokenizer.bos: tiny.token("\u{2581}a"), tiny.token("\u{2581}a"): TinyTokenizer.eos,
        ])
        let (emitted, statistics) = try model.llama().emitted("", seqLength: 1)
        #expect(emitted.text == "a\n")
        #expect(statistics.promptTokens == 1)
        #expect(statistics.generatedTokens == 1)
    }

    @Test func `if the text ends at once, only the prompt is emitted`() throws {
        let model = try ChainModel([TinyTokenizer().token("b"): TinyTokenizer.eos])
        let (emitted, statistics) = try model.llama().emitted("ab", seqLength: 50)
        #expect(emitted.text == "ab\n")
        #expect(statistics.generatedTokens == 0)
        #expect(statistics.decodeRate == nil)
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `damaged weights fail before anything is emitted`(damage: Float) throws {
        let model = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos)) {
            $0["norm.weight"]![5] = damage
        }
        let emitted = EmittedText()
        let error = #expect(throws: GenerationError.notFinite(position: 1)) {
            try model.llama().complete("a", seqLength: 9) { emitted.strings.append($0) }
        }
        #expect(
            error?.description
                == "the logits at position 1 are not finite: the weights are damaged")
        #expect(emitted.strings == [])
    }

    @Test func `damage at a later token stops the text at that token`() throws {
        let b = TinyTokenizer().token("b")
        let model = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos)) {
            $0["tok_embeddings.weight"]![b * 264] = .nan
        }
        let emitted = EmittedText()
        #expect(throws: GenerationError.notFinite(position: 6)) {
            try model.llama().complete("a", seqLength: 9) { emitted.strings.append($0) }
        }
        #expect(emitted.text == "a🦊b")
    }

    @Test func `a second text starts with an empty cache`() throws {
        // random weights, so that each token depends on all earlier ones
        let folder = try TemporaryFolder()
        var sizes = TinySizes(vocab: TinyTokenizer().vocabSize, dim: 8)
        sizes.maxSeqLen = 64
        let llama = try Llama(
            weights: folder.write(
                LMWBytes(sizes, values: sizes.randomValues(seed: 7)).bytes, as: "tiny.lmw"),
            tokenizer: folder.write(TinyTokenizer().bytes, as: "tiny.model"))
        let first = try llama.emitted("a b", seqLength: 30).emitted.text
        #expect(first.utf8.count > 10)
        #expect(llama.model.layers[0].attention.keys.shape[1] > 3)
        _ = try llama.emitted("b", seqLength: 9)
        #expect(try llama.emitted("a b", seqLength: 30).emitted.text == first)
    }

    @Test func `an error from emit stops generation`() throws {
        struct Full: Error {}
        let model = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos))
        #expect(throws: Full.self) {
            try model.llama().complete("a", seqLength: 9) { _ in throw Full() }
        }
    }

    @Test func `the statistics line labels each number`() throws {
        var statistics = GenerationStatistics(promptTokens: 7)
        #expect(statistics.description.hasPrefix("prompt: 7 tokens, prefill "))
        #expect(
            statistics.description.hasSuffix(
                " tok/s; generated: 0 tokens, decode n/a"))
        for _ in 0..<3 { statistics.countToken() }
        #expect(statistics.description.contains(" tok/s; generated: 3 tokens, decode "))
        #expect(statistics.description.hasSuffix(" tok/s"))
        #expect(statistics.prefillRate > 0 && statistics.decodeRate! > 0)
    }
}
