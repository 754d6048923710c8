// GenerationError: why a model cannot generate or complete a text. Both model files throw it.

public enum GenerationError: Error, Equatable, CustomStringConvertible {
    case promptTooLong(tokens: Int, seqLength: Int)
    /// So long that it need not be encoded.
    case promptMuchTooLong(limit: Int)
    case notFinite(position: Int)

    public var description: String {
        switch self {
        case .promptTooLong(let tokens, let seqLength):
            "the prompt has \(tokens) tokens, but --seqlength allows only \(seqLength)"
        case .promptMuchTooLong(let limit):
            "the prompt has more tokens than the \(limit) that --seqlength allows"
        case .notFinite(let position):
            "the logits at position \(position) are not finite: the weights are damaged"
        }
    }
}
