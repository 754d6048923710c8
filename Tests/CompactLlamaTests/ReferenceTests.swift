// ReferenceTests: real weights compared with numbers and texts that other programs computed in
// double precision.

import TestSupport
import Testing

@testable import CompactLlama
@testable import Support

private let tokenizerPath = "tok512.model"
private let weightFiles = ["stories260K.lmw", "stories260K.bin"]

private func llama(_ weights: String) throws -> Llama {
    try Llama(weights: TestData.model(weights), tokenizer: TestData.model(tokenizerPath))
}

@Suite(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
struct TraceTests {
    struct Trace: Decodable {
        let prompt: String
        let tokens: [Int]
        let position: Int
        let stages: [String: [Double]]
    }

    @Test(arguments: weightFiles, [true, false])
    func `every stage of every layer agrees with the reference`(file: String, isOneSequence: Bool)
        throws
    {
        let trace: Trace = try TestData.reference("stories260K-trace.json")
        let llama = try llama(file)
        #expect(try llama.tokenizer.encode(trace.prompt) == trace.tokens)
        let model = llama.model

        var checkedStages = 0
        /// Compares the last token's vector.
        func check(_ stage: String, _ x: Tensor) {
            guard let expected = trace.stages[stage] else { return }
            let last = x.shape.rank == 2 ? x[-1] : x
            #expect(deviation(last.values, expected) <= .network, "\(stage)")
            checkedStages += 1
        }

        // the model's forward pass with a check of each stage, in one call or token by token
        let steps =
            isOneSequence ? [0..<trace.tokens.count] : trace.tokens.indices.map { $0..<$0 + 1 }
        for positions in steps {
            let isLast = positions.upperBound == trace.tokens.count
            func checked(_ stage: String, _ x: Tensor) -> Tensor {
                if isLast { check(stage, x) }
                return x
            }
            var h = checked("embedding", model.tokEmbeddings[Array(trace.tokens[positions])])
            let rope = RoPE(
                positions: positions, headSize: model.config.headSize, base: model.config.ropeTheta
            )
            for (i, layer) in model.layers.enumerated() {
                let name = "layers.\(i)."
                let x = checked(name + "attention_norm", layer.attentionNorm(h))
                h = h + checked(name + "attention", layer.attention(x, rope: rope))
                h = checked(name + "residual_attention", h)
                let y = checked(name + "ffn_norm", layer.ffnNorm(h))
                h = h + checked(name + "feed_forward", layer.feedForward(y))
                h = checked(name + "residual_feed_forward", h)
            }
            let logits = checked("logits", model.output(checked("norm", model.norm(h[-1]))))
            if isLast { #expect(logits.values.count == model.config.vocabSize) }
        }
        #expect(checkedStages == trace.stages.count)
    }

    @Test(arguments: weightFiles) func `the model's own forward pass gives the same logits`(
        file: String
    )
        throws
    {
        let trace: Trace = try TestData.reference("stories260K-trace.json")
        let logits = try llama(file).model(trace.tokens, startPos: 0)
        #expect(deviation(logits.values, trace.stages["logits"]!) <= .network)
    }
}

@Suite(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
struct GreedyTests {
    @Test(arguments: weightFiles) func `tokens and texts equal the reference`(file: String)
        throws
    {
        for story in try TestData.greedyTexts() {
            let llama = try llama(file)
            #expect(try llama.tokenizer.encode(story.prompt) == story.promptTokens)
            var (tokens, startPos, found) = (story.promptTokens, 0, [Int]())
            while startPos < story.seqLength {
                let next = try llama.generate(tokens, startPos: startPos)
                found.append(next)
                startPos += tokens.count
                tokens = [next]
            }
            #expect(found == story.tokens, "\(story.prompt)")

            let (emitted, statistics) = try Self.complete(
                file, story.prompt, seqLength: story.seqLength)
            #expect(emitted.text == story.text + "\n")
            #expect(statistics.promptTokens == story.promptTokens.count)
            #expect(statistics.generatedTokens == story.tokens.count)
        }
    }

    static func complete(
        _ file: String, _ prompt: String, seqLength: Int
    ) throws -> (emitted: EmittedText, statistics: GenerationStatistics) {
        try llama(file).emitted(prompt, seqLength: seqLength)
    }

    /// Prompt, length and text, from an independent program in double precision.
    static let otherPrompts: [(String, Int, String)] = [
        (
            "naïve café", 40,
            "naïve cafés. It was a big, red castle. It was a big, red castle. It was"
        ),
        ("日本語のテキスト", 60, "日本語のテキスト. Asked iffictter, Pictor, Pictor. Pictor"),
        ("小さな猫", 40, "小さな猫s. Asked Everything, “Here!\" Asked All"),
        (
            "🦊 The fox 🦊", 60,
            "🦊 The fox 🦊. Asked All the animagons, but it was too big. Asked Annagged, but she didn't loo"
        ),
        (
            "  two  spaces  ", 40,
            "  two  spaces  outside. All the other animals were very happy. All the"
        ),
        (" ", 20, " Anna and Anna. They like to play with the"),
        (
            "line one\nline two\n", 40,
            "line one\nline two\n\"Hello, little boy!\" said Lily. \"I'm sorry,\" said Lily"
        ),
        (
            "e\u{301}", 30,
            "e\u{301}s, there was a little girl named Lily. She loved to play outside in the sunn"
        ),
        (
            "Ünïcödé — “quotes”", 60,
            "Ünïcödé — “quotes” Annabyed. “What's about all your blankets?\" \nHer mum sm"
        ),
        ("\t", 20, "\t childrenaps liked to play with her toys"),
    ]

    @Test(arguments: 0..<10, weightFiles)
    func `prompts in other scripts and with unusual spaces equal the reference`(
        index: Int, file: String
    ) throws {
        let (prompt, seqLength, text) = Self.otherPrompts[index]
        let emitted = try Self.complete(file, prompt, seqLength: seqLength).emitted
        // compares scalars, because Swift's strings are equal in any normal form
        #expect(Array(emitted.text.unicodeScalars) == Array((text + "\n").unicodeScalars))
    }

    @Test(arguments: weightFiles)
    func `a prompt in one call gives the same logits as token by token`(file: String) throws {
        for story in try TestData.greedyTexts() {
            let (whole, single) = (try llama(file).model, try llama(file).model)
            let atOnce = whole(story.promptTokens, startPos: 0)
            var oneByOne = atOnce
            for (position, token) in story.promptTokens.enumerated() {
                oneByOne = single([token], startPos: position)
            }
            #expect(deviation(oneByOne.values, atOnce.values) <= .network, "\(story.prompt)")
            // the caches agree too: the next 20 tokens are equal
            var (a, b) = (atOnce.argmax(), oneByOne.argmax())
            for position in story.promptTokens.count..<story.promptTokens.count + 20 {
                #expect(a == b, "position \(position)")
                a = whole([a], startPos: position).argmax()
                b = single([b], startPos: position).argmax()
            }
        }
    }

    @Test func `a text may exceed the trained length`() throws {
        let model = try llama("stories260K.bin").model
        let count = model.config.maxSeqLen + 100
        let tokens = [1] + (1..<count).map { [403, 407, 261, 378][$0 % 4] }
        #expect(model(tokens, startPos: 0).isFinite)
        #expect(model([432], startPos: count).isFinite)
    }
}
