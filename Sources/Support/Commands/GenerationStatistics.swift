// Generation: what the model files report about a text they have made, or could not make.

/// Counts tokens and takes the time, for the line that a command prints at its end.
public struct GenerationStatistics: CustomStringConvertible {
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var firstToken: ContinuousClock.Instant?
    private var lastToken: ContinuousClock.Instant?
    public let promptTokens: Int
    public private(set) var generatedTokens = 0

    /// Starts the clock.
    public init(promptTokens: Int) {
        self.promptTokens = promptTokens
        start = clock.now
    }

    public mutating func countToken() {
        let now = clock.now
        if generatedTokens == 0 { firstToken = now }
        lastToken = now
        generatedTokens += 1
    }

    /// Prompt tokens per second, up to the first token of the answer.
    public var prefillRate: Double {
        Double(promptTokens) / seconds(start, firstToken ?? clock.now)
    }

    /// Tokens per second after the first; nil if there was only that.
    public var decodeRate: Double? {
        guard let firstToken, let lastToken, generatedTokens > 1 else { return nil }
        return Double(generatedTokens - 1) / seconds(firstToken, lastToken)
    }

    private func seconds(_ a: ContinuousClock.Instant, _ b: ContinuousClock.Instant) -> Double {
        max((b - a) / .seconds(1), 1e-9)
    }

    public var description: String {
        let decode = decodeRate.map { "\(rounded($0)) tok/s" } ?? "n/a"
        return "prompt: \(promptTokens) tokens, prefill \(rounded(prefillRate)) tok/s; "
            + "generated: \(generatedTokens) tokens, decode \(decode)"
    }

    private func rounded(_ rate: Double) -> String {
        rate < 100 ? "\((rate * 10).rounded() / 10)" : "\(Int(rate.rounded()))"
    }
}

/// Why a text cannot be made, or not to its end.
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
