// StreamingDecoder: turns tokens into text as the model generates them. Both model files and the
// chat use it.

/// Decodes tokens one by one; the results together equal SentencePiece's text for all of them. The
/// tokenizer must put a space before every text, as Llama's does.
public struct StreamingDecoder {
    private let tokenizer: Tokenizer
    private var isAtStart = true
    /// The bytes of an incomplete character.
    private var pending: [UInt8] = []

    public init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    /// The text that these tokens add. An incomplete character waits for its remaining bytes.
    public mutating func decode(_ tokens: [Int]) -> String {
        tokens.reduce(into: "") { text, token in
            switch tokenizer.piece(token) {
            case .nothing:
                text += finish()
            case .unknown:
                text += finish() + " \u{2047} "
                isAtStart = false
            case .byte(let byte):
                isAtStart = false
                pending.append(byte)
                text += completeCharacters()
            case .text(let piece):
                text += finish()
                // the encoder put this space before the text
                let isSpaced = isAtStart && piece.utf8.first == UInt8(ascii: " ")
                text += isSpaced ? String(piece.unicodeScalars.dropFirst()) : piece
                isAtStart = isAtStart && piece.isEmpty
            }
        }
    }

    /// Ends the text: returns U+FFFD, the replacement character, for every pending byte.
    public mutating func finish() -> String {
        defer { pending = [] }
        return String(repeating: "\u{FFFD}", count: pending.count)
    }

    /// Removes complete characters from the pending bytes; an invalid byte becomes U+FFFD.
    private mutating func completeCharacters() -> String {
        var text = ""
        while let first = pending.first {
            let length =
                switch first {
                case 0xC2...0xDF: 2
                case 0xE0...0xEF: 3
                case 0xF0...0xF4: 4
                default: 1
                }
            let start = pending.prefix(length)
            let isValidStart = start.dropFirst().allSatisfy { $0 & 0xC0 == 0x80 }
            if isValidStart && start.count < length { break }  // the other bytes may follow
            if let character = String(validating: start, as: UTF8.self) {
                text += character
                pending.removeFirst(length)
            } else {
                text += "\u{FFFD}"
                pending.removeFirst()
            }
        }
        return text
    }
}
