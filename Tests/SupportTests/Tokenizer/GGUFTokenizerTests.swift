// GGUFTokenizerTests: a tokenizer rebuilt from a GGUF file's pieces gives the ids of the original.

import TestSupport
import Testing

@testable import Support

/// A tokenizer.model's pieces, scores and types, read field by field.
private struct Pieces {
    var pieces: [[UInt8]] = [], scores: [Float] = [], types: [Int] = []
    /// The normaliser's switches.
    var addsSpace = true, removesSpaces = true

    init(_ model: [UInt8]) {
        forEachField(of: model[...]) { field, content, _ in
            if field == 1 {
                var (score, type) = (Float(0), 1)
                forEachField(of: content) { field, content, number in
                    switch field {
                    case 1: pieces.append(Array(content))
                    case 2: score = Float(bitPattern: UInt32(number))
                    default: type = Int(number)
                    }
                }
                scores.append(score)
                types.append(type)
            } else if field == 3 {
                forEachField(of: content) { field, _, number in
                    if field == 3 { addsSpace = number == 1 }
                    if field == 4 { removesSpaces = number == 1 }
                }
            }
        }
    }

    private func forEachField(
        of bytes: ArraySlice<UInt8>, _ body: (Int, ArraySlice<UInt8>, UInt64) -> Void
    ) {
        var rest = bytes
        func varint() -> UInt64 {
            var (number, shift) = (UInt64(0), UInt64(0))
            while let byte = rest.popFirst() {
                number |= UInt64(byte & 0x7F) << shift
                shift += 7
                if byte < 0x80 { break }
            }
            return number
        }
        while !rest.isEmpty {
            let tag = varint()
            switch tag & 7 {
            case 0: body(Int(tag >> 3), [], varint())
            case 5:
                let number = rest.prefix(4).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                rest = rest.dropFirst(4)
                body(Int(tag >> 3), [], number)
            default:
                let count = Int(varint())
                body(Int(tag >> 3), rest.prefix(count), 0)
                rest = rest.dropFirst(count)
            }
        }
    }

    /// A GGUF file with this vocabulary.
    var gguf: TinyGGUF {
        var file = TinyGGUF()
        file["tokenizer.ggml.tokens"] = .array(
            8, pieces.map { littleEndian(UInt64($0.count)) + $0 })
        file["tokenizer.ggml.scores"] = .floats(scores)
        file["tokenizer.ggml.token_type"] = .int32s(types)
        file["tokenizer.ggml.bos_token_id"] = .uint32(1)
        file["tokenizer.ggml.eos_token_id"] = .uint32(2)
        file["tokenizer.ggml.unknown_token_id"] = .uint32(0)
        file["tokenizer.ggml.add_space_prefix"] = .bool(addsSpace ? 1 : 0)
        file["tokenizer.ggml.remove_extra_whitespaces"] = .bool(removesSpaces ? 1 : 0)
        return file
    }
}

/// Texts of words, runs of spaces, emoji, control pieces, byte pieces and any characters.
private func randomText(_ random: inout Random) -> String {
    let parts = [
        "Once upon a time", " ", "  ", "    ", "\n", "\t", "\r\n", "é", "日本語", "🦊", "👩‍👩‍👧", "\u{0}",
        "<s>", "</s>", "<unk>", "<0x0A>", "<0x", "\u{2581}", "\u{FFFD}", "e\u{301}", "1234", "...",
        " the", "Ωmega", "\u{200B}", "\u{3000}",
    ]
    return (0..<random.below(12)).map { _ in
        if random.below(4) == 0 {
            let scalar = Unicode.Scalar(UInt32(random.below(0x11_0000)))
            return scalar.map { String(Character($0)) } ?? "?"
        }
        return parts.randomElement(using: &random)!
    }.joined()
}

