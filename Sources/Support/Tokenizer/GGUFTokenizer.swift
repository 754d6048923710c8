// GGUFTokenizer: the SentencePiece model that a GGUF file has in pieces. SentencePiece loads a
// serialised protocol buffer, so the fields of sentencepiece_model.proto are written here by number.

/// A vocabulary that has been checked: libsentencepiece trusts what it loads.
struct GGUFTokenizer {
    let bos: Int, eos: Int
    /// The serialised ModelProto.
    private(set) var model = ProtocolBuffer()

    /// The types of pieces, SentencePiece's own numbers.
    private enum PieceType { static let (unknown, unused, byte) = (2, 5, 6) }
    private static let (largestVocabulary, longestPiece) = (1 << 20, 1024)

    /// - Throws: `WeightFileError.Problem` if the file has no vocabulary, one of another kind, or a
    ///   damaged one.
    init(_ metadata: GGUFMetadata) throws {
        func key(_ name: String) -> String { "tokenizer.ggml." + name }
        guard let kind = try metadata.string(key("model")) else {
            throw Problem.missingKey(key("model"))
        }
        try require(
            kind == "llama", "\"llama\", a SentencePiece tokenizer (-t names another)",
            as: key("model"), found: kind.debugDescription)

        let count = try metadata.count(key("tokens"))
        try require(
            count <= GGUFTokenizer.largestVocabulary,
            "at most \(GGUFTokenizer.largestVocabulary) pieces", as: key("tokens"), found: count)
        for name in ["scores", "token_type"] {
            let other = try metadata.count(key(name))
            try require(
                other == count, "\(count) elements, one for each piece", as: key(name),
                found: other)
        }
        func id(_ name: String, default other: Int) throws -> Int {
            let id = try metadata.integer(key(name)) ?? other
            try require(
                id >= 0 && id < count, "one of the \(count) pieces", as: key(name), found: id)
            return id
        }
        bos = try id("bos_token_id", default: 1)
        eos = try id("eos_token_id", default: 2)
        let unknown = try id("unknown_token_id", default: 0)

        let pieces = try metadata.strings(key("tokens"))
        let scores = try metadata.floats(key("scores"))
        let types = try metadata.integers(key("token_type"))
        try require(
            types[unknown] == PieceType.unknown, "2, unknown", as: "the type of piece \(unknown)",
            found: types[unknown])
        let byteCount = types.count { $0 == PieceType.byte }
        try require(
            byteCount == 0 || byteCount == 256, "all 256 bytes or none", as: key("token_type"),
            found: byteCount)
        for id in 0..<count {
            try GGUFTokenizer.check(pieces[id], score: scores[id], type: types[id], id: id)
            var piece = ProtocolBuffer()
            piece.append(field: 1, pieces[id])
            piece.append(field: 2, scores[id])
            piece.append(field: 3, types[id])
            model.append(field: 1, piece.bytes)
        }

        var trainer = ProtocolBuffer()
        trainer.append(field: 3, 2)  // model_type: byte-pair encoding
        trainer.append(field: 35, byteCount > 0 ? 1 : 0)  // byte_fallback
        trainer.append(field: 40, unknown)
        trainer.append(field: 45, pieces[unknown])
        trainer.append(field: 46, pieces[bos])
        trainer.append(field: 47, pieces[eos])
        model.append(field: 2, trainer.bytes)

        var normalizer = ProtocolBuffer()
        normalizer.append(field: 1, "identity".utf8)
        normalizer.append(field: 3, try metadata.bool(key("add_space_prefix")) ?? true ? 1 : 0)
        let removesSpaces = try metadata.bool(key("remove_extra_whitespaces")) ?? false
        normalizer.append(field: 4, removesSpaces ? 1 : 0)
        normalizer.append(field: 5, 1)  // escape_whitespaces: U+2581 for a space
        model.append(field: 3, normalizer.bytes)
    }

    private static func check(
        _ piece: UnsafeRawBufferPointer, score: Float, type: Int, id: Int
    ) throws {
        // libsentencepiece recurses once per character of a piece, and ends texts at a zero byte
        let isText = !piece.contains(0) && String(validating: piece, as: UTF8.self) != nil
        try require(
            !piece.isEmpty && piece.count <= longestPiece && isText,
            "1 to \(longestPiece) bytes of UTF-8", as: "piece \(id)",
            found: piece.count > longestPiece
                ? "\(piece.count) bytes"
                : piece.isEmpty
                    ? "none" : "other bytes")
        try require(score.isFinite, "a finite number", as: "the score of piece \(id)", found: score)
        try require(type >= 1 && type <= 6, "1 to 6", as: "the type of piece \(id)", found: type)
        guard type == PieceType.byte else { return }
        let digits = piece.count == 6 ? piece[3..<5] : piece[0..<0]
        let isByte =
            digits.count == 2 && piece.starts(with: "<0x".utf8) && piece[5] == UInt8(ascii: ">")
            && digits.allSatisfy { "0123456789ABCDEF".utf8.contains($0) }
        try require(
            isByte, "<0x00> to <0xFF>", as: "piece \(id), a byte",
            found: String(decoding: piece, as: UTF8.self).debugDescription)
    }
}
