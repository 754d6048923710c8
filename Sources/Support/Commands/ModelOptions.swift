// ModelOptions: the options that compact-llama and full-llama share, with the Python original's
// names. They set the model, the prompt and the length.

import ArgumentParser

/// The model, the prompt and the length of the text.
public struct ModelOptions: ParsableArguments {
    @Option(
        name: [.customShort("t"), .customLong("tokenizer")], parsing: .unconditional,
        help: ArgumentHelp(
            "The tokenizer.model for these weights. GGUF files and Hugging Face folders have their own.",
            valueName: "file"))
    var tokenizer: String?

    @Option(
        name: [.customShort("w"), .customLong("weights")], parsing: .unconditional,
        help: ArgumentHelp(
            "A .lmw, GGUF, llama2.c .bin or .safetensors file, or a Hugging Face folder. "
                + "(default: the bundled model)",
            valueName: "path"))
    var weights: String?

    @Option(
        name: [.customShort("i"), .customLong("input")], parsing: .unconditional,
        help: ArgumentHelp(
            "The text to continue. (default: none; the model begins a text)", valueName: "prompt"))
    public var prompt = ""

    @Option(
        name: .customLong("seqlength"), parsing: .unconditional,
        help: ArgumentHelp(
            "Stop after this many positions, BOS and prompt included. (default: 128)",
            valueName: "n"))
    public var givenSeqLength: Int?
    public var seqLength: Int { givenSeqLength ?? 128 }

    public init() {}

    public func validate() throws {
        guard seqLength >= 1 else {
            throw ValidationError("--seqlength must be at least 1, found \(seqLength)")
        }
        guard
            (weights == nil) == (tokenizer == nil) || tokenizerWithWeights != nil
                || weightsCannotBeRead
        else {
            let (given, missing) = weights == nil ? ("-t", "-w") : ("-w", "-t")
            throw ValidationError(
                "\(given) without \(missing): name both the weights and their tokenizer, or "
                    + "neither for the bundled model")
        }
    }

    /// `modelFiles` says why.
    private var weightsCannotBeRead: Bool {
        weights.map { (try? Weights(contentsOf: $0)) == nil } ?? false
    }

    private var tokenizerWithWeights: String? {
        weights.flatMap(ModelOptions.tokenizer(besideWeights:))
    }

    /// The tokenizer that comes with weights: `tokenizer.model` in Hugging Face's folder, if
    /// `weights` is that folder or a file in it, or a GGUF file, which has its own.
    package static func tokenizer(besideWeights weights: String) -> String? {
        if GGUFFile.isAt(weights) { return weights }
        let file = isFolder(weights) ? weights + "/" : weights
        let paths = ["config.json", "tokenizer.model"].map { siblingPath($0, of: file) }
        return paths.allSatisfy(FileManager.default.fileExists) ? paths[1] : nil
    }

    /// The weight file and the tokenizer: named by `-w` and `-t`, or the bundled model's. A program
    /// begins with this call, and from now on handles signals.
    /// - Throws: `BundledModelError` if neither is named and the bundled model is not found,
    ///   what `Weights` does if `-w` names no weights.
    public func modelFiles() throws -> (weights: String, tokenizer: String) {
        handleSignals()
        if let weights, let tokenizer = tokenizer ?? tokenizerWithWeights {
            return (weights, tokenizer)
        }
        if let weights { _ = try Weights(contentsOf: weights) }
        let folder = try BundledModel.folder()
        return ("\(folder)/tinytales.lmw", "\(folder)/tokenizer.model")
    }

    /// The files that a run reads: `weights`, and the model's other files in the same folder.
    package static func files(of weights: String) -> [String] {
        let folder = isFolder(weights) ? weights + "/" : weights
        let names = try? FileManager.default.contentsOfDirectory(
            atPath: siblingPath(".", of: folder))
        return [weights]
            + (names ?? []).filter {
                $0 == "config.json" || $0.hasSuffix(".safetensors") || $0.hasSuffix(".index.json")
            }.map { siblingPath($0, of: folder) }
    }

    /// The lines of `--help` above the options: an example, and where to read on.
    public static func guide(command: String) -> String {
        """
        Example: \(command) -i "Lily wanted to" --seqlength 256
        Read on: README.md; docs/model.md for other models, docs/weights.md for formats
        """
    }

    /// Warns on standard error if the text may exceed the trained length.
    public func warnIfLonger(than maxSeqLen: Int) {
        guard seqLength > maxSeqLen else { return }
        printNote(
            "Warning: --seqlength \(seqLength) exceeds the \(maxSeqLen) positions that the model "
                + "was trained on; the text beyond them may be incoherent.")
    }
}
