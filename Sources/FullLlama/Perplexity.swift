// Perplexity: `--perplexity FILE`, how well a model predicts a text. With `--beside PATH`, a second
// model scores the text, too: for instance the same one in fewer bytes.

import ArgumentParser
import Foundation
import Support

struct PerplexityOptions: ParsableArguments {
    @Option(
        name: .customLong("perplexity"), parsing: .unconditional,
        help: ArgumentHelp(
            "Print the loss and perplexity of a text, and generate none; - is standard input. A "
                + "window of --seqlength positions (default: the model's length) begins with BOS "
                + "and sees nothing of the text before it. Every token of the text is scored "
                + "once; llama.cpp's llama-perplexity scores the second half of a window only.",
            valueName: "file"))
    var file: String?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Score the text with these weights, too, and count the tokens for which both models "
                + "find the same token likeliest.", valueName: "path"))
    var beside: String?

    func validate() throws {
        if beside != nil && file == nil { throw ValidationError("--beside needs --perplexity") }
    }

    /// The models and the windows; nil without `--perplexity`.
    /// - Throws: `TextFileError` if the text has no tokens, and what the second model's `Llama` does.
    func measurement(
        of text: String, with llama: Llama, from files: (weights: String, tokenizer: String),
        window: Int?
    ) throws -> Perplexity? {
        guard let file else { return nil }
        let tokens = Array(try llama.tokenizer.encode(text).dropFirst())  // without BOS
        guard !tokens.isEmpty else { throw TextFileError.noTokens(file) }
        var models = [(files.weights, llama)]
        if let beside {
            models.append((beside, try Llama(weights: beside, tokenizer: files.tokenizer)))
        }
        return Perplexity(models, tokens, window: window ?? llama.model.config.maxSeqLen)
    }
}

/// Scores a text with one or more models, as an observer of their logits at every position.
final class Perplexity: StageObserver, CustomStringConvertible {
    struct Score {
        let name: String, llama: Llama
        /// The sum of all tokens' losses.
        var loss = 0.0
        /// The likeliest token at each position of the window, and how often it was the first
        /// model's in all windows.
        var likeliest: [Int] = []
        var agreeing = 0
    }

    let wantsEveryPosition = true
    /// The positions of a window: BOS and all its tokens but the last, which is predicted only.
    let windowSize: Int
    private let tokens: [Int]
    private(set) var scores: [Score]
    private var current = 0
    private var window: ArraySlice<Int> = []
    private var damaged: Int?

    /// - Parameters:
    ///   - models: their paths, and the models, which share a vocabulary.
    ///   - tokens: the text's, at least one, without BOS.
    init(_ models: [(path: String, llama: Llama)], _ tokens: [Int], window: Int) {
        (self.tokens, windowSize) = (tokens, min(window, tokens.count))
        scores = models.map { path, llama in
            Score(name: URL(fileURLWithPath: path).lastPathComponent, llama: llama)
        }
    }

    var llamas: [Llama] { scores.map(\.llama) }

    /// Predicts each token from BOS and the earlier tokens of its window.
    /// - Parameter onWindow: called before a model reads a window, with the range of all tokens for
    ///   all models relative to it.
    /// - Throws: `GenerationError.notFinite` if the weights are damaged.
    func run(onWindow: (Range<Int>) -> Void) throws {
        for start in stride(from: 0, to: tokens.count, by: windowSize) {
            window = tokens[start...].prefix(windowSize)
            for (i, llama) in llamas.enumerated() {
                let done = start * scores.count + i * window.count
                onWindow(-done..<tokens.count * scores.count - done)
                (current, scores[i].likeliest) = (i, [])
                let read = [llama.tokenizer.bos] + window.dropLast()
                _ = llama.mode.forward(read, startPos: 0, through: llama.model)
                if let damaged { throw GenerationError.notFinite(position: damaged) }
                for (a, b) in zip(scores[0].likeliest, scores[i].likeliest) where a == b {
                    scores[i].agreeing += 1
                }
            }
        }
    }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        guard path.name == "logits" else { return }
        let rows = value.shape.rank == 1 ? value.expandedDimensions(axis: 0) : value
        for i in 0..<rows.shape[0] {
            let position = positions.upperBound - rows.shape[0] + i
            if !rows[i].isFinite { damaged = damaged ?? position }
            scores[current].loss += loss(
                rows[i].values, of: window[window.startIndex + position])
            scores[current].likeliest.append(rows[i].argmax())
        }
    }

    var description: String {
        scores.enumerated().map { i, score in
            let loss = score.loss / Double(tokens.count)
            let share = 100 * Double(score.agreeing) / Double(tokens.count)
            let figures = String(format: "loss %.4f, perplexity %.4f", loss, exp(loss))
            let agreement = String(format: "%d times (%.1f %%)", score.agreeing, share)
            return "\(score.name): \(tokens.count) token\(tokens.count == 1 ? "" : "s"), \(figures)"
                + (i == 0 ? "" : ", the same likeliest token \(agreement)")
        }.joined(separator: "\n")
    }
}

/// The negative logarithm of a token's probability, the softmax of the logits.
func loss(_ logits: [Float], of token: Int) -> Double {
    let largest = Double(logits.max()!)  // subtracting it prevents overflow
    let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
    return largest + log(sum) - Double(logits[token])
}
