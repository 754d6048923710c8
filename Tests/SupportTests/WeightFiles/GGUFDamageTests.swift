// GGUFDamageTests: each kind of damage that other readers of GGUF have believed is refused with an error
// that names it. Files are made by hand and written with one part changed.

import TestSupport
import Testing

@testable import Support

extension Damage {
    /// A file changed before it is written.
    fileprivate init(gguf name: String, _ message: String, change: (inout TinyGGUF) -> Void) {
        var file = TinyGGUF()
        change(&file)
        self.init(name, file.bytes, message)
    }
}

private let (wq, norm) = ("blk.0.attn_q.weight", "output_norm.weight")

@Suite struct GGUFDamageTests {
    @Test func `the whole file is accepted`() throws {
        _ = try WeightFile(TinyGGUF().bytes).weights()
    }

    static let counts: [Damage] = [
        Damage(
            gguf: "tensors",
            "expected at most 297, for the bytes that follow, as the number of tensors, "
                + "found 18446744073709551615"
        ) { $0.tensorCount = .max },
        Damage(
            gguf: "keys",
            "expected at most 701, for the bytes that follow, as the number of keys, "
                + "found 4611686018427387904"
        ) { $0.keyCount = 1 << 62 },
        Damage(
            gguf: "a string's bytes",
            "expected at most 2568, for the bytes that follow, as the length of the value of x, "
                + "found 9223372036854775808"
        ) { $0["x"] = .init(8, littleEndian(UInt64(1) << 63)) },
        Damage(
            gguf: "an array's elements",
            "expected at most 321, for the bytes that follow, as the number of elements of x, "
                + "found 2305843009213693952"
        ) { $0["x"] = .init(9, littleEndian(UInt32(10)) + littleEndian(UInt64(1) << 61)) },
    ]

    @Test(arguments: counts)
    func `counts are compared with the bytes that remain`(damage: Damage) throws {
        // the bytes that remain depend on the whole file, so only the sentence's ends are compared
        let file = try WeightFile(damage.bytes)
        let text = errorText(reading: file.path)
        let start = "expected at most "
        let end = damage.message.components(separatedBy: ", as ").last!
        #expect(text.hasPrefix("\(file.path): \(start)"), "\(text)")
        #expect(text.hasSuffix(end), "\(text)")
    }

