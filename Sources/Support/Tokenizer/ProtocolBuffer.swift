// ProtocolBuffer: Google's serialised messages, the format of a SentencePiece model. GGUFTokenizer
// writes one; SentencePieceModel and Normalizer read what libsentencepiece does not tell.

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

/// The fields of a serialised message, up to the first that is not one. A group's fields count as
/// the message's own, so that none is hidden.
struct ProtocolBufferFields: Sequence, IteratorProtocol {
    private var rest: Slice<UnsafeRawBufferPointer>

    init(_ message: Slice<UnsafeRawBufferPointer>) { rest = message }

    /// - Returns: a number's bits in `value`, a string or a message in `content`.
    mutating func next() -> (number: UInt32, value: UInt64, content: Slice<UnsafeRawBufferPointer>)?
    {
        // like libprotobuf, which libsentencepiece reads with, ignore bits beyond 32
        guard let tag = varint().map(UInt32.init(truncatingIfNeeded:)) else { return nil }
        var (value, count) = (UInt64(0), 0)
        switch tag & 7 {
        case 0:
            guard let number = varint() else { return nil }
            value = number
        case 1: count = 8
        case 2:
            guard let length = varint() else { return nil }
            count = Int(clamping: length)
        case 3, 4: break  // the beginning or the end of a group
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

/// What a SentencePiece model does to a text before it divides it into pieces.
struct Normalizer {
    /// Whether some characters become others, possibly shorter ones.
    private(set) var replacesCharacters = false
    // what holds unless the model says otherwise
    private(set) var addsSpacePrefix = true
    /// Whether spaces at the ends, and all but one of several, are left out.
    private(set) var removesSpaces = true
    /// Whether spaces become U+2581.
    private(set) var escapesSpaces = true
    /// Whether libsentencepiece can search the table of such characters.
    private(set) var isInBounds = true
    /// The bytes of such spaces: U+0020 and U+2581.
    static let space: [UInt8] = [0x20, 0xE2, 0x96, 0x81]

    /// - Parameter model: a serialised ModelProto.
    init(_ model: UnsafeRawBufferPointer) {
        for normalizer in ProtocolBufferFields(model[...]) where normalizer.number == 3 {
            for field in ProtocolBufferFields(normalizer.content) {
                switch field.number {
                case 2:
                    replacesCharacters = !field.content.isEmpty
                    if replacesCharacters && CharacterMap(field.content) == nil {
                        isInBounds = false
                    }
                case 3: addsSpacePrefix = field.value != 0
                case 4: removesSpaces = field.value != 0
                case 5: escapesSpaces = field.value != 0
                default: break
                }
            }
        }
    }
}
