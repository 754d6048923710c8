// SentencePieceModel: the pieces in a `tokenizer.model`, a protocol buffer whose fields are read by
// number: libsentencepiece's functions do not tell all types and settings. GGUFWriter stores them.

/// The vocabulary of a byte-pair encoding, and what GGUF knows of its settings.
struct SentencePieceModel {
    private var pieces: [[UInt8]] = []
    private var scores: [Float] = [], types: [Int32] = []
    private let normalizer: Normalizer

    /// - Parameter model: a serialised ModelProto that libsentencepiece accepts.
    /// - Throws: `WeightFileError.Problem` if it encodes as GGUF's "llama" cannot say.
    init(_ model: UnsafeRawBufferPointer) throws {
        normalizer = Normalizer(model)
        var isBytePairs = false
        for field in ProtocolBufferFields(model[...]) {
            switch field.number {
            case 1: append(piece: field.content)
            case 2:
                for field in ProtocolBufferFields(field.content) where field.number == 3 {
                    isBytePairs = field.value == 2
                }
            default: break
            }
        }
        try require(
            isBytePairs, "byte-pair encoding, which GGUF can store", as: "model_type",
            found: "another")
        try require(
            !normalizer.replacesCharacters && normalizer.escapesSpaces,
            "the identity, which GGUF can store", as: "normalizer_spec", found: "another")
    }

    private mutating func append(piece: Slice<UnsafeRawBufferPointer>) {
        var (text, score, type) = ([UInt8](), Float(0), Int32(1))
        for field in ProtocolBufferFields(piece) {
            switch field.number {
            case 1: text = Array(field.content)
            case 2: score = Float(bitPattern: UInt32(truncatingIfNeeded: field.value))
            case 3: type = Int32(truncatingIfNeeded: field.value)
            default: break
            }
        }
        pieces.append(text)
        scores.append(score)
        types.append(type)
    }

    /// GGUF's keys and values.
    func values(bos: Int, eos: Int) throws -> GGUFValues {
        var values = GGUFValues()
        func key(_ name: String) -> String { "tokenizer.ggml." + name }
        values.append(key("model"), "llama")
        values.append(key("pre"), "default")
        values.append(key("tokens"), .string, elements: pieces.map(\.gguf))
        let scores = scores.map(\.bitPattern.littleEndianBytes)
        values.append(key("scores"), .float32, elements: scores)
        values.append(key("token_type"), .int32, elements: types.map(\.littleEndianBytes))
        try values.append(key("bos_token_id"), bos)
        try values.append(key("eos_token_id"), eos)
        if let unknown = types.firstIndex(of: 2) {
            try values.append(key("unknown_token_id"), unknown)
        }
        values.append(key("add_bos_token"), true)
        values.append(key("add_space_prefix"), normalizer.addsSpacePrefix)
        values.append(key("remove_extra_whitespaces"), normalizer.removesSpaces)
        return values
    }
}
