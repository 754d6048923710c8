// ModelOptions: the options that compact-llama and full-llama share, under the Python original's
// names. They name the model, the prompt and the length.

import ArgumentParser

/// Which model, which prompt, how long.
public struct ModelOptions: ParsableArguments {
    @Option(
        name: [.customShort("t"), .customLong("tokenizer")], parsing: .unconditional,
        help: ArgumentHelp(
            "The tokenizer: a SentencePiece tokenizer.model. (default: the one in a GGUF file or "
                + "Hugging Face's folder, or that of tinytales)",
            valueName: "tokenizer.model"))
    var tokenizer: String?

    @Option(
        name: [.customShort("w"), .customLong("weights")], parsing: .unconditional,
        help: ArgumentHelp(
            "The weights: a .lmw file, a GGUF file, a legacy .bin of llama2.c, or Hugging Face's "
                + "folder or .safetensors file. (default: tinytales)",
            valueName: "weights"))
    var weights: String?

    @Option(
        name: [.customShort("i"), .customLong("input")], parsing: .unconditional,
        help: ArgumentHelp(
            "The text to continue; without it the model begins one.", valueName: "prompt"))
    public var prompt = ""

    @Option(
        name: .customLong("seqlength"), parsing: .unconditional,
        help: ArgumentHelp(
            "Stop when prompt and answer fill this many positions.", valueName: "n"))
    public var seqLength = 128

    public init() {}

    public func validate() throws {
        guard seqLength >= 1 else {
            throw ValidationError("--seqlength must be at least 1, found \(seqLength)")
        }
        guard (weights == nil) == (tokenizer == nil) || tokenizerWithWeights != nil else {
            let (given, missing) = weights == nil ? ("-t", "-w") : ("-w", "-t")
            throw ValidationError(
                "\(given) without \(missing): weights and tokenizer belong together, name both "
                    + "(or neither, for the bundled model)")
        }
    }

    /// `tokenizer.model` in Hugging Face's folder, if `-w` names that folder or a file in it, or a GGUF
    /// file, which has its own.
    private var tokenizerWithWeights: String? {
        guard let weights else { return nil }
        if GGUFFile.isAt(weights) { return weights }
        let file = isFolder(weights) ? weights + "/" : weights
        let paths = ["config.json", "tokenizer.model"].map { siblingPath($0, of: file) }
        return paths.allSatisfy(FileManager.default.fileExists) ? paths[1] : nil
    }

    /// The files that `-w` and `-t` name, or those of the bundled model.
    /// - Throws: `BundledModelError` if neither is named and the bundled model is not found.
    public func modelFiles() throws -> (weights: String, tokenizer: String) {
        if let weights, let tokenizer = tokenizer ?? tokenizerWithWeights {
            return (weights, tokenizer)
        }
        let folder = try BundledModel.folder()
        return ("\(folder)/tinytales.lmw", "\(folder)/tokenizer.model")
    }

    /// The part of `--help` that teaches.
    public static func guide(command: String) -> String {
        """
        Text goes to standard output as it is generated; a last line about speed goes to standard \
        error.

        Without -w and -t, the bundled model (tinytales) is used: Models/tinytales in a folder above \
        this program or above the working directory, or the folder that \(BundledModel.variable) \
        names.

        Larger story models, and Llama 2's tokenizer for them:
          stories15M.bin   https://huggingface.co/karpathy/tinyllamas
          tokenizer.model  https://github.com/karpathy/llama2.c
        `make stories15M` fetches both into Models/downloads.

        A GGUF file needs no -t, nor does a model's folder from Hugging Face: their own tokenizers \
        are used.

        Examples:
          \(command)
          \(command) -i "Lily wanted to" --seqlength 256
          \(command) -t tokenizer.model -w stories15M.bin -i "One day, a little fox"
          \(command) -w TinyLlama-1.1B -i "The capital of France is"
        """
    }

    /// Prints one line on standard error if the text may exceed what the model was trained on.
    public func warnIfLonger(than maxSeqLen: Int) {
        guard seqLength > maxSeqLen else { return }
        printNote(
            "Warning: --seqlength \(seqLength) is beyond the \(maxSeqLen) positions that the model "
                + "was trained on; the text may lose its thread there.")
    }
}
