// CharacterMapTests: a table of replaced characters works in SentencePiece, and is refused if a search
// of it would leave the table.

import TestSupport
import Testing

@testable import Support

@Suite struct CharacterMapTests {
    /// A trie of 512 units with one key, "b", whose replacement is "a"; by hand, from Darts' format.
    private static func map(
        child: Int = 256, leaf: Int = 257, value: UInt32 = 0, trieBytes: Int = 2048
    ) -> [UInt8] {
        var units = [UInt32](repeating: 0, count: 512)
        let key = 256 ^ Int(UInt8(ascii: "b"))
        units[0] = UInt32(child) << 10
        // a label, the mark of a replacement, and where that is
        units[key] = UInt32(UInt8(ascii: "b")) | 1 << 8 | UInt32(key ^ leaf) << 10
        units[257] = 1 << 31 | value
        return littleEndian(UInt32(trieBytes)) + units.flatMap(littleEndian) + Array("a\0".utf8)
    }

    /// TinyTokenizer with a normaliser's field 2; a later message adds to an earlier one.
    private static func model(_ map: [UInt8]) -> [UInt8] {
        var (normalizer, model) = (ProtocolBuffer(), ProtocolBuffer())
        normalizer.append(field: 2, map)
        model.append(field: 3, normalizer.bytes)
        return TinyTokenizer().bytes + model.bytes
    }

    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func tokenizer(_ bytes: [UInt8]) throws -> Tokenizer {
        let path = try folder.write(bytes, as: "tokenizer.model")
        return try Tokenizer(contentsOf: path, vocabSize: TinyTokenizer().vocabSize)
    }

    @Test func `a character is replaced`() throws {
        let tiny = TinyTokenizer()
        let tokenizer = try tokenizer(Self.model(Self.map()))
        #expect(try tokenizer.encode("b") == [1, tiny.token("\u{2581}a")])
        #expect(try self.tokenizer(tiny.bytes).encode("b") != tokenizer.encode("b"))
    }

    static let damaged: [(name: String, map: [UInt8])] = [
        ("a size without a trie", [0, 0, 0, 0, 97, 0]),
        ("only a size", [4, 0, 0, 0]), ("less than a size", [0]),
        ("a trie beyond the table", map(trieBytes: 2052)),
        ("a trie of 4 GB", map(trieBytes: Int(UInt32.max))),
        ("a trie without replacements", map(trieBytes: 2050)),
        ("children beyond the trie", map(child: 512)),
        ("children at its end", map(trieBytes: 2044)),
        ("a replacement's place beyond the trie", map(leaf: 600)),
        ("a replacement beyond the table", map(value: 2)),
    ]

    @Test(arguments: damaged)
    func `a table that leads beyond itself is refused`(name: String, map: [UInt8]) throws {
        #expect(throws: TokenizerError.self) { try tokenizer(Self.model(map)) }
    }

    @Test func `a table cannot be hidden`() throws {
        let table = Self.map(child: 512)
        let plain = Self.model(table)
        let tiny = TinyTokenizer().bytes
        // a group (field 7), which ends in front of the normaliser; a tag with bits beyond 32
        let group = tiny + [0x3B, 0x3C] + plain[tiny.count...]
        let tag = tiny + [0x9A, 0x80, 0x80, 0x80, 0x10] + plain[(tiny.count + 1)...]
        for model in [plain, group, tag] {
            #expect(throws: TokenizerError.self) { try tokenizer(model) }
        }
        // what hides it is no error itself
        let whole = Self.model(Self.map())
        _ = try tokenizer(tiny + [0x3B, 0x3C] + whole[tiny.count...])
        _ = try tokenizer(tiny + [0x9A, 0x80, 0x80, 0x80, 0x10] + whole[(tiny.count + 1)...])
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
