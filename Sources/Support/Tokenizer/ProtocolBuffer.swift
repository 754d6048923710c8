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

/// The fields of a serialised message. They end where the message is damaged.
struct ProtocolBufferFields: Sequence, IteratorProtocol {
    private var rest: UnsafeRawBufferPointer

    init(_ message: UnsafeRawBufferPointer) { rest = message }

    /// - Returns: the field's number; and its value, a number or bytes, as the field has it.
    mutating func next() -> (field: Int, number: UInt64, bytes: UnsafeRawBufferPointer)? {
        guard let tag = varint() else { return nil }
        let field = Int(tag >> 3)
        switch tag & 7 {
        case 0: return varint().map { (field, $0, take(0)!) }
        case 1: return take(8).map { (field, 0, $0) }
        case 2: return varint().flatMap { take(Int(clamping: $0)) }.map { (field, 0, $0) }
        case 5: return take(4).map { (field, 0, $0) }
        default: return nil
        }
    }

    private mutating func varint() -> UInt64? {
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 64, by: 7) {
            guard let byte = take(1)?[0] else { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
        }
        return nil
    }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
        guard count <= rest.count else { return nil }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
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
        for normalizer in ProtocolBufferFields(model) where normalizer.field == 3 {
            for (field, number, bytes) in ProtocolBufferFields(normalizer.bytes) {
                if field == 2 && !bytes.isEmpty { replacesCharacters = true }
                if field == 4 { removesSpaces = number != 0 }
            }
        }
    }
}
