// GenerationStatistics: the token counts and the speed of one generated text. Both model files
// count its tokens, and their commands print it as the last line.

/// Counts tokens and measures their rates, starting at its creation.
public struct GenerationStatistics: CustomStringConvertible {
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var firstToken: ContinuousClock.Instant?
    private var lastToken: ContinuousClock.Instant?
    public let promptTokens: Int
    public private(set) var generatedTokens = 0

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

    /// Prompt tokens per second, measured until the first generated token.
    public var prefillRate: Double {
        Double(promptTokens) / seconds(from: start, to: firstToken ?? clock.now)
    }

    /// Tokens per second after the first generated token; nil if fewer than two were generated.
    public var decodeRate: Double? {
        guard let firstToken, let lastToken, generatedTokens > 1 else { return nil }
        return Double(generatedTokens - 1) / seconds(from: firstToken, to: lastToken)
    }

    private func seconds(
        from start: ContinuousClock.Instant, to end: ContinuousClock.Instant
    ) -> Double {
        max((end - start).inSeconds, 1e-9)
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
