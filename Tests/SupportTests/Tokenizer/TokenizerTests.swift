// TokenizerTests: text to tokens as in SentencePiece, and tokens to text one at a time.

import TestSupport
import Testing

@testable import Support

/// A tokenizer made in memory, and its file.
struct TinyTokenizerFile {
    let folder: TemporaryFolder
    let tiny: TinyTokenizer
    let tokenizer: Tokenizer

    init(pieces: [String]) throws {
        folder = try TemporaryFolder()
        tiny = TinyTokenizer(pieces: pieces)
        let path = try folder.write(tiny.bytes, as: "tiny.model")
        tokenizer = try Tokenizer(contentsOf: path, vocabSize: tiny.vocabSize)
    }

    /// The decoder's text for each token, and at the end.
    func stream(_ tokens: [Int]) -> [String] {
        var decoder = StreamingDecoder(tokenizer)
        return tokens.map { decoder.decode([$0]) } + [decoder.finish()]
    }

    func streamBytes(_ bytes: [UInt8]) -> [String] {
        stream(bytes.map(TinyTokenizer.token(byte:)))
    }
}

@Suite struct TinyTokenizerTests {
    let file: TinyTokenizerFile

    init() throws {
        file = try TinyTokenizerFile(pieces: ["\u{2581}", "a", "b", "\u{2581}a", "ab"])
    }

    @Test func `a text begins with BOS and a space`() throws {
        #expect(file.tokenizer.bos == 1)
        #expect(file.tokenizer.eos == 2)
        #expect(try file.tokenizer.encode("") == [1])
        #expect(
            try file.tokenizer.encode("ab") == [
                1, file.tiny.token("\u{2581}a"), file.tiny.token("b"),
            ])
        #expect(
            try file.tokenizer.encode("b") == [
                1, file.tiny.token("\u{2581}"), file.tiny.token("b"),
            ])
    }

    @Test func `characters without a piece are encoded as bytes`() throws {
        let bytes = "é\n🦊".utf8.map(TinyTokenizer.token(byte:))
        #expect(try file.tokenizer.encode("é\n🦊") == [1, file.tiny.token("\u{2581}")] + bytes)
    }

    @Test func `the first piece loses its space, later ones keep theirs`() {
        let a = file.tiny.token("\u{2581}a")
        #expect(file.stream([a, a]) == ["a", " a", ""])
        #expect(file.stream([TinyTokenizer.bos, a, a]) == ["", "a", " a", ""])
        let space = file.tiny.token("\u{2581}")
        #expect(file.stream([1, space, space, a]) == ["", "", " ", " a", ""])
    }

    @Test func `a text that begins with a byte loses no space`() {
        let (newline, a) = (TinyTokenizer.token(byte: 10), file.tiny.token("\u{2581}a"))
        #expect(file.stream([1, newline, a]) == ["", "\n", " a", ""])
    }

    @Test func `a character waits for all its bytes`() {
        #expect(file.streamBytes([0xC3, 0xA9]) == ["", "é", ""])
        #expect(file.streamBytes([0xE6, 0x97, 0xA5]) == ["", "", "日", ""])
        #expect(file.streamBytes([0xF0, 0x9F, 0xA6, 0x8A]) == ["", "", "", "🦊", ""])
        #expect(file.streamBytes([0x41, 0xC3, 0xA9, 0x42]) == ["A", "", "é", "B", ""])
    }

    @Test(arguments: [
        "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}", "\u{10000}",
        "\u{10FFFF}",
    ])
    func `the first and last characters of each UTF-8 length are decoded`(character: String) {
        let waiting = Array(repeating: "", count: character.utf8.count - 1)
        #expect(file.streamBytes(Array(character.utf8)) == waiting + [character, ""])
    }

    @Test func `each byte of an incomplete character at the end is replaced`() {
        #expect(file.streamBytes([0xC3]) == ["", "\u{FFFD}"])
        let three = file.streamBytes([0xF0, 0x9F, 0xA6])
        #expect(three.joined() == "\u{FFFD}\u{FFFD}\u{FFFD}")
        #expect(three.dropLast().joined() == "")
    }

    @Test func `an incomplete character before other text is replaced`() {
        let tokens = [
            TinyTokenizer.token(byte: 0xE6), TinyTokenizer.token(byte: 0x97), file.tiny.token("a"),
        ]
        #expect(file.stream(tokens) == ["", "", "\u{FFFD}\u{FFFD}a", ""])
        #expect(file.streamBytes([0xE6, 0x97, 0x41]).joined() == "\u{FFFD}\u{FFFD}A")
        #expect(file.streamBytes([0xE6, 0xC3, 0xA9]).joined() == "\u{FFFD}é")
        #expect(file.streamBytes([0xF0, 0x41]) == ["", "\u{FFFD}A", ""])
        let unknown = file.stream([TinyTokenizer.token(byte: 0xC3), TinyTokenizer.unknown])
        #expect(unknown == ["", "\u{FFFD} \u{2047} ", ""])
    }

    @Test(
        arguments: [
            [0x80], [0xBF, 0xBF], [0xFE], [0xFF], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80],
            [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80],
        ] as [[UInt8]])
    func `each invalid byte is replaced`(bytes: [UInt8]) {
        let text = file.streamBytes(bytes + [0x41]).joined()
        #expect(text == String(repeating: "\u{FFFD}", count: bytes.count) + "A")
    }

    @Test func `control tokens add no text, and the next piece is still the first`() {
        #expect(file.stream([1, 2, file.tiny.token("\u{2581}a"), 2]) == ["", "", "a", "", ""])
    }

    @Test func `a control token ends an incomplete character, as in SentencePiece`() {
        let tokens = [
            TinyTokenizer.token(byte: 0xC3), TinyTokenizer.bos, TinyTokenizer.token(byte: 0xA9),
        ]
        #expect(file.stream(tokens).joined() == "\u{FFFD}\u{FFFD}")
    }

    @Test func `tokens in one call give the same text as one by one`() throws {
        var random = Random(seed: 11)
        for _ in 0..<200 {
            let tokens = (0..<12).map { _ in
                random.below(3) == 0 ? 259 + random.below(5) : 1 + random.below(258)
            }
            var together = StreamingDecoder(file.tokenizer)
            let text = together.decode(tokens) + together.finish()
            #expect(file.stream(tokens).joined() == text, "\(tokens)")
        }
    }

    @Test func `decoding the tokens of a text gives the text`() throws {
        for text in [
            "a b", "  a  b ", "naïve café", "日本語", "🦊🦊 a", "a\r\n\tb\u{0}b", "é", "e\u{301}",
        ] {
            let tokens = try file.tokenizer.encode(text)
            // compares bytes, because Swift's strings are equal in any normal form
            #expect(Array(file.stream(tokens).joined().utf8) == Array(text.utf8), "\(text)")
        }
    }

    @Test func `a piece that begins with a combining accent follows its space`() throws {
        let file = try TinyTokenizerFile(pieces: ["\u{2581}", "\u{2581}\u{301}", "a", "\u{301}"])
        let accent = file.tiny.token("\u{2581}\u{301}")
        let text = file.stream([file.tiny.token("a"), accent]).joined()
        #expect(Array(text.unicodeScalars) == ["a", " ", "\u{301}"])
        let first = file.stream([accent]).joined()
        #expect(Array(first.unicodeScalars) == ["\u{301}"])
    }

    @Test func `the unknown token decodes as in SentencePiece`() {
        let a = file.tiny.token("\u{2581}a")
        #expect(file.stream([a, TinyTokenizer.unknown]) == ["a", " \u{2047} ", ""])
    }

    @Test func `an unknown token at the beginning keeps its space, as in SentencePiece`() {
        #expect(file.stream([TinyTokenizer.unknown]) == [" \u{2047} ", ""])
    }
}

