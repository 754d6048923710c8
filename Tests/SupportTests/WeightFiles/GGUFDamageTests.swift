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
            "the number of tensors: expected at most 297, for the bytes that follow, found 18446744073709551615"
        ) { $0.tensorCount = .max },
        Damage(
            gguf: "keys",
            "the number of keys: expected at most 701, for the bytes that follow, found 4611686018427387904"
        ) { $0.keyCount = 1 << 62 },
        Damage(
            gguf: "a string's bytes",
            "the length of the value of x: expected at most 2568, for the bytes that follow, found 9223372036854775808"
        ) { $0["x"] = .init(8, littleEndian(UInt64(1) << 63)) },
        Damage(
            gguf: "an array's elements",
            "the number of elements of x: expected at most 321, for the bytes that follow, found 2305843009213693952"
        ) { $0["x"] = .init(9, littleEndian(UInt32(10)) + littleEndian(UInt64(1) << 61)) },
    ]

    @Test(arguments: counts)
    func `counts are compared with the bytes that remain`(damage: Damage) throws {
        // the bytes that remain depend on the whole file, so only the sentence's ends are compared
        let file = try WeightFile(damage.bytes)
        let text = errorText(reading: file.path)
        let start = damage.message.prefix { !$0.isNumber }
        let end = damage.message.components(separatedBy: ", for ").last!
        #expect(text.hasPrefix("\(file.path): \(start)"), "\(text)")
        #expect(text.hasSuffix(end), "\(text)")
    }

    @Test func `a tiny file that asks for gigabytes is refused`() throws {
        let bytes =
            Array("GGUF".utf8) + littleEndian(UInt32(3)) + littleEndian(UInt64(1) << 40)
            + littleEndian(UInt64(1) << 40) + Array(repeating: 0, count: 136)
        try Damage(
            "", bytes,
            "the number of tensors: expected at most 4, for the bytes that follow, found 1099511627776"
        ).expectError()
    }

    static let nesting: [Damage] = [5, 1000, 100_000].map { depth in
        Damage(gguf: "\(depth)", "x: expected at most 4 arrays within each other, found more") {
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
        Damage(gguf: "repeated key", "the key llama.block_count occurs twice") {
            $0.metadata.insert(("llama.block_count", .uint32(1)), at: 0)
        },
        Damage(gguf: "repeated tensor", "the tensor \(wq) occurs twice") {
            $0.tensors.append($0[tensor: wq])
        },
        Damage(gguf: "value of unknown type", "the type of x: expected 0 to 12, found 13") {
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
        try Damage(gguf: "", "x: expected 0 or 1, found \(byte)") { $0["x"] = .bool(byte) }
            .expectError()
        try Damage(gguf: "", "x: expected 0 or 1, found \(byte)") {
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
            "the type of \(wq): expected one of F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K, Q6_K, found \(name)"
        ) { $0[tensor: wq].type = type }.expectError()
    }

    static let sizes: [Damage] = [
        Damage(gguf: "no axes", "the number of axes of \(wq): expected 1 to 4, found 0") {
            $0[tensor: wq].sizes = []
        },
        Damage(gguf: "five axes", "the number of axes of \(wq): expected 1 to 4, found 5") {
            $0[tensor: wq].sizes = [8, 8, 1, 1, 1]
        },
        Damage(
            gguf: "a size of 0", "every size of \(wq): expected a positive number, found [0, 8]"
        ) { $0[tensor: wq].sizes = [8, 0] },
        Damage(gguf: "overflow", "the sizes of \(wq) multiply to more than a file can hold") {
            $0[tensor: wq].sizes = [1 << 32, 1 << 32]
        },
        Damage(
            gguf: "overflow in bytes", "the sizes of \(wq) multiply to more than a file can hold"
        ) { $0[tensor: wq].sizes = [1 << 31, 1 << 31] },
        Damage(gguf: "overflow to 0", "the sizes of \(wq) multiply to more than a file can hold") {
            $0[tensor: wq].sizes = [.max, .max, .max, .max]
        },
        Damage(
            gguf: "rows of Q8_0",
            "the row length of \(wq) in Q8_0: expected a multiple of 32, found 8"
        ) { $0[tensor: wq].type = 8 },
        Damage(
            gguf: "rows of Q6_K",
            "the row length of \(wq) in Q6_K: expected a multiple of 256, found 32"
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
            "general.alignment: expected a power of two of at most 1048576, found \(alignment)"
        ) { $0["general.alignment"] = .uint32(alignment) }.expectError()
    }

    @Test(arguments: [1, 8, 64, 4096]) func `other alignments are accepted`(alignment: Int) throws {
        var file = TinyGGUF()
        file["general.alignment"] = .uint32(alignment)
        file.alignment = alignment
        expectComplete(
            try WeightFile(file.bytes).weights(), TinySizes(), values: TinySizes().randomValues())
    }

    @Test(arguments: [0, 1, 160, 224, 1 << 62, UInt64.max - 31])
    func `a tensor's place follows the one before it`(offset: UInt64) throws {
        try Damage(
            gguf: "",
            "the place of \(wq): expected 192, after the tensor before it, found \(offset)"
        ) { $0[tensor: wq].offset = offset }.expectError()
    }

    @Test func `a type that does not fit the places is an error`() throws {
        try Damage(
            gguf: "F16 for F32",
            "the place of blk.0.attn_norm.weight: expected 96, after the tensor before it, found 160"
        ) { $0[tensor: "token_embd.weight"].type = 1 }.expectError()
    }

    @Test func `the last tensor ends the file`() throws {
        let file = TinyGGUF()
        let size = file.bytes.count - file.header.count
        let folder = try TemporaryFolder()
        for count in [0, 1, 31, 32, 1000] {
            // bytes of no tensor: one was left out, has another type, or the file is not whole
            let rest = (size + 31) / 32 * 32 - size + count
            let path = try folder.write(
                file.bytes + Array(repeating: 0, count: rest), as: "x.gguf")
            if count == 0 {
                _ = try Weights(contentsOf: path)
            } else {
                let error = #expect(throws: WeightFileError.self) { try Weights(contentsOf: path) }
                #expect(
                    error?.description.hasSuffix(
                        ": the size of the data section: expected \((size + 31) / 32 * 32) bytes, "
                            + "found \(size + rest)") == true)
            }
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
            gguf: "architecture", "general.architecture: expected \"llama\", found \"qwen2\""
        ) { $0["general.architecture"] = .string("qwen2") },
        Damage(gguf: "none", "general.architecture: expected \"llama\", found nothing") {
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
            "llama.block_count: expected a number from 1 to 2147483647, found 9223372036854775807"
        ) { $0["llama.block_count"] = .uint64(.max) },
        Damage(
            gguf: "negative block count",
            "llama.block_count: expected a number from 1 to 2147483647, found -1"
        ) { $0["llama.block_count"] = .init(5, littleEndian(Int32(-1))) },
        Damage(gguf: "head count", "dim: expected a multiple of n_heads = 2147483647, found 8") {
            $0["llama.attention.head_count"] = .uint32(Int(Int32.max))
        },
        Damage(
            gguf: "no heads",
            "llama.attention.head_count: expected a number from 1 to 2147483647, found 0"
        ) { $0["llama.attention.head_count"] = .uint32(0) },
        Damage(
            gguf: "key-value heads", "n_heads: expected a multiple of n_kv_heads = 3, found 2"
        ) { $0["llama.attention.head_count_kv"] = .uint32(3) },
        Damage(
            gguf: "dim", "expected shape [5, 16] for the tensor token_embd.weight, found [5, 8]"
        ) { $0["llama.embedding_length"] = .uint32(16) },
        Damage(
            gguf: "another type",
            "llama.block_count: expected a whole number, found a value of type string"
        ) { $0["llama.block_count"] = .string("1") },
        Damage(
            gguf: "epsilon",
            "llama.attention.layer_norm_rms_epsilon: expected a small positive number, found nan"
        ) { $0["llama.attention.layer_norm_rms_epsilon"] = .float(.nan) },
        Damage(gguf: "RoPE's base", "llama.rope.freq_base: expected a positive number, found inf") {
            $0["llama.rope.freq_base"] = .float(.infinity)
        },
        Damage(gguf: "scaled RoPE", "llama.rope.scaling.type: expected none, found linear") {
            $0["llama.rope.scaling.type"] = .string("linear")
        },
        Damage(gguf: "scaling factor", "llama.rope.scaling.factor: expected 1.0, found 2.0") {
            $0["llama.rope.scaling.factor"] = .float(2)
        },
        Damage(gguf: "head size", "llama.attention.key_length: expected 4, found 8") {
            $0["llama.attention.key_length"] = .uint32(8)
        },
        Damage(gguf: "partial RoPE", "llama.rope.dimension_count: expected 4, found 2") {
            $0["llama.rope.dimension_count"] = .uint32(2)
        },
        Damage(gguf: "experts", "llama.expert_count: expected 0, found 8") {
            $0["llama.expert_count"] = .uint32(8)
        },
        Damage(gguf: "biases", "unexpected tensor blk.0.attn_q.bias") {
            $0.tensors.append(
                .init(name: "blk.0.attn_q.bias", sizes: [1], type: 0, bytes: [0, 0, 0, 0]))
        },
        Damage(gguf: "frequencies", "unexpected tensor rope_freqs.weight") {
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
        try Damage("", file.bytes, "the type of \(norm): expected F32, F16 or BF16, found Q8_0")
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
        #expect(try tokenizer.encode("a") == [1, 262])
    }

    @Test func `a tokenizer that is not SentencePiece's is refused by name`() throws {
        try expect(
            """
            tokenizer.ggml.model: expected "llama", a SentencePiece tokenizer (-t names \
            another), found "gpt2"
            """
        ) { $0["tokenizer.ggml.model"] = .string("gpt2") }
        try expect("the key tokenizer.ggml.model is missing") { $0["tokenizer.ggml.model"] = nil }
    }

    @Test func `pieces, scores and types are equally many`() throws {
        try expect(
            "tokenizer.ggml.scores: expected 263 elements, one for each piece, found 1"
        ) { $0["tokenizer.ggml.scores"] = .floats([0]) }
        try expect(
            "tokenizer.ggml.token_type: expected 263 elements, one for each piece, found 3"
        ) { $0["tokenizer.ggml.token_type"] = .int32s([2, 3, 3]) }
        try expect("the key tokenizer.ggml.scores is missing") {
            $0["tokenizer.ggml.scores"] = nil
        }
        try expect("the elements of tokenizer.ggml.tokens: expected strings, found int32") {
            $0["tokenizer.ggml.tokens"] = .int32s(Array(0..<263))
        }
    }

    @Test func `special ids are within the vocabulary`() throws {
        for name in ["bos", "eos", "unknown"] {
            let key = "tokenizer.ggml.\(name)_token_id"
            for id in [263, Int(UInt32.max)] {
                try expect("\(key): expected one of the 263 pieces, found \(id)") {
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
        try expect("tokenizer.ggml.bos_token_id: expected one of the 1 pieces, found 1") {
            shrink(&$0, ["<unk>"], [2])
        }
        try expect("tokenizer.ggml.eos_token_id: expected one of the 2 pieces, found 2") {
            shrink(&$0, ["<unk>", "<s>"], [2, 3])
        }
        try expect("tokenizer.ggml.bos_token_id: expected one of the 0 pieces, found 1") {
            shrink(&$0, [], [])
        }
    }

    @Test(arguments: ["<0x0a>", "<0x0A", "0x0A", "<0x00A>", "<0xG0>", "<0x +1>", "a"])
    func `byte pieces are exactly <0xHH>`(piece: String) throws {
        try expect(
            "piece 13, a byte: expected <0x00> to <0xFF>, found \(piece.debugDescription)"
        ) { $0["tokenizer.ggml.tokens"] = pieces(13, piece) }
    }

    @Test func `a byte that is missing is noticed`() throws {
        try expect("tokenizer.ggml.token_type: expected all 256 bytes or none, found 255") {
            $0["tokenizer.ggml.token_type"] = types(13, 1)
        }
    }

    @Test func `pieces of more than 1 kB are refused`() throws {
        for count in [1025, 100_000] {
            try expect("piece 260: expected 1 to 1024 bytes of UTF-8, found \(count) bytes") {
                $0["tokenizer.ggml.tokens"] = pieces(260, String(repeating: "a", count: count))
            }
        }
    }

    @Test func `pieces are text`() throws {
        try expect("piece 260: expected 1 to 1024 bytes of UTF-8, found none") {
            $0["tokenizer.ggml.tokens"] = pieces(260, "")
        }
        try expect("piece 260: expected 1 to 1024 bytes of UTF-8, found other bytes") {
            $0["tokenizer.ggml.tokens"] = pieces(260, "a\0b")
        }
        for byte in [0x80, 0xC3, 0xFF] as [UInt8] {
            try expect("piece 260: expected 1 to 1024 bytes of UTF-8, found other bytes") {
                var value = pieces(260, "a?b")
                value.bytes[value.bytes.firstIndex(of: UInt8(ascii: "?"))!] = byte
                $0["tokenizer.ggml.tokens"] = value
            }
        }
    }

    @Test func `a piece that occurs twice is refused`() throws {
        try expect(
            "expected pieces that SentencePiece accepts, found some twice or two unknown ones"
        ) { $0["tokenizer.ggml.tokens"] = pieces(260, "b") }
    }

    @Test func `types and scores are possible ones`() throws {
        for type in [0, 7, -1] {
            try expect("the type of piece 260: expected 1 to 6, found \(type)") {
                $0["tokenizer.ggml.token_type"] = types(260, type)
            }
        }
        try expect("the type of piece 0: expected 2, unknown, found 1") {
            $0["tokenizer.ggml.token_type"] = types(0, 1)
        }
        try expect("the score of piece 260: expected a finite number, found nan") {
            var scores = [Float](repeating: 0, count: 263)
            scores[260] = .nan
            $0["tokenizer.ggml.scores"] = .floats(scores)
        }
    }
}
