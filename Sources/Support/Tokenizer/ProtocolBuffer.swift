// ProtocolBuffer: Google's serialised messages, the format of a SentencePiece model. GGUFTokenizer
// writes one; Normalizer reads the fields that libsentencepiece does not tell, for Tokenizer.

/// A message of Google's protocol buffers, written field by field.
struct ProtocolBuffer {
    private(set) var bytes: [UInt8] = []

    /// A number as the format writes it: seven bits a byte, lowest first.
    private mutating func append(varint number: Int) {
        var rest = UInt64(bitPattern: Int64(number))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func append(field: Int, _ number: Int) {
        append(varint: field << 3)
        append(varint: number)
    }

    mutating func append(field: Int, _ number: Float) {
        append(varint: field << 3 | 5)
        bytes += number.bitPattern.littleEndianBytes
    }

    mutating func append(field: Int, _ content: some Collection<UInt8>) {
        append(varint: field << 3 | 2)
        append(varint: content.count)
        bytes += content
    }
}

/// What a SentencePiece model does to a text before it divides it into pieces.
struct Normalizer {
    /// Whether some characters become others, possibly shorter ones.
    private(set) var replacesCharacters = false
    /// Whether spaces at the ends, and all but one of several, are left out.
    private(set) var removesSpaces = true  // unless the model says otherwise
    /// The bytes of such spaces: U+0020 and U+2581.
    static let space: [UInt8] = [0x20, 0xE2, 0x96, 0x81]

    /// - Parameter model: a serialised ModelProto.
    init(_ model: UnsafeRawBufferPointer) {
        for normalizer in ProtocolBufferFields(model[...]) where normalizer.number == 3 {
            for field in ProtocolBufferFields(normalizer.content) {
                if field.number == 2 && !field.content.isEmpty { replacesCharacters = true }
                if field.number == 4 { removesSpaces = field.value != 0 }
            }
        }
    }
}
