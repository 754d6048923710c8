// ChatTests: the tokens of a chat's turns, the KV cache, and the end of a conversation.

import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct ChatTests {
    @Test func `the first turn carries the system prompt`() {
        let template = ChatTemplate(system: "Be brief.")
        #expect(
            template.text(" Hello\n", isFirst: true)
                == "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello [/INST]")
        #expect(template.text("And now?", isFirst: false) == "[INST] And now? [/INST]")
        #expect(ChatTemplate().text("Hello", isFirst: true) == "[INST] Hello [/INST]")
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `turns have the tokens of Llama 2's tokenizer`() throws {
        // computed with SentencePiece's Python module
        let tokenizer = try Tokenizer(
            contentsOf: TestData.model("llama2-tokenizer.model"), vocabSize: 32000)
        let template = ChatTemplate(system: "Be brief.")
        #expect(
            try tokenizer.encode(template.text("Hello", isFirst: true)) == [
                1, 518, 25580, 29962, 3532, 14816, 29903, 6778, 13, 3629, 11473, 29889, 13, 29966,
                829, 14816, 29903, 6778, 13, 13, 10994, 518, 29914, 25580, 29962,
            ])
        #expect(
            try tokenizer.encode(template.text("And now?", isFirst: false))
                == [1, 518, 25580, 29962, 1126, 1286, 29973, 518, 29914, 25580, 29962])
    }

    @Test func `an answer continues the whole conversation`() throws {
        let model = try TinyModel(maxSeqLen: 400)
        var count = 0
        var answers = ["", ""]
        var chat = Chat(try model.llama(), system: "a", seqLength: 400)
        /// Ends an answer after five tokens.
        func isInterrupted() -> Bool {
            count += 1
            return count % 5 == 0
        }
        let first = try chat.tokens(for: "b")
        try chat.answer("b", isInterrupted: isInterrupted) { answers[0] += $0 }
        let second = try chat.tokens(for: "a b")
        try chat.answer("a b", isInterrupted: isInterrupted) { answers[1] += $0 }

        // the same by hand: all tokens in one call, without a cache
        let llama = try model.llama()
        llama.setModes(cache: .none, chunkSize: .max, capacity: 0)
        var tokens = first
        func generate(_ count: Int) throws -> [Int] {
            try (0..<count).map { _ in
                let next = try llama.generate(tokens, startPos: 0)
                tokens.append(next)
                return next
            }
        }
        let firstAnswer = try generate(5)
        // the model reads the last token and EOS with the next turn
        #expect(second.prefix(2) == [firstAnswer[4], TinyTokenizer.eos])
        tokens += second.dropFirst()
        let secondAnswer = try generate(5)
        func text(_ tokens: [Int]) -> String {
            var decoder = StreamingDecoder(llama.tokenizer)
            return decoder.decode(tokens) + decoder.finish() + "\n"
        }
        #expect(answers == [text(firstAnswer), text(secondAnswer)])
    }

    @Test func `a full context is an error`() throws {
        var chat = Chat(try TinyModel().llama(), system: nil, seqLength: 30)
        var answer = ""
        #expect(throws: ChatError.contextIsFull(30)) { try chat.answer("a") { answer += $0 } }
        #expect(answer.hasSuffix("\n"))
        #expect(throws: ChatError.contextIsFull(30)) { try chat.answer("a") { _ in } }
    }
}