    @Test func `a tiny file that asks for gigabytes is refused`() throws {
        let bytes =
            Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(1) << 40)
            + littleEndian(UInt64(1) << 40) + Array(repeating: 0, count: 136)
        try Damage(
            "", bytes,
            "expected at most 4, for the bytes that follow, as the number of tensors, "
                + "found 1099511627776"
        ).expectError()
    }

    static let nesting: [Damage] = [5, 1000, 100_000].map { depth in
        Damage(gguf: "\(depth)", "expected at most 4 arrays within each other as x, found more") {
            let level = littleEndian(UInt32(9)) + littleEndian(UInt64(1))
            let levels = (1..<depth).flatMap { _ in level }
            $0["x"] = .init(9, levels + TinyGGUF.Value.array(0, []).bytes)
        }
    }

    @Test(arguments: nesting) func `nesting has a limit`(damage: Damage) throws {
        try damage.expectError()
    }

    @Test func `four arrays within each other are accepted`() throws {
        var file = TinyGGUF()
        var value = TinyGGUF.Value.strings(["a", "", "b"])
        for _ in 1..<4 {
            value = .init(9, littleEndian(UInt32(9)) + littleEndian(UInt64(1)) + value.bytes)
        }
        file["x"] = value
        _ = try WeightFile(file.bytes).weights()
    }

    static let names: [Damage] = [
        Damage(gguf: "empty key", "expected a key at offset 24, found an empty one") {
            $0.metadata[0].key = ""
        },
        Damage(
            gguf: "key of control characters",
            "expected a key at offset 24, found 2 bytes that are not one"
        ) {
            $0.metadata[0].key = "a\n"
        },
        Damage(gguf: "repeated key", "the key llama.block_count is there twice") {
            $0.metadata.insert(("llama.block_count", .uint32(1)), at: 0)
        },
        Damage(gguf: "repeated tensor", "the tensor \(wq) is there twice") {
            $0.tensors.append($0[tensor: wq])
        },
        Damage(gguf: "value of unknown type", "expected 0 to 12 as the type of x, found 13") {
            $0["x"] = .init(13, [0])
        },
    ]

    @Test(arguments: names)
    func `keys and names are neither empty nor repeated`(damage: Damage) throws {
        try damage.expectError()
    }

    @Test func `a tensor without a name is refused`() throws {
        var file = TinyGGUF()
        file.tensors[0].name = ""
        let written = try WeightFile(file.bytes)
        let text = errorText(reading: written.path)
        #expect(text.contains(": expected a tensor's name at offset "), "\(text)")
        #expect(text.hasSuffix(", found an empty one"))
    }

    @Test(arguments: [2, 255] as [UInt8]) func `a bool is 0 or 1`(byte: UInt8) throws {
        try Damage(gguf: "", "expected 0 or 1 as x, found \(byte)") { $0["x"] = .bool(byte) }
            .expectError()
        try Damage(gguf: "", "expected 0 or 1 as x, found \(byte)") {
            $0["x"] = .array(7, [[0], [byte]])
        }.expectError()
    }

    @Test(
        arguments: [
            (3, "Q4_1"), (4, "type 4, removed"), (5, "type 5, removed"), (10, "Q2_K"), (11, "Q3_K"),
            (26, "I32"), (31, "type 31, removed"), (32, "type 32, removed"),
            (33, "type 33, removed"),
            (1000, "type 1000"), (UInt32.max, "type 4294967295"),
        ] as [(UInt32, String)])
    func `removed and other types are named with the tensor`(type: UInt32, name: String) throws {
        try Damage(
            gguf: "",
            "expected one of F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K as the type of \(wq), "
                + "found \(name)"
        ) { $0[tensor: wq].type = type }.expectError()
    }

    static let sizes: [Damage] = [
        Damage(gguf: "no axes", "expected 1 to 4 as the number of axes of \(wq), found 0") {
            $0[tensor: wq].sizes = []
        },
        Damage(gguf: "five axes", "expected 1 to 4 as the number of axes of \(wq), found 5") {
            $0[tensor: wq].sizes = [8, 8, 1, 1, 1]
        },
        Damage(
            gguf: "a size of 0", "expected a positive number as every size of \(wq), found [0, 8]"
        ) { $0[tensor: wq].sizes = [8, 0] },
        Damage(gguf: "overflow", "the sizes of \(wq) multiply to more than any file holds") {
            $0[tensor: wq].sizes = [1 << 32, 1 << 32]
        },
        Damage(
            gguf: "overflow in bytes", "the sizes of \(wq) multiply to more than any file holds"
        ) { $0[tensor: wq].sizes = [1 << 31, 1 << 31] },
        Damage(gguf: "overflow to 0", "the sizes of \(wq) multiply to more than any file holds") {
            $0[tensor: wq].sizes = [.max, .max, .max, .max]
        },
        Damage(
            gguf: "rows of Q8_0",
            "expected a multiple of 32 as the row length of \(wq) in Q8_0, found 8"
        ) { $0[tensor: wq].type = 8 },
        Damage(
            gguf: "rows of Q6_K",
            "expected a multiple of 256 as the row length of \(wq) in Q6_K, found 32"
        ) { ($0[tensor: wq].type, $0[tensor: wq].sizes) = (14, [32, 8]) },
        Damage(
            gguf: "another shape",
            "expected shape [8, 8] for the tensor \(wq), found [16, 4]"
        ) { $0[tensor: wq].sizes = [4, 16] },
    ]

    @Test(arguments: sizes) func `impossible sizes are refused`(damage: Damage) throws {
        try damage.expectError()
    }

    @Test(arguments: [0, 3, 24, 1 << 21, 1 << 31])
    func `an alignment is a power of two, and not huge`(alignment: Int) throws {
        try Damage(
            gguf: "",
            "expected a power of two of at most 1048576 as general.alignment, found \(alignment)"
        ) { $0["general.alignment"] = .uint32(alignment) }.expectError()
    }

    @Test(arguments: [1, 8, 64, 4096]) func `other alignments are accepted`(alignment: Int) throws {
        var file = TinyGGUF()
        file["general.alignment"] = .uint32(alignment)
        file.alignment = alignment
        expectComplete(
            try WeightFile(file.bytes).weights(), TinySizes(), values: TinySizes().randomValues())
    }

    @Test func `a place is aligned, within the file and apart from others`() throws {
        let count = TinyGGUF().bytes.count - TinyGGUF().header.count
        for (offset, message) in [
            (1, "expected a multiple of 32 as the place of \(wq), found 1"),
            (
                UInt64.max - 31,
                "expected a multiple of 32 as the place of \(wq), found 18446744073709551584"
            ),
            (
                1 << 62,
                "expected 256 bytes within the data section's \(count) as the place of \(wq), "
                    + "found offset 4611686018427387904"
            ),
            (
                UInt64(count),
                "expected 256 bytes within the data section's \(count) as the place of \(wq), "
                    + "found offset \(count)"
            ),
            (
                32,
                "expected at least 160, where the tensor before it ends, as the place of \(wq), "
                    + "found 32"
            ),
        ] {
            try Damage(gguf: "", message) { $0[tensor: wq].offset = offset }.expectError()
        }
    }

    @Test func `a file cut off at any byte is refused`() throws {
        let whole = TinyGGUF()
        let (folder, bytes) = (try TemporaryFolder(), whole.bytes)
        let last = whole.tensors.last!.bytes.count
        for count in 4..<bytes.count - (32 - last % 32) % 32 where count < 400 || count % 13 == 0 {
            let path = try folder.write(Array(bytes.prefix(count)), as: "x")
            #expect(throws: WeightFileError.self) { try Weights(contentsOf: path) }
        }
    }

    static let settings: [Damage] = [
        Damage(gguf: "version 1", "expected version 2 or 3 of GGUF, found version 1") {
            $0.version = 1
        },
        Damage(gguf: "big endian", "expected version 2 or 3 of GGUF, found version 50331648") {
            $0.version = UInt32(3).byteSwapped
        },
        Damage(
            gguf: "architecture", "expected \"llama\" as general.architecture, found \"qwen2\""
        ) { $0["general.architecture"] = .string("qwen2") },
        Damage(gguf: "none", "expected \"llama\" as general.architecture, found nothing") {
            $0["general.architecture"] = nil
        },
        Damage(gguf: "no sizes", "the key llama.block_count is missing") {
            $0["llama.block_count"] = nil
        },
        Damage(gguf: "block count", "the tensor blk.1.attn_norm.weight is missing") {
            $0["llama.block_count"] = .uint32(Int(Int32.max))
        },
        Damage(
            gguf: "64-bit block count",
            "expected a number from 1 to 2147483647 as llama.block_count, found "
                + "9223372036854775807"
        ) { $0["llama.block_count"] = .uint64(.max) },
        Damage(
            gguf: "negative block count",
            "expected a number from 1 to 2147483647 as llama.block_count, found -1"
        ) { $0["llama.block_count"] = .init(5, littleEndian(Int32(-1))) },
        Damage(gguf: "head count", "expected a multiple of n_heads = 2147483647 as dim, found 8") {
            $0["llama.attention.head_count"] = .uint32(Int(Int32.max))
        },
        Damage(
            gguf: "no heads",
            "expected a number from 1 to 2147483647 as llama.attention.head_count, found 0"
        ) { $0["llama.attention.head_count"] = .uint32(0) },
        Damage(
            gguf: "key-value heads", "expected a multiple of n_kv_heads = 3 as n_heads, found 2"
        ) { $0["llama.attention.head_count_kv"] = .uint32(3) },
        Damage(
            gguf: "dim", "expected shape [5, 16] for the tensor token_embd.weight, found [5, 8]"
        ) { $0["llama.embedding_length"] = .uint32(16) },
        Damage(
            gguf: "another type",
            "expected a whole number as llama.block_count, found a value of type string"
        ) { $0["llama.block_count"] = .string("1") },
        Damage(
            gguf: "epsilon",
            "expected a small positive number as llama.attention.layer_norm_rms_epsilon, found nan"
        ) { $0["llama.attention.layer_norm_rms_epsilon"] = .float(.nan) },
        Damage(gguf: "RoPE's base", "expected a positive number as llama.rope.freq_base, found inf")
        { $0["llama.rope.freq_base"] = .float(.infinity) },
        Damage(gguf: "scaled RoPE", "expected none as llama.rope.scaling.type, found linear") {
            $0["llama.rope.scaling.type"] = .string("linear")
        },
        Damage(gguf: "scaling factor", "expected 1.0 as llama.rope.scaling.factor, found 2.0") {
            $0["llama.rope.scaling.factor"] = .float(2)
        },
        Damage(gguf: "head size", "expected 4 as llama.attention.key_length, found 8") {
            $0["llama.attention.key_length"] = .uint32(8)
        },
        Damage(gguf: "partial RoPE", "expected 4 as llama.rope.dimension_count, found 2") {
            $0["llama.rope.dimension_count"] = .uint32(2)
        },
        Damage(gguf: "experts", "expected 0 as llama.expert_count, found 8") {
            $0["llama.expert_count"] = .uint32(8)
        },
        Damage(gguf: "biases", "no Llama 2 has a tensor blk.0.attn_q.bias") {
            $0.tensors.append(
                .init(name: "blk.0.attn_q.bias", sizes: [1], type: 0, bytes: [0, 0, 0, 0]))
        },
        Damage(gguf: "frequencies", "no Llama 2 has a tensor rope_freqs.weight") {
            $0.tensors.append(
                .init(name: "rope_freqs.weight", sizes: [1], type: 0, bytes: [0, 0, 0, 0]))
        },
        Damage(gguf: "missing tensor", "the tensor \(norm) is missing") {
            $0.tensors.removeAll { $0.name == norm }
        },
    ]

    @Test(arguments: settings)
    func `what a Llama 2 cannot have is refused in a sentence`(damage: Damage) throws {
        try damage.expectError()
    }

    @Test func `a quantised norm is refused`() throws {
        var file = TinyGGUF(TinySizes(vocab: 5, dim: 32))
        let bytes = [UInt8](repeating: 0, count: 34)
        file[tensor: norm] = .init(name: norm, sizes: [32], type: 8, bytes: bytes)
        try Damage("", file.bytes, "expected F32, F16 or BF16 as the type of \(norm), found Q8_0")
            .expectError()
    }

    @Test func `hundreds of mutants are refused or complete`() throws {
        let folder = try TemporaryFolder()
        let whole = TinyGGUF()
        var random = Random(seed: 17)
        for round in 0..<400 {
            let mutation = Mutation.allCases[round % Mutation.allCases.count]
            let bytes = mutation.apply(
                to: whole.bytes, headerSize: whole.header.count, &random)
            let path = try folder.write(bytes, as: "mutant")
            do {
                let weights = try Weights(contentsOf: path)
                for (name, shape) in weights.config.shapes {
                    #expect(weights[name].values.count == shape.reduce(1, *))
                }
            } catch let error as WeightFileError {
                #expect(!error.description.contains("\n"))
            } catch is FileError {}
            do {
                _ = try Tokenizer(contentsOf: path, vocabSize: 263).encode("a b ab")
            } catch is WeightFileError {
            } catch is TokenizerError {
            } catch is FileError {}
        }
    }
}

