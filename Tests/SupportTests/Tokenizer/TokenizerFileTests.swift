// TokenizerFileTests: other files are refused, and real tokenizers agree with SentencePiece.

import TestSupport
import Testing

@testable import Support

@Suite struct TokenizerFileTests {
    @Test func `a tokenizer of another size names both sizes`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(TinyTokenizer().bytes, as: "tiny.model")
        let error = #expect(throws: TokenizerError.self) {
            try Tokenizer(contentsOf: path, vocabSize: 32000)
        }
        #expect(error == .wrongSize(path, expected: 32000, found: 263))
        #expect("\(error!)" == "\(path): expected 32000 tokens (the model's vocab_size), found 263")
    }

    @Test(arguments: ["", "hello", "\u{0}\u{1}\u{2}", "{\"model\": {\"type\": \"BPE\"}}"])
    func `a file that is not a tokenizer is refused`(content: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array(content.utf8), as: "tokenizer.model")
        if content.isEmpty {
            #expect(throws: FileError.empty(path)) { try Tokenizer(contentsOf: path, vocabSize: 5) }
        } else {
            let error = #expect(throws: TokenizerError.notSentencePiece(path)) {
                try Tokenizer(contentsOf: path, vocabSize: 5)
            }
            #expect(
                error?.description
                    == "\(path): expected a SentencePiece model (tokenizer.model), found something else"
            )
        }
    }

    @Test func `a tokenizer without BOS and EOS is refused`() throws {
        let folder = try TemporaryFolder()
        var tiny = TinyTokenizer()
        tiny.hasBosAndEos = false
        let path = try folder.write(tiny.bytes, as: "tiny.model")
        let error = #expect(throws: TokenizerError.missingBosOrEos(path)) {
            try Tokenizer(contentsOf: path, vocabSize: tiny.vocabSize)
        }
        #expect(
            error?.description
                == "\(path): the BOS or the EOS token is missing")
    }

    @Test func `a damaged tokenizer is refused or read, but never crashes`() throws {
        let folder = try TemporaryFolder()
        let tiny = TinyTokenizer()
        var random = Random(seed: 5)
        for _ in 0..<150 {
            var bytes = tiny.bytes
            if random.below(2) == 0 { bytes.removeLast(1 + random.below(bytes.count - 1)) }
            for _ in 0..<random.below(4) {
                bytes[random.below(bytes.count)] = UInt8(random.below(256))
            }
            let path = try folder.write(bytes, as: "damaged.model")
            do {
                let tokenizer = try Tokenizer(contentsOf: path, vocabSize: tiny.vocabSize)
                #expect(tokenizer.vocabSize == tiny.vocabSize)
            } catch is TokenizerError {
            } catch is FileError {}
        }
    }
}

@Suite(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
struct TokenizerReferenceTests {
    struct Case: Decodable {
        let text: String
        let llama2, tok512: [Int]
    }

    @Test(arguments: ["llama2-tokenizer.model", "tok512.model"])
    func `tokens equal the reference and decode to the text`(name: String) throws {
        let size = name == "tok512.model" ? 512 : 32000
        let tokenizer = try Tokenizer(contentsOf: TestData.model(name), vocabSize: size)
        let cases: [Case] = try TestData.reference("tokenizer.json")
        #expect(!cases.isEmpty)
        for example in cases {
            let ids = try tokenizer.encode(example.text)
            #expect(ids == [1] + (size == 512 ? example.tok512 : example.llama2), "\(example.text)")
            var decoder = StreamingDecoder(tokenizer)
            let text = ids.map { decoder.decode([$0]) }.joined() + decoder.finish()
            #expect(Array(text.utf8) == Array(example.text.utf8))
        }
    }

    @Test func `tokens of a generated story decode to its text`() throws {
        let path = TestData.model("tok512.model")
        let tokenizer = try Tokenizer(contentsOf: path, vocabSize: 512)
        for story in try TestData.greedyTexts() {
            #expect(try tokenizer.encode(story.prompt) == story.promptTokens)
            var decoder = StreamingDecoder(tokenizer)
            let tokens = story.promptTokens + story.tokens
            #expect(tokens.map { decoder.decode([$0]) }.joined() + decoder.finish() == story.text)
        }
    }

    @Test func `every token of both vocabularies has a text, a byte or nothing`() throws {
        for (name, size) in [("llama2-tokenizer.model", 32000), ("tok512.model", 512)] {
            let tokenizer = try Tokenizer(contentsOf: TestData.model(name), vocabSize: size)
            var bytes: Set<UInt8> = []
            for token in 0..<size {
                switch tokenizer.piece(token) {
                case .byte(let byte): bytes.insert(byte)
                case .nothing: #expect(token == 1 || token == 2)
                case .unknown: #expect(token == 0)
                case .text(let text):
                    #expect(!text.isEmpty && !text.unicodeScalars.contains("\u{2581}"))
                }
            }
            #expect(bytes.count == 256)
        }
    }
}