@Suite struct GGUFTokenizerTests {
    /// - Parameter gguf: writes a GGUF file with the vocabulary.
    private func expectSameIds(
        _ model: [UInt8], size: Int, texts: Int, _ gguf: (TemporaryFolder) throws -> String
    ) throws {
        let folder = try TemporaryFolder()
        let original = try Tokenizer(
            contentsOf: folder.write(model, as: "tokenizer.model"), vocabSize: size)
        let rebuilt = try Tokenizer(contentsOf: gguf(folder), vocabSize: size)
        #expect(rebuilt.bos == original.bos && rebuilt.eos == original.eos)
        for id in 0..<size { #expect(rebuilt.piece(id) == original.piece(id)) }
        var random = Random(seed: UInt64(size))
        for _ in 0..<texts {
            let text = randomText(&random)
            let (found, expected) = try (rebuilt.encode(text), original.encode(text))
            if found != expected { Issue.record("\(text.debugDescription): \(found), \(expected)") }
        }
    }

    @Test func `a tiny tokenizer gives the same ids`() throws {
        let tiny = TinyTokenizer(pieces: ["\u{2581}", "a", "b", "\u{2581}a", "ab"])
        try expectSameIds(tiny.bytes, size: tiny.vocabSize, texts: 500) {
            try $0.write(Pieces(tiny.bytes).gguf.bytes, as: "model.gguf")
        }
        try expectSameIds(tiny.bytes, size: tiny.vocabSize, texts: 500) {
            try write(tiny.bytes, size: tiny.vocabSize, to: $0)
        }
    }

    @Test(
        .enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)),
        arguments: [("llama2-tokenizer.model", 32000), ("tok512.model", 512)])
    func `real tokenizers give the same ids`(name: String, size: Int) throws {
        let model = try [UInt8](readFile(TestData.model(name)))
        try expectSameIds(model, size: size, texts: 2000) {
            try $0.write(Pieces(model).gguf.bytes, as: "model.gguf")
        }
        try expectSameIds(model, size: size, texts: 2000) {
            try write(model, size: size, to: $0)
        }
    }

    /// Writes a tiny model's GGUF file with the vocabulary of a `tokenizer.model`.
    private func write(
        _ model: [UInt8], size: Int, to folder: TemporaryFolder
    ) throws -> String {
        let tokenizer = try folder.write(model, as: "tokenizer.model")
        let config = Config(
            dim: 4, hiddenDim: 4, nLayers: 1, nHeads: 2, nKvHeads: 2, vocabSize: size, maxSeqLen: 8)
        let weights = Weights(random: config, element: .float32, seed: 1)
        let path = folder.file("written.gguf")
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        try OutputFormat.gguf.contents(of: weights, tokenizer: tokenizer)
            .write(to: file, path: path)
        return path
    }

    @Test func `every piece, score and type is written`() throws {
        let folder = try TemporaryFolder()
        let tiny = TinyTokenizer()
        let path = try write(tiny.bytes, size: tiny.vocabSize, to: folder)
        let expected = Pieces(tiny.bytes)
        try [UInt8](readFile(path)).withUnsafeBytes {
            let metadata = try GGUFMetadata($0)
            func key(_ name: String) -> String { "tokenizer.ggml." + name }
            #expect(try metadata.string(key("model")) == "llama")
            #expect(try metadata.strings(key("tokens")).map { Array($0) } == expected.pieces)
            #expect(try metadata.floats(key("scores")) == expected.scores)
            #expect(try metadata.integers(key("token_type")) == expected.types)
            #expect(try metadata.integer(key("bos_token_id")) == 1)
            #expect(try metadata.integer(key("eos_token_id")) == 2)
            #expect(try metadata.integer(key("unknown_token_id")) == 0)
            #expect(try metadata.bool(key("add_bos_token")) == true)
            #expect(try metadata.bool(key("add_space_prefix")) == true)
            #expect(try metadata.bool(key("remove_extra_whitespaces")) == false)
        }
    }

    @Test(
        arguments: [
            // field 2, trainer: model_type 1; field 3, normalizer: a map of characters, or no U+2581
            ([0x12, 2, 0x18, 1], "model_type: expected byte-pair encoding, which GGUF can store"),
            (
                [0x1A, 3, 0x12, 1, 0],
                "normalizer_spec: expected the identity, which GGUF can store"
            ),
            ([0x1A, 2, 0x28, 0], "normalizer_spec: expected the identity, which GGUF can store"),
        ] as [([UInt8], String)])
    func `a model that GGUF cannot express is refused`(fields: [UInt8], message: String) throws {
        // later fields of a protocol buffer replace earlier ones
        let model = TinyTokenizer().bytes + fields
        let error = #expect(throws: Problem.self) {
            try model.withUnsafeBytes { _ = try SentencePieceModel($0) }
        }
        #expect(error?.description == message + ", found another")
    }

    @Test func `a protocol buffer that ends early ends the fields`() {
        for bytes in [
            [0x0A, 5, 1], [0x80], [0x0D, 1, 2], [0x0E], Array(repeating: 0xFF, count: 12),
        ] {
            let count = bytes.map { UInt8($0) }.withUnsafeBytes {
                Array(ProtocolBufferFields($0[...])).count
            }
            #expect(count == 0, "\(bytes)")
        }
    }

    @Test func `the switches of the normaliser are heeded`() throws {
        let folder = try TemporaryFolder()
        func ids(_ text: String, _ change: (inout TinyGGUF) -> Void) throws -> [Int] {
            var file = TinyGGUF()
            change(&file)
            let path = try folder.write(file.bytes, as: "model.gguf")
            return try Tokenizer(contentsOf: path, vocabSize: 263).encode(text)
        }
        let (space, a, spacedA) = (259, 260, 262)
        #expect(try ids("a  a") { _ in } == [1, spacedA, space, spacedA])
        #expect(
            try ids("a  a") { $0["tokenizer.ggml.add_space_prefix"] = .bool(0) }
                == [1, a, space, spacedA])
        #expect(
            try ids("a  a") { $0["tokenizer.ggml.remove_extra_whitespaces"] = .bool(1) }
                == [1, spacedA, spacedA])
    }

    @Test func `beginning and end are those that the file names`() throws {
        var file = TinyGGUF()
        file["tokenizer.ggml.bos_token_id"] = .uint32(261)
        file["tokenizer.ggml.eos_token_id"] = .uint32(262)
        let written = try WeightFile(file.bytes)
        let tokenizer = try Tokenizer(contentsOf: written.path, vocabSize: 263)
        #expect(tokenizer.bos == 261 && tokenizer.eos == 262)
    }

    @Test func `a GGUF file is its own tokenizer, unless -t names another`() throws {
        let file = try WeightFile(TinyGGUF().bytes, as: "weights")
        #expect(try ModelOptions.parse(["-w", file.path]).modelFiles() == (file.path, file.path))
        #expect(
            try ModelOptions.parse(["-w", file.path, "-t", "other"]).modelFiles()
                == (file.path, "other"))
    }

    @Test func `a vocabulary of another size than the model's is refused`() throws {
        let file = try WeightFile(TinyGGUF().bytes)
        #expect(throws: TokenizerError.wrongSize(file.path, expected: 5, found: 263)) {
            try Tokenizer(contentsOf: file.path, vocabSize: 5)
        }
    }
}
