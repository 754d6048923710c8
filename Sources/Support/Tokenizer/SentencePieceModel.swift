// SentencePieceModel: the pieces in a `tokenizer.model`, a protocol buffer whose fields are read by
// number: libsentencepiece's functions do not tell all types and settings. GGUFWriter stores them.

/// The vocabulary of a byte-pair encoding, and what GGUF knows of its settings.
struct SentencePieceModel {
    private var pieces: [[UInt8]] = []
    private var scores: [Float] = [], types: [Int32] = []
    private var addsSpacePrefix = true, removesExtraSpaces = true

    /// - Parameter model: a serialised ModelProto that libsentencepiece accepts.
    /// - Throws: `WeightFileError.Problem` if it encodes as GGUF's "llama" cannot say.
    init(_ model: UnsafeRawBufferPointer) throws {
        var (isBytePairs, hasMap, escapesSpaces) = (false, false, true)
        for field in ProtocolBufferFields(model[...]) {
            switch field.number {
            case 1: append(piece: field.content)
            case 2:
                for field in ProtocolBufferFields(field.content) where field.number == 3 {
                    isBytePairs = field.value == 2
                }
            case 3:
                for field in ProtocolBufferFields(field.content) {
                    switch field.number {
                    case 2: hasMap = !field.content.isEmpty
                    case 3: addsSpacePrefix = field.value != 0
                    case 4: removesExtraSpaces = field.value != 0
                    case 5: escapesSpaces = field.value != 0
                    default: break
                    }
                }
            default: break
            }
        }
        try require(
            isBytePairs, "byte-pair encoding, which GGUF can store", as: "model_type",
            found: "another")
        try require(
            !hasMap && escapesSpaces, "the identity, which GGUF can store", as: "normalizer_spec",
            found: "another")
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
        values.append(key("add_space_prefix"), addsSpacePrefix)
        values.append(key("remove_extra_whitespaces"), removesExtraSpaces)
        return values
    }
}

/// The fields of a message of Google's protocol buffers, up to the first that is not one.
struct ProtocolBufferFields: Sequence, IteratorProtocol {
    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ message: Slice<UnsafeRawBufferPointer>) { rest = message }

    /// - Returns: a number's bits in `value`, a string or a message in `content`.
    mutating func next() -> (number: UInt64, value: UInt64, content: Slice<UnsafeRawBufferPointer>)?
    {
        guard let tag = varint() else { return nil }
        var (value, count) = (UInt64(0), 0)
        switch tag & 7 {
        case 0:
            guard let number = varint() else { return nil }
            value = number
        case 1: count = 8
        case 2:
            guard let length = varint() else { return nil }
            count = Int(clamping: length)
        case 5: count = 4
        default: return nil
        }
        guard count <= rest.count else { return nil }
        let content = rest.prefix(count)
        rest = rest.dropFirst(count)
        if tag & 7 == 5 { value = content.reversed().reduce(0) { $0 << 8 | UInt64($1) } }
        return (tag >> 3, value, content)
    }

    /// Seven bits a byte, lowest first.
    private mutating func varint() -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            number |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return number }
        }
        return nil
    }
}