@Suite struct GGUFVocabularyDamageTests {
    private func expect(
        _ message: String, sourceLocation: SourceLocation = #_sourceLocation,
        change: (inout TinyGGUF) -> Void
    ) throws {
        var file = TinyGGUF()
        change(&file)
        let written = try WeightFile(file.bytes)
        let error = #expect(throws: (any Error).self, sourceLocation: sourceLocation) {
            try Tokenizer(contentsOf: written.path, vocabSize: 263)
        }
        let text = error.map { "\($0)" }
        #expect(text == "\(written.path): \(message)", sourceLocation: sourceLocation)
    }

    private static let pieces: [String] = {
        let bytes = (0...255).map {
            "<0x\($0 < 16 ? "0" : "")\(String($0, radix: 16, uppercase: true))>"
        }
        return ["<unk>", "<s>", "</s>"] + bytes + TinyTokenizer().pieces
    }()

    private func pieces(_ id: Int, _ piece: String) -> TinyGGUF.Value {
        var pieces = GGUFVocabularyDamageTests.pieces
        pieces[id] = piece
        return .strings(pieces)
    }

    private func types(_ id: Int, _ type: Int) -> TinyGGUF.Value {
        var types = [2, 3, 3] + Array(repeating: 6, count: 256) + Array(repeating: 1, count: 4)
        types[id] = type
        return .int32s(types)
    }

    @Test func `the whole vocabulary is accepted`() throws {
        let file = try WeightFile(TinyGGUF().bytes)
        let tokenizer = try Tokenizer(contentsOf: file.path, vocabSize: 263)
        #expect(tokenizer.encode("a") == [1, 262])
    }

    @Test func `a tokenizer that is not SentencePiece's is refused by name`() throws {
        try expect(
            """
            expected "llama", a SentencePiece tokenizer (-t names another), as \
            tokenizer.ggml.model, found "gpt2"
            """
        ) { $0["tokenizer.ggml.model"] = .string("gpt2") }
        try expect("the key tokenizer.ggml.model is missing") { $0["tokenizer.ggml.model"] = nil }
    }

    @Test func `pieces, scores and types are equally many`() throws {
        try expect(
            "expected 263 elements, one for each piece, as tokenizer.ggml.scores, found 1"
        ) { $0["tokenizer.ggml.scores"] = .floats([0]) }
        try expect(
            "expected 263 elements, one for each piece, as tokenizer.ggml.token_type, found 3"
        ) { $0["tokenizer.ggml.token_type"] = .int32s([2, 3, 3]) }
        try expect("the key tokenizer.ggml.scores is missing") {
            $0["tokenizer.ggml.scores"] = nil
        }
        try expect("expected strings as the elements of tokenizer.ggml.tokens, found int32") {
            $0["tokenizer.ggml.tokens"] = .int32s(Array(0..<263))
        }
    }

    @Test func `special ids are within the vocabulary`() throws {
        for name in ["bos", "eos", "unknown"] {
            let key = "tokenizer.ggml.\(name)_token_id"
            for id in [263, Int(UInt32.max)] {
                try expect("expected one of the 263 pieces as \(key), found \(id)") {
                    $0[key] = .uint32(id)
                }
            }
        }
    }

    @Test func `default ids are within the vocabulary, too`() throws {
        func shrink(_ file: inout TinyGGUF, _ pieces: [String], _ types: [Int]) {
            file["tokenizer.ggml.tokens"] = .strings(pieces)
            file["tokenizer.ggml.scores"] = .floats(pieces.map { _ in 0 })
            file["tokenizer.ggml.token_type"] = .int32s(types)
        }
        try expect("expected one of the 1 pieces as tokenizer.ggml.bos_token_id, found 1") {
            shrink(&$0, ["<unk>"], [2])
        }
        try expect("expected one of the 2 pieces as tokenizer.ggml.eos_token_id, found 2") {
            shrink(&$0, ["<unk>", "<s>"], [2, 3])
        }
        try expect("expected one of the 0 pieces as tokenizer.ggml.bos_token_id, found 1") {
            shrink(&$0, [], [])
        }
    }

    @Test(arguments: ["<0x0a>", "<0x0A", "0x0A", "<0x00A>", "<0xG0>", "<0x +1>", "a"])
    func `byte pieces are exactly <0xHH>`(piece: String) throws {
        try expect(
            "expected <0x00> to <0xFF> as piece 13, a byte, found \(piece.debugDescription)"
        ) { $0["tokenizer.ggml.tokens"] = pieces(13, piece) }
    }

    @Test func `a byte that is missing is noticed`() throws {
        try expect("expected all 256 bytes or none as tokenizer.ggml.token_type, found 255") {
            $0["tokenizer.ggml.token_type"] = types(13, 1)
        }
    }

    @Test func `pieces of more than 1 kB are refused`() throws {
        for count in [1025, 100_000] {
            try expect("expected 1 to 1024 bytes of UTF-8 as piece 260, found \(count) bytes") {
                $0["tokenizer.ggml.tokens"] = pieces(260, String(repeating: "a", count: count))
            }
        }
    }

    @Test func `pieces are text`() throws {
        try expect("expected 1 to 1024 bytes of UTF-8 as piece 260, found none") {
            $0["tokenizer.ggml.tokens"] = pieces(260, "")
        }
        try expect("expected 1 to 1024 bytes of UTF-8 as piece 260, found other bytes") {
            $0["tokenizer.ggml.tokens"] = pieces(260, "a\0b")
        }
    }

    @Test func `a piece that is there twice is refused`() throws {
        try expect(
            "expected pieces that SentencePiece accepts, found some twice or two unknown ones"
        ) { $0["tokenizer.ggml.tokens"] = pieces(260, "b") }
    }

    @Test func `types and scores are possible ones`() throws {
        for type in [0, 7, -1] {
            try expect("expected 1 to 6 as the type of piece 260, found \(type)") {
                $0["tokenizer.ggml.token_type"] = types(260, type)
            }
        }
        try expect("expected 2, unknown, as the type of piece 0, found 1") {
            $0["tokenizer.ggml.token_type"] = types(0, 1)
        }
        try expect("expected a finite number as the score of piece 260, found nan") {
            var scores = [Float](repeating: 0, count: 263)
            scores[260] = .nan
            $0["tokenizer.ggml.scores"] = .floats(scores)
        }
    }
}
