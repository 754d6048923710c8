// CharacterMapTests: a table of replaced characters works in SentencePiece, and is refused if a search
// of it would leave the table.

import TestSupport
import Testing

@testable import Support

@Suite struct CharacterMapTests {
    private static func model(_ map: [UInt8]) -> [UInt8] {
        var tokenizer = TinyTokenizer()
        tokenizer.characterMap = map
        return tokenizer.bytes
    }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func tokenizer(_ bytes: [UInt8]) throws -> Tokenizer {
        let path = try folder.write(bytes, as: "tokenizer.model")
        return try Tokenizer(contentsOf: path, vocabSize: TinyTokenizer().vocabSize)
    }

    @Test func `a character is replaced`() throws {
        let tiny = TinyTokenizer()
        let tokenizer = try tokenizer(Self.model(TinyTokenizer.characterMap()))
        #expect(try tokenizer.encode("b") == [1, tiny.token("\u{2581}a")])
        #expect(try self.tokenizer(tiny.bytes).encode("b") != tokenizer.encode("b"))
    }

    static let damaged: [(name: String, map: [UInt8])] = [
        ("a size without a trie", [0, 0, 0, 0, 97, 0]),
        ("only a size", [4, 0, 0, 0]), ("less than a size", [0]),
        ("a trie beyond the table", TinyTokenizer.characterMap(trieBytes: 2052)),
        ("a trie of 4 GB", TinyTokenizer.characterMap(trieBytes: Int(UInt32.max))),
        ("a trie without replacements", TinyTokenizer.characterMap(trieBytes: 2050)),
        (
            "a root like the end of a search",
            littleEndian(UInt32(1024)) + Array(repeating: 255, count: 1030)
        ),
        ("children beyond the trie", TinyTokenizer.characterMap(child: 512)),
        ("children at its end", TinyTokenizer.characterMap(trieBytes: 2044)),
        ("a replacement's place beyond the trie", TinyTokenizer.characterMap(leaf: 600)),
        ("a replacement beyond the table", TinyTokenizer.characterMap(value: 2)),
    ]

    @Test(arguments: damaged)
    func `a table that leads beyond itself is refused`(name: String, map: [UInt8]) throws {
        #expect(throws: TokenizerError.self) { try tokenizer(Self.model(map)) }
    }

    @Test func `a table cannot be hidden`() throws {
        /// A second message for the normaliser, which adds to the first.
        func message(_ map: [UInt8]) -> [UInt8] {
            var (normalizer, model) = (ProtocolBuffer(), ProtocolBuffer())
            normalizer.append(field: 2, map)
            model.append(field: 3, normalizer.bytes)
            return model.bytes
        }
        let tiny = TinyTokenizer().bytes
        let (valid, damaged) = (
            message(TinyTokenizer.characterMap()),
            message(TinyTokenizer.characterMap(child: 512))
        )
        for (first, rest) in [
            ([], 0), ([0x3B, 0x3C], 0),  // field 7, a group
            ([0x9A, 0x80, 0x80, 0x80, 0x10], 1),  // the tag with a bit beyond 32
        ] as [([UInt8], Int)] {
            _ = try tokenizer(tiny + first + Array(valid[rest...]))
            let hidden = tiny + first + Array(damaged[rest...])
            #expect(throws: TokenizerError.self) { try tokenizer(hidden) }
        }
    }

    @Test func `a text without tokens is an error`() throws {
        var (piece, model) = (ProtocolBuffer(), ProtocolBuffer())
        piece.append(field: 1, Array("c".utf8))
        piece.append(field: 3, 3)  // a control piece, which stands for no text
        model.append(field: 1, piece.bytes)
        let path = try folder.write(TinyTokenizer().bytes + model.bytes, as: "x")
        let tokenizer = try Tokenizer(contentsOf: path, vocabSize: TinyTokenizer().vocabSize + 1)
        #expect(try tokenizer.encode("b").count == 3)
        #expect(throws: TokenizerError.cannotEncode(path)) { try tokenizer.encode("c") }
    }

    @Test func `an exception of SentencePiece is an error`() throws {
        var (piece, trainer, model) = (ProtocolBuffer(), ProtocolBuffer(), ProtocolBuffer())
        piece.append(field: 1, [])  // an empty piece, which a trie cannot hold
        trainer.append(field: 3, 1)  // unigram
        model.append(field: 1, piece.bytes)
        model.append(field: 2, trainer.bytes)
        let bytes = TinyTokenizer().bytes + model.bytes
        #expect(throws: TokenizerError.self) { try tokenizer(bytes) }
    }
}
