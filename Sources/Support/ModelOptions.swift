// ModelOptions: the command-line options that every command here shares, and where it writes.

import ArgumentParser
import Foundation

/// Which model, which prompt, how long: the options of the Python original, under its names.
public struct ModelOptions: ParsableArguments {
    @Option(
        name: [.customShort("t"), .customLong("tokenizer")], parsing: .unconditional,
        help: "The tokenizer: a SentencePiece tokenizer.model.")
    public var tokenizer: String

    @Option(
        name: [.customShort("w"), .customLong("weights")], parsing: .unconditional,
        help: "The weights: a .lmw file, or a .bin file of llama2.c.")
    public var weights: String

    @Option(
        name: [.customShort("i"), .customLong("input")], parsing: .unconditional,
        help: "The text to continue.")
    public var prompt: String

    @Option(
        name: .customLong("seqlength"), parsing: .unconditional,
        help: "Stop when prompt and answer fill this many positions.")
    public var seqLength = 128

    public init() {}

    public func validate() throws {
        guard seqLength >= 1 else {
            throw ValidationError("--seqlength must be at least 1, found \(seqLength)")
        }
    }

    /// The part of `--help` that teaches.
    public static func guide(command: String) -> String {
        """
        The prompt and what the model makes of it go to standard output, as they come; a last line \
        about speed goes to standard error. The model is greedy: the same prompt gives the same text.

        Weights and tokenizer of a small story model:
          stories15M.bin   https://huggingface.co/karpathy/tinyllamas
          tokenizer.model  https://github.com/karpathy/llama2.c

        Example:
          \(command) -t tokenizer.model -w stories15M.bin -i "One day, a little fox"
        """
    }

    /// One line on standard error if the text may grow beyond what the model was trained on.
    public func warnIfLonger(than maxSeqLen: Int) {
        guard seqLength > maxSeqLen else { return }
        printNote(
            "Warning: --seqlength \(seqLength) is beyond the \(maxSeqLen) positions that the model "
                + "was trained on; the text may lose its thread there.")
    }
}

/// Writes to standard output without delay.
/// - Throws: if nobody can receive it, for example because the disk is full.
public func printNow(_ text: String) throws {
    try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
}

/// Writes a line to standard error, where it does not mix with the text.
public func printNote(_ line: String) {
    try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
}
