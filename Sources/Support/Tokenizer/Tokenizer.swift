// Tokenizer: turns text into tokens with SentencePiece. StreamingDecoder turns them back into text.
// Both model files use the two.

import CSentencePiece

/// A SentencePiece vocabulary, such as Llama 2's `tokenizer.model`.
public final class Tokenizer: @unchecked Sendable {
    /// In bytes. Llama 2's tokenizer has 500 kB.
    private static let largestFile = 1 << 28

    private let path: String
    private let processor: OpaquePointer
    public let vocabSize: Int
    /// The tokens at the beginning and at the end of a text.
    public let bos: Int, eos: Int
    private let normalizer: Normalizer

    /// Reads a `tokenizer.model`, or rebuilds the one in a GGUF file.
    /// - Parameter vocabSize: the number of tokens that the model expects.
    /// - Throws: `FileError` if the file cannot be read, `TokenizerError` if it is not a tokenizer
    ///   or has another size, `WeightFileError` if a GGUF file has no such tokenizer.
    public init(contentsOf path: String, vocabSize: Int) throws {
        self.path = path
        let file = try MappedFile(path: path)
        if GGUFFile.recognises(file.bytes) {
            // the metadata points into the file
            let gguf = try withExtendedLifetime(file) {
                try withPath(path) { try GGUFTokenizer(GGUFMetadata(file.bytes)) }
            }
            guard let loaded = gguf.model.bytes.withUnsafeBytes(Tokenizer.load) else {
                throw TokenizerError.notAccepted(path)
            }
            (processor, normalizer) = loaded
            (bos, eos) = (gguf.bos, gguf.eos)
        } else {
            guard file.bytes.count <= Tokenizer.largestFile else {
                throw TokenizerError.notSentencePiece(path)
            }
            guard let loaded = withExtendedLifetime(file, { Tokenizer.load(file.bytes) }) else {
                throw TokenizerError.notSentencePiece(path)
            }
            (processor, normalizer) = loaded
            (bos, eos) = (Int(sentencepiece_bos(processor)), Int(sentencepiece_eos(processor)))
        }
        self.vocabSize = Int(sentencepiece_size(processor))
        guard self.vocabSize == vocabSize else {
            throw TokenizerError.wrongSize(path, expected: vocabSize, found: self.vocabSize)
        }
        guard bos >= 0 && eos >= 0 else { throw TokenizerError.missingBosOrEos(path) }
    }

    deinit { sentencepiece_free(processor) }

    /// Loads a serialised ModelProto; nil if SentencePiece cannot use it.
    private static func load(
        _ model: UnsafeRawBufferPointer
    ) -> (OpaquePointer, Normalizer)? {
        let normalizer = Normalizer(model)
        guard normalizer.isInBounds, let start = model.baseAddress else { return nil }
        return sentencepiece_load(start, model.count).map { ($0, normalizer) }
    }

    /// The fewest tokens that a text can have which begins with these bytes, without encoding it:
    /// a piece stands for at most its own bytes, and a byte piece for one. 0 if a single token may
    /// stand for any number of bytes, as an unknown piece does.
    /// - Parameter limit: a number beyond which the exact one does not matter.
    public func fewestTokens(_ text: UnsafeRawBufferPointer, limit: Int) -> Int {
        let tokens = 0..<Int32(vocabSize)
        guard !normalizer.replacesCharacters,
            tokens.contains(where: { sentencepiece_is_byte(processor, $0) })
        else { return 0 }
        let longest = tokens.reduce(1) { longest, token in
            var count = 0
            _ = sentencepiece_piece(processor, token, &count)
            return max(longest, count)
        }
        var bytes = text.count
        if normalizer.removesSpaces {
            bytes = 0
            for byte in text where !Normalizer.space.contains(byte) {
                bytes += 1
                if bytes / longest > limit { break }
            }
        }
        return (bytes + longest - 1) / longest
    }

    /// BOS and the tokens of `text`.
    /// - Throws: `TokenizerError` if the file has no tokens for it.
    public func encode(_ text: String) throws -> [Int] {
        var count = 0
        guard let ids = sentencepiece_encode(processor, text, text.utf8.count, &count) else {
            throw TokenizerError.cannotEncode(path)
        }
        defer { free(ids) }
        return [bos] + UnsafeBufferPointer(start: ids, count: count).map(Int.init)
    }

    /// The contribution of a token to a text.
    enum Piece: Equatable {
        case text(String)
        case byte(UInt8)
        case unknown
        case nothing
    }

    /// The spelling of a token, with a space in place of U+2581: " the", "<0x0A>", "</s>".
    public func spelling(_ token: Int) -> String {
        var count = 0
        let piece = sentencepiece_piece(processor, Int32(token), &count)
        let bytes = UnsafeRawBufferPointer(start: piece, count: count)
        let space: [UInt8] = [0xE2, 0x96, 0x81]  // U+2581 in UTF-8
        return String(unsafeUninitializedCapacity: count) { spelled in
            var (from, to) = (0, 0)
            while from < count {
                let isSpace = bytes[from...].starts(with: space)
                spelled[to] = isSpace ? UInt8(ascii: " ") : bytes[from]
                from += isSpace ? space.count : 1
                to += 1
            }
            return to
        }
    }

    /// - Precondition: 0 ≤ `token` < `vocabSize`.
    func piece(_ token: Int) -> Piece {
        precondition(
            token >= 0 && token < vocabSize, "no token \(token) in a vocabulary of \(vocabSize)")
        let id = Int32(token)
        if sentencepiece_is_control(processor, id) { return .nothing }
        if sentencepiece_is_unknown(processor, id) { return .unknown }
        let spelling = spelling(token)
        if sentencepiece_is_byte(processor, id),  // spelled "<0x0A>"
            let byte = UInt8(spelling.dropFirst(3).prefix(2), radix: 16)
        {
            return .byte(byte)
        }
        return .text(spelling)
    }
}

/// A problem with a tokenizer file.
public enum TokenizerError: Error, Equatable, CustomStringConvertible {
    case notSentencePiece(_ path: String)
    case notAccepted(_ path: String)
    case wrongSize(_ path: String, expected: Int, found: Int)
    case missingBosOrEos(_ path: String)
    case cannotEncode(_ path: String)

    public var description: String {
        switch self {
        case .notSentencePiece(let path):
            "\(path.printable): expected a SentencePiece model (tokenizer.model), found something else"
        case .notAccepted(let path):
            "\(path.printable): expected pieces that SentencePiece accepts, found some twice or two unknown ones"
        case .wrongSize(let path, let expected, let found):
            "\(path.printable): expected \(expected) tokens (the model's vocab_size), found \(found)"
        case .missingBosOrEos(let path):
            "\(path.printable): the BOS or the EOS token is missing"
        case .cannotEncode(let path):
            "\(path.printable): expected tokens for any text, found none for this one"
        }
    }
}
