// GGUFWriter: writes GGUF, version 3: a Llama's sizes, the vocabulary if there is one, and the
// tensors, in their own types or as Floats, halves or blocks. `OutputFormat` uses it.

/// Keys with values, as the file has them.
struct GGUFValues {
    private(set) var count = 0
    private(set) var bytes: [UInt8] = []

    /// Appends a key whose value is already in bytes.
    mutating func append(_ key: String, _ type: GGUFType, _ value: [UInt8]) {
        bytes += key.utf8.gguf + type.rawValue.littleEndianBytes + value
        count += 1
    }

    /// - Throws: `WeightFileError.Problem` if the number does not fit.
    mutating func append(_ key: String, _ number: Int) throws {
        guard let word = Int32(exactly: number) else { throw Problem.tooLarge(number) }
        append(key, .uint32, word.littleEndianBytes)
    }

    mutating func append(_ key: String, _ number: Float) {
        append(key, .float32, number.bitPattern.littleEndianBytes)
    }

    mutating func append(_ key: String, _ value: Bool) { append(key, .bool, [value ? 1 : 0]) }
    mutating func append(_ key: String, _ text: String) { append(key, .string, text.utf8.gguf) }

    /// Appends an array of elements that are already in bytes.
    mutating func append(_ key: String, _ type: GGUFType, elements: [[UInt8]]) {
        let header = type.rawValue.littleEndianBytes + UInt64(elements.count).littleEndianBytes
        append(key, .array, header + elements.joined())
    }

    mutating func append(contentsOf other: GGUFValues) {
        bytes += other.bytes
        count += other.count
    }
}

extension Collection<UInt8> {
    /// A string as the file has it: its length, then its bytes.
    var gguf: [UInt8] { UInt64(count).littleEndianBytes + self }
}

extension GGUFFile {
    /// A file of version 3 whose tensors have Meta's row order.
    /// - Parameters:
    ///   - type: the type of the matrices, nil for their own. A matrix whose rows are not whole
    ///     blocks becomes F16. Vectors are always F32.
    ///   - tokenizer: a `tokenizer.model`, or a GGUF file with a vocabulary.
    /// - Throws: as `OutputFormat.contents`.
    static func contents(
        of weights: Weights, type: ElementType?, tokenizer: String?
    ) throws -> WeightFileContents {
        var contents = WeightFileContents()
        let shapes = weights.config.shapes.dropLast(weights.classifierIsEmbeddings ? 1 : 0)
        let tensors = shapes.map { name, shape in
            let wanted = type ?? weights[name].element
            let fits = shape.last! % wanted.blockSize == 0
            return Output(
                name: name, shape: shape,
                element: shape.count == 1 ? .float32 : fits ? wanted : .float16)
        }
        let halves = tensors.count { $0.element == .float16 }
        if let type, type.isQuantized && halves > 0 {
            contents.notes.append(
                "\(halves) of \(tensors.count) tensors are F16: their rows are no multiple of "
                    + "\(type.blockSize) numbers")
        }

        var values = try settings(of: weights.config, tensors)
        let vocabSize = weights.config.vocabSize
        let vocabulary = try tokenizer.map { try Self.vocabulary(at: $0, vocabSize) }
        if let vocabulary {
            values.append(contentsOf: vocabulary.values)
        } else {
            values.append("tokenizer.ggml.model", "none")  // llama.cpp asks for a kind
        }
        if vocabulary?.hasTokens != true {
            contents.notes.append("the file has no tokenizer: -t names one to store")
        }

        var header = Array("GGUF".utf8) + UInt32(3).littleEndianBytes
        header += UInt64(tensors.count).littleEndianBytes + UInt64(values.count).littleEndianBytes
        header += values.bytes
        var offset = 0
        for tensor in tensors {
            header += name(of: tensor.name).utf8.gguf
            header += UInt32(tensor.shape.count).littleEndianBytes
            header += tensor.shape.reversed().flatMap { UInt64($0).littleEndianBytes }
            header += number(of: tensor.element).littleEndianBytes
            header += UInt64(offset).littleEndianBytes
            offset += tensor.byteCount + padding(after: tensor.byteCount).count
        }
        contents.append(header + padding(after: header.count))
        for tensor in tensors {
            contents.append(tensor.name, of: weights, as: tensor.element)
            contents.append(padding(after: tensor.byteCount))
        }
        return contents
    }

    private struct Output {
        let name: String, shape: [Int], element: ElementType
        var byteCount: Int { element.byteCount(shape.reduce(1, *)) }
    }

    /// The zeros up to the next multiple of the alignment.
    private static func padding(after byteCount: Int) -> [UInt8] {
        Array(repeating: 0, count: (32 - byteCount % 32) % 32)
    }

    private static func settings(of config: Config, _ tensors: [Output]) throws -> GGUFValues {
        var values = GGUFValues()
        values.append("general.architecture", "llama")
        try values.append("general.file_type", fileType(of: tensors))
        if tensors.contains(where: \.element.isQuantized) {
            try values.append("general.quantization_version", 2)
        }
        for (key, number) in [
            ("context_length", config.maxSeqLen), ("embedding_length", config.dim),
            ("block_count", config.nLayers), ("feed_forward_length", config.hiddenDim),
            ("attention.head_count", config.nHeads), ("attention.head_count_kv", config.nKvHeads),
            ("rope.dimension_count", config.headSize), ("vocab_size", config.vocabSize),
        ] {
            try values.append("llama." + key, number)
        }
        values.append("llama.attention.layer_norm_rms_epsilon", config.normEps)
        values.append("llama.rope.freq_base", config.ropeTheta)
        return values
    }

    /// The vocabulary of a `tokenizer.model`, or all that a GGUF file says of its tokenizer.
    private static func vocabulary(
        at path: String, _ vocabSize: Int
    ) throws -> (values: GGUFValues, hasTokens: Bool) {
        let file = try MappedFile(path: path)
        return try withExtendedLifetime(file) {
            guard recognises(file.bytes) else {
                let tokenizer = try Tokenizer(contentsOf: path, vocabSize: vocabSize)
                let values = try withPath(path) {
                    try SentencePieceModel(file.bytes).values(
                        bos: tokenizer.bos, eos: tokenizer.eos)
                }
                return (values, true)
            }
            return try withPath(path) {
                let metadata = try GGUFMetadata(file.bytes)
                let tokens = "tokenizer.ggml.tokens"
                let hasTokens = metadata.contains(tokens)
                let count = hasTokens ? try metadata.count(tokens) : vocabSize
                guard count == vocabSize else {
                    throw TokenizerError.wrongSize(path, expected: vocabSize, found: count)
                }
                return (try metadata.values(under: "tokenizer."), hasTokens)
            }
        }
    }

    /// llama.cpp's number for the type that most of the weights have.
    private static func fileType(of tensors: [Output]) -> Int {
        let sizes = Dictionary(
            tensors.map { ($0.element, $0.shape.reduce(1, *)) }, uniquingKeysWith: +)
        // of two, always the same one
        let (most, _) = sizes.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }!
        return switch most {
        case .float32: 0
        case .float16: 1
        case .q4: 2
        case .q8: 7
        case .q4K: 14
        case .q5K: 16
        case .q6K: 18
        case .bfloat16: 32
        }
    }
}
