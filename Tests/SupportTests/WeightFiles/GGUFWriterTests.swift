// GGUFWriterTests: written GGUF files have the sizes, names, values and vocabulary of their source,
// and the layout of the hand-made TinyGGUF.

import TestSupport
import Testing

@testable import Support

@Suite struct GGUFWriterTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func weights(_ bytes: [UInt8]) throws -> Weights {
        try Weights(contentsOf: folder.write(bytes, as: "in"))
    }

    /// Writes a GGUF file.
    private func written(
        _ weights: Weights, type: ElementType? = nil, tokenizer: String? = nil
    ) throws -> (path: String, bytes: [UInt8], notes: [String]) {
        let contents = try OutputFormat.gguf.contents(
            of: weights, type: type, tokenizer: tokenizer)
        let path = folder.file("out.gguf")
        let file = try #require(fopen(path, "w"))
        defer { fclose(file) }
        try contents.write(to: file, path: path)
        let bytes = try [UInt8](readFile(path))
        #expect(bytes.count == contents.byteCount)
        return (path, bytes, contents.notes)
    }

    @Test(arguments: TinySizes.examples)
    func `a file has the layout of a hand-made one`(sizes: TinySizes) throws {
        let values = sizes.randomValues()
        let theirs = TinyGGUF(sizes, values: values)
        let ours = try written(try weights(LMWBytes(sizes, values: values).bytes))
        #expect(ours.bytes.prefix(8) == [0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0])
        #expect(ours.bytes.count % 32 == 0)
        let data = theirs.bytes.count - theirs.header.count
        #expect(ours.bytes.suffix(data) == theirs.bytes.suffix(data))
        // the tensors' descriptions, from the first one's name to the zeros before the values
        func descriptions(_ header: some Collection<UInt8>) throws -> [UInt8] {
            var bytes = Array(header)
            let name = try #require(bytes.firstRange(of: "token_embd.weight".utf8))
            while bytes.last == 0 { bytes.removeLast() }
            return Array(bytes[name.lowerBound...])
        }
        #expect(try descriptions(ours.bytes.dropLast(data)) == descriptions(theirs.header))
    }

    @Test(arguments: TinySizes.examples)
    func `sizes and values are read back`(sizes: TinySizes) throws {
        let values = sizes.randomValues()
        let file = try written(try weights(Llama2cBytes(sizes, values: values).bytes))
        let read = try Weights(contentsOf: file.path)
        #expect(read.format == .gguf)
        #expect(read.config == sizes.config(normEps: 1e-5))
        expectComplete(read, sizes, values: values)
        #expect(file.notes == ["the file has no tokenizer: -t names one to store"])
    }

    @Test func `settings that other formats cannot store are stored`() throws {
        var tiny = TinyHuggingFace(type: "BF16", isTied: true)
        tiny.config["rope_theta"] = "500000"
        tiny.config["rms_norm_eps"] = "1e-06"
        let original = try Weights(contentsOf: tiny.write(to: folder))
        let read = try Weights(contentsOf: written(original).path)
        #expect(read.config == original.config)
        #expect(read.config.ropeTheta == 500_000 && read.config.normEps == 1e-6)
        #expect(read.isTied)
        for (name, shape) in read.config.shapes {
            // vectors are always F32
            #expect(read[name].element == (shape.count == 1 ? .float32 : .bfloat16), "\(name)")
            #expect(haveEqualBits(read[name], original[name]), "\(name)")
        }
    }

    @Test func `a classifier equal to the embeddings is absent`() throws {
        var values = TinySizes().randomValues()
        values["output.weight"] = values["tok_embeddings.weight"]
        let untied = try weights(LMWBytes(values: values).bytes)
        let file = try written(untied)
        #expect(try Weights(contentsOf: file.path).isTied)
        #expect(file.bytes[8] == 11)  // tensors
    }

    @Test(arguments: ElementType.encodable)
    func `a type is that of all matrices`(type: ElementType) throws {
        let original = try weights(LMWBytes(.blocks).bytes)
        let file = try written(original, type: type)
        let read = try Weights(contentsOf: file.path)
        for (name, shape) in read.config.shapes {
            let isVector = shape.count == 1
            #expect(read[name].element == (isVector ? .float32 : type), "\(name)")
            let row = isVector ? read[name] : read[name][1]
            let expected = isVector ? original[name] : original[name][1]
            let bytes = try #require(read[name].element.bytes(of: expected.values))
            #expect(row.withBytes { Array($0) } == bytes, "\(name)")
        }
        #expect(file.notes.count == 1)  // no tokenizer
    }

    @Test func `rows that are no whole blocks become F16`() throws {
        var sizes = TinySizes.blocks
        sizes.hidden = 48
        let file = try written(try weights(LMWBytes(sizes).bytes), type: .q4)
        #expect(
            file.notes.first == "1 of 12 tensors are F16: their rows are no multiple of 32 numbers")
        let read = try Weights(contentsOf: file.path)
        #expect(read["layers.0.feed_forward.w2.weight"].element == .float16)
        #expect(read["layers.0.feed_forward.w1.weight"].element == .q4)
    }

    @Test func `without a type, blocks of every kind stay as they are`() throws {
        let original = try weights(GGUFFileTests.mixed.bytes)
        let read = try Weights(contentsOf: written(original).path)
        for (name, _) in original.config.shapes {
            #expect(read[name].element == original[name].element, "\(name)")
            #expect(haveEqualBits(read[name], original[name]), "\(name)")
        }
    }

    @Test func `quantised weights are converted by their values`() throws {
        let original = try weights(GGUFFileTests.mixed.bytes)
        let read = try Weights(contentsOf: written(original, type: .float32).path)
        for (name, _) in original.config.shapes {
            #expect(read[name].element == .float32)
            #expect(haveEqualBits(read[name], original[name]), "\(name)")
        }
    }

    @Test(arguments: [
        (ElementType.float32, 0), (.float16, 1), (.q4, 2), (.q8, 7), (.bfloat16, 32),
    ])
    func `the file's type has llama_cpp's number`(type: ElementType, number: Int) throws {
        let bytes = try written(try weights(LMWBytes(.blocks).bytes), type: type).bytes
        try bytes.withUnsafeBytes {
            let metadata = try GGUFMetadata($0)
            #expect(try metadata.integer("general.file_type") == number)
            let version = try metadata.integer("general.quantization_version")
            #expect(version == (type.isQuantized ? 2 : nil))
        }
    }

    @Test func `a value that is not finite is an error`() throws {
        var values = TinySizes.blocks.randomValues()
        values["layers.0.attention.wo.weight"]![70] = .nan
        let original = try weights(LMWBytes(.blocks, values: values).bytes)
        let error = #expect(throws: WeightFileError.self) { try written(original, type: .q8) }
        #expect(
            error?.description == """
                \(original.path): the values of layers.0.attention.wo.weight: expected finite numbers \
                in Q8_0's range, found nan
                """)
        values["layers.0.attention.wo.weight"]![70] = -70000
        let large = try weights(LMWBytes(.blocks, values: values).bytes)
        #expect(throws: WeightFileError.self) { try written(large, type: .float16) }
        _ = try written(large, type: .q8)
    }

    // MARK: Tokenizer

    @Test func `what a GGUF file says of its tokenizer is copied`() throws {
        var sizes = TinySizes()
        sizes.vocab = TinyTokenizer().vocabSize
        var tiny = TinyGGUF(sizes)
        tiny["tokenizer.chat_template"] = .string("{{ messages }}")
        tiny["tokenizer.ggml.eos_token_id"] = .uint32(261)
        let path = try folder.write(tiny.bytes, as: "in.gguf")
        let file = try written(try Weights(contentsOf: path), tokenizer: path)
        #expect(file.notes == [])
        // the tokenizer's keys are the last ones of both files; a name's length follows
        let start = "tokenizer.ggml.model"
        let end = "token_embd.weight"
        func keys(_ bytes: [UInt8]) throws -> ArraySlice<UInt8> {
            let first = try #require(bytes.firstRange(of: start.utf8)).lowerBound
            return try bytes[first..<#require(bytes.firstRange(of: end.utf8)).lowerBound]
        }
        #expect(try keys(file.bytes) == keys(tiny.bytes))
        #expect(try Tokenizer(contentsOf: file.path, vocabSize: sizes.vocab).eos == 261)
    }

    @Test func `a vocabulary of another size is refused`() throws {
        let original = try weights(LMWBytes().bytes)
        let tokenizer = try folder.write(TinyTokenizer().bytes, as: "tokenizer.model")
        #expect(throws: TokenizerError.wrongSize(tokenizer, expected: 5, found: 263)) {
            try written(original, tokenizer: tokenizer)
        }
        let gguf = try folder.write(TinyGGUF().bytes, as: "other.gguf")
        #expect(throws: TokenizerError.wrongSize(gguf, expected: 5, found: 263)) {
            try written(original, tokenizer: gguf)
        }
    }

    @Test func `a GGUF file that says it has no tokenizer is written as one that says so`() throws {
        var tiny = TinyGGUF()
        tiny["tokenizer.ggml.model"] = .string("none")
        for key in ["tokens", "scores", "token_type"] { tiny["tokenizer.ggml." + key] = nil }
        let path = try folder.write(tiny.bytes, as: "in.gguf")
        let file = try written(try Weights(contentsOf: path), tokenizer: path)
        #expect(file.notes == ["the file has no tokenizer: -t names one to store"])
        let kind = try file.bytes.withUnsafeBytes {
            try GGUFMetadata($0).string("tokenizer.ggml.model")
        }
        #expect(kind == "none")
    }
}
