// GenerationError: why a model cannot generate a text, or not all of it. Both model files throw it.

public enum GenerationError: Error, Equatable, CustomStringConvertible {
    case promptTooLong(tokens: Int, seqLength: Int)
    case notFinite(position: Int)

    public var description: String {
        switch self {
        case .promptTooLong(let tokens, let seqLength):
            "the prompt has \(tokens) tokens, expected at most --seqlength \(seqLength)"
        case .notFinite(let position):
            "the model's scores are not finite numbers at position \(position): its weights are damaged"
        }
    }
}
