// TinyTokenizer: a SentencePiece model made in memory, so that tests can run whole commands without
// other files.

/// The serialized model of a vocabulary: <unk>, <s>, </s>, one token for every byte, and pieces.
public struct TinyTokenizer: Sendable {
    /// The pieces after the first 259, "\u{2581}" for a space.
    public var pieces: [String]
    public var hasBosAndEos = true
    /// The normaliser's table of replaced characters.
    public var characterMap: [UInt8] = []

    public init(pieces: [String] = ["\u{2581}", "a", "b", "\u{2581}a"]) { self.pieces = pieces }

    public static let unknown = 0, bos = 1, eos = 2

    /// The token of a byte or of a piece.
    public static func token(byte: UInt8) -> Int { 3 + Int(byte) }
    public func token(_ piece: String) -> Int { 259 + pieces.firstIndex(of: piece)! }

    public var vocabSize: Int { 259 + pieces.count }

    public var bytes: [UInt8] {
        var model: [UInt8] = []
        func add(_ piece: String, score: Float, type: UInt8) {
            model += message(
                1,
                message(1, Array(piece.utf8)) + [0x15] + littleEndian(score.bitPattern)
                    + [0x18, type])
        }
        add("<unk>", score: 0, type: 2)
        add("<s>", score: 0, type: hasBosAndEos ? 3 : 1)
        add("</s>", score: 0, type: hasBosAndEos ? 3 : 1)
        for byte in 0...255 {
            let digits = String(byte, radix: 16, uppercase: true)
            add("<0x\(byte < 16 ? "0" : "")\(digits)>", score: 0, type: 6)
        }
        for (i, piece) in pieces.enumerated() { add(piece, score: -Float(i), type: 1) }
        // trainer: BPE, byte fallback; normalizer: keep all spaces, add one before the text
        var trainer: [UInt8] = [0x18, 2, 0x98, 0x02, 1]
        if !hasBosAndEos { trainer += [0xC8, 0x02] + minusOne + [0xD0, 0x02] + minusOne }
        model += message(2, trainer)
        let map = characterMap.isEmpty ? [] : message(2, characterMap)
        model += message(3, message(1, Array("identity".utf8)) + map + [0x18, 1, 0x20, 0, 0x28, 1])
        return model
    }

    /// A table that replaces "b" by "a": by hand, from the format of the Darts library. Its trie has
    /// 512 units.
    public static func characterMap(
        child: Int = 256, leaf: Int = 257, value: UInt32 = 0, trieBytes: Int = 2048
    ) -> [UInt8] {
        var units = [UInt32](repeating: 0, count: 512)
        let b = UInt8(ascii: "b")
        let key = 256 ^ Int(b)
        units[0] = UInt32(child) << 10
        // a label, the mark of a replacement, and where that is
        units[key] = UInt32(b) | 1 << 8 | UInt32(key ^ leaf) << 10
        units[257] = 1 << 31 | value
        return littleEndian(UInt32(trieBytes)) + units.flatMap(littleEndian) + Array("a\0".utf8)
    }

    /// -1 as a protocol buffer's variable-length integer.
    private var minusOne: [UInt8] { Array(repeating: 0xFF, count: 9) + [1] }

    private func message(_ field: UInt8, _ content: [UInt8]) -> [UInt8] {
        var (length, header) = (content.count, [field << 3 | 2])
        while length >= 0x80 {
            header.append(UInt8(length & 0x7F) | 0x80)
            length >>= 7
        }
        return header + [UInt8(length)] + content
    }
}

extension TinySizes {
    /// The weights of a model that follows each token by `next[token]`: embeddings are unit
    /// vectors, attention and feed-forward add 0, and the output's row of a token is the previous
    /// token's vector.
    public func chainValues(_ next: [Int: Int]) -> [String: [Float]] {
        precondition(dim >= vocab, "every token needs its own dimension")
        var values: [String: [Float]] = [:]
        for (name, shape) in tensors {
            let fill: Float = shape.count == 1 ? 1 : 0
            values[name] = Array(repeating: fill, count: shape.reduce(1, *))
        }
        for token in 0..<vocab { values["tok_embeddings.weight"]![token * dim + token] = 1 }
        for (token, answer) in next { values["output.weight"]![answer * dim + token] = 1 }
        return values
    }
}
