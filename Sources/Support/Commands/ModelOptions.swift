// ModelOptions: the options that compact-llama and full-llama share, the model they mean when none
// is named, and where a command writes.

import ArgumentParser

/// Which model, which prompt, how long: the options of the Python original, under its names.
public struct ModelOptions: ParsableArguments {
    @Option(
        name: [.customShort("t"), .customLong("tokenizer")], parsing: .unconditional,
        help: ArgumentHelp(
            "The tokenizer: a SentencePiece tokenizer.model. (default: the one in Hugging Face's "
                + "folder, or that of tinytales)",
            valueName: "tokenizer.model"))
    var tokenizer: String?

    @Option(
        name: [.customShort("w"), .customLong("weights")], parsing: .unconditional,
        help: ArgumentHelp(
            "The weights: a .lmw file, a legacy .bin of llama2.c, or Hugging Face's folder or "
                + ".safetensors file. (default: tinytales)",
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
        guard (weights == nil) == (tokenizer == nil) || tokenizerBesideWeights != nil else {
            let (named, missing) = weights == nil ? ("-t", "-w") : ("-w", "-t")
            throw ValidationError(
                "\(named) without \(missing): weights and tokenizer belong together, name both "
                    + "(or neither, for the embedded model)")
        }
    }

    /// `tokenizer.model` in Hugging Face's folder, if `-w` names that or a file in it.
    private var tokenizerBesideWeights: String? {
        guard let weights else { return nil }
        let file = isFolder(weights) ? weights + "/" : weights
        let paths = ["config.json", "tokenizer.model"].map { siblingPath($0, of: file) }
        return paths.allSatisfy(FileManager.default.fileExists) ? paths[1] : nil
    }

    /// The files named with `-w` and `-t`, or those of the embedded model.
    /// - Throws: `BundledModelError` if none is named and the embedded model is not found.
    public func modelFiles() throws -> (weights: String, tokenizer: String) {
        if let weights, let tokenizer = tokenizer ?? tokenizerBesideWeights {
            return (weights, tokenizer)
        }
        let folder = try BundledModel.folder()
        return ("\(folder)/tinytales.lmw", "\(folder)/tokenizer.model")
    }

    /// The part of `--help` that teaches.
    public static func guide(command: String) -> String {
        """
        The prompt and what the model makes of it go to standard output, as they come; a last line \
        about speed goes to standard error.

        Without -t and -w it is tinytales that speaks, the small story model that comes with the \
        sources: in Models/tinytales, looked for in the folders above this program and above the \
        working directory, or in the folder that \(BundledModel.variable) names.

        Larger story models, and Llama 2's tokenizer for them:
          stories15M.bin   https://huggingface.co/karpathy/tinyllamas
          tokenizer.model  https://github.com/karpathy/llama2.c
        `make stories15M` fetches both into Models/downloads.

        A model's folder from Hugging Face needs no -t: its tokenizer.model is found by itself.

        Examples:
          \(command)
          \(command) -i "Lily wanted to" --seqlength 256
          \(command) -t tokenizer.model -w stories15M.bin -i "One day, a little fox"
          \(command) -w TinyLlama-1.1B -i "The capital of France is"
        """
    }

    /// One line on standard error if the text could grow beyond what the model was trained on.
    public func warnIfLonger(than maxSeqLen: Int) {
        guard seqLength > maxSeqLen else { return }
        printNote(
            "Warning: --seqlength \(seqLength) is beyond the \(maxSeqLen) positions that the model "
                + "was trained on; the text may lose its thread there.")
    }
}

/// The model that comes with the sources.
enum BundledModel {
    static let variable = "COMPACT_LLAMA_MODEL"

    /// The folder that `variable` names, or the first `Models/tinytales` in a folder above the
    /// executable or above the working directory.
    static func folder() throws -> String {
        if let named = ProcessInfo.processInfo.environment[variable] { return named }
        if let folder = folderAbove(holding: "Models/tinytales/tinytales.lmw") {
            return folder + "/Models/tinytales"
        }
        throw BundledModelError.notFound
    }
}

/// The nearest folder above the executable, or else above the working directory, that holds a file.
public func folderAbove(holding path: String) -> String? {
    let here = FileManager.default.currentDirectoryPath + "/."
    for start in [executablePath, here].compactMap({ $0 }) {
        var folder = start[...]
        while let slash = folder.lastIndex(of: "/") {
            folder = folder[..<slash]
            if FileManager.default.fileExists(atPath: folder + "/" + path) { return String(folder) }
        }
    }
    return nil
}

/// Why there is no model to use when none is named.
public enum BundledModelError: Error, Equatable, CustomStringConvertible {
    case notFound

    public var description: String {
        "no folder Models/tinytales above the program or the working directory: name a model with "
            + "-w and -t, or the folder that holds tinytales.lmw with \(BundledModel.variable)"
    }
}

/// Writes to standard output without delay.
/// - Throws: `FileError` if nobody can receive it, for example because the disk is full.
public func printNow(_ text: String) throws {
    guard write(text, to: STDOUT_FILENO) else { throw FileError.unwritable("standard output") }
}

/// Writes a line to standard error, where it does not mix with the text.
public func printNote(_ line: String) {
    write(line + "\n", to: STDERR_FILENO)
}