/// The fewest tokens of a text, and a tokenizer whose spelling of its normalizer is changed.
@Suite struct FewestTokensTests {
    private let tiny = TinyTokenizer(pieces: ["\u{2581}", "a", "b", "aaaaaaaaaa"])

    /// - Parameter ending: the model's last bytes. 0x20 is the field remove_extra_whitespaces, false.
    private func fewest(
        _ text: String, limit: Int = .max, ending: [UInt8] = [0x20, 0, 0x28, 1]
    ) throws -> Int {
        #expect(tiny.bytes.suffix(4) == [0x20, 0, 0x28, 1])
        let folder = try TemporaryFolder()
        let path = try folder.write(tiny.bytes.dropLast(4) + ending, as: "tiny.model")
        let tokenizer = try Tokenizer(contentsOf: path, vocabSize: tiny.vocabSize)
        var text = text
        let found = text.withUTF8 {
            tokenizer.fewestTokens(UnsafeRawBufferPointer($0), limit: limit)
        }
        #expect(try found < tokenizer.encode(text).count || found > limit)  // BOS makes one more
        return found
    }

    @Test func `a token stands for at most the bytes of the longest piece`() throws {
        // its ten bytes; <0x00> has six
        #expect(try fewest("") == 0)
        #expect(try fewest("a") == 1)
        #expect(try fewest(String(repeating: "a", count: 20)) == 2)
        #expect(try fewest(String(repeating: "é  ", count: 100)) == 40)
    }

    @Test(arguments: [[0x20, 1, 0x28, 1], [0x28, 0, 0x28, 1]] as [[UInt8]])
    func `spaces that are removed do not count`(ending: [UInt8]) throws {
        let text = String(repeating: "  \u{2581}a", count: 40) + String(repeating: "  ", count: 99)
        #expect(try fewest(text, ending: ending) == 4)
        #expect(try fewest(text) == (6 * 40 + 198 + 9) / 10)
        #expect(try fewest(text, limit: 2, ending: ending) == 3)
    }

    @Test func `a model that may shorten a text has no fewest tokens`() throws {
        // a second normalizer, whose field 2 maps characters: a trie of 1024 bytes, and no texts
        let trie = littleEndian(UInt32(1024)) + Array(repeating: 0, count: 1025)
        let map = [0x1A, 0x88, 8, 0x12, 0x85, 8] + trie
        #expect(try fewest("aaaa", ending: [0x20, 0, 0x28, 1] + map) == 0)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `Llama 2's longest piece is 16 spaces of three bytes`() throws {
        let tokenizer = try Tokenizer(
            contentsOf: TestData.model("llama2-tokenizer.model"), vocabSize: 32000)
        let text = [UInt8](repeating: 0x61, count: 48 * 7 + 1)
        #expect(text.withUnsafeBytes { tokenizer.fewestTokens($0, limit: .max) } == 8)
    }
}
