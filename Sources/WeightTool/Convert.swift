// Convert: `llama-weights convert`, which writes weights in another format. The output appears only
// when complete.

import ArgumentParser
import Foundation
import Support

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Converts weights to another format.",
        usage: "llama-weights convert <input> <output> [<options>]",
        discussion: """
            The output's ending chooses the format: .lmw or .bin store F32; .safetensors and .gguf \
            keep each tensor's type, but .safetensors has no quantised ones.
            """)

    @Argument(help: "A weight file, or a Hugging Face folder.")
    var input: String

    @Argument(help: ArgumentHelp("The file to write.", valueName: "output"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "The type of all matrices in a .gguf file: F32, F16, BF16, Q8_0 or Q4_0.",
            valueName: "type"),
        transform: Convert.elementType)
    var type: ElementType?

    @Option(
        name: [.customShort("t"), .customLong("tokenizer")],
        help: ArgumentHelp(
            "A tokenizer.model to store in a .gguf file. (default: the input's)", valueName: "file")
    )
    var tokenizer: String?

    @Flag(help: "Read both files back and compare every value; show the errors of rounding.")
    var verify = false

    @Flag(help: "Replace existing files.")
    var force = false

    private var format: OutputFormat? {
        OutputFormat.allCases.first { output.hasSuffix($0.rawValue) }
    }

    private var configPath: String { siblingPath("config.json", of: output) }

    func validate() throws {
        guard format != nil else {
            let endings = OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError(
                "expected an output that ends in one of \(endings), found \(output.printable)")
        }
        guard format == .gguf || (type == nil && tokenizer == nil) else {
            let option = type == nil ? "-t" : "--type"
            throw ValidationError(
                "\(option): expected an output that ends in .gguf, found \(output.printable)")
        }
    }

    private static func elementType(_ name: String) throws -> ElementType {
        guard let type = ElementType(rawValue: name), ElementType.encodable.contains(type) else {
            let types = ElementType.encodable.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("expected one of \(types), found \(name)")
        }
        return type
    }

    func run() throws {
        handleSignals()
        if !force && FileManager.default.fileExists(atPath: output) {
            throw ConversionError.exists(output)
        }
        let weights = try Weights(contentsOf: input)
        let contents = try format!.contents(
            of: weights, type: type,
            tokenizer: tokenizer ?? ModelOptions.tokenizer(besideWeights: input))
        contents.notes.forEach(printNote)
        try Convert.requireSpace(contents.byteCount, for: output)
        let configFile = format == .safetensors ? try newConfigFile(for: weights) : nil
        let hasConfig = FileManager.default.fileExists(atPath: configPath)
        let newConfig = configFile == nil || hasConfig ? nil : UnfinishedFile(configPath)

        let file = try OutputFile(replacing: output)
        let progress = Progress("writing", total: contents.byteCount)
        try contents.write(to: file.file, path: output, progress: progress.show)
        try configFile?.written(nextTo: output).keep()
        if verify { try compare(weights, file.path) }
        newConfig?.keep()
        try file.keep()
        printNote("wrote \(output.printable), \(byteText(contents.byteCount))")
    }

    static func requireSpace(_ byteCount: Int, for path: String) throws {
        var disk = statvfs()
        guard statvfs(siblingPath(".", of: path), &disk) == 0 else { return }
        let free = Int(min(Double(disk.f_bavail) * Double(disk.f_frsize), 9e18))
        guard free >= byteCount else {
            throw ConversionError.noSpace(path, needed: byteCount, free: free)
        }
    }

    /// - Returns: the `config.json` to write; nil if the folder has an equal one.
    private func newConfigFile(for weights: Weights) throws -> ConfigFile? {
        let configFile = ConfigFile(weights)
        guard FileManager.default.fileExists(atPath: configPath) else { return configFile }
        if let found = try? ConfigFile(nextTo: output), found.config == configFile.config,
            found.tiesEmbeddings == configFile.tiesEmbeddings
        {
            return nil
        }
        guard force else { throw ConversionError.otherConfig(configPath) }
        return configFile
    }

    /// Compares the written file with the input: bit by bit, or with a table of the errors where the
    /// output's type makes them.
    private func compare(_ weights: Weights, _ path: String) throws {
        let written = try Weights(contentsOf: path)
        guard written.config == weights.config else {
            throw ConversionError.differs(output, "config")
        }
        var (equalCount, roundedCount) = (0, 0)
        var table = Table(
            header: ["tensor", "type", "largest error", "mean error"], textColumns: 2)
        let progress = Progress("verifying", total: weights.config.shapes.count)
        for (i, (name, _)) in weights.config.shapes.enumerated() {
            let (expected, found) = (weights[name], written[name])
            if found.element == .float32 || found.element == expected.element {
                guard haveEqualBits(expected, found) else {
                    throw ConversionError.differs(output, name)
                }
                equalCount += found.shape.count
            } else if !(written.isTied && name == "output.weight") {
                let errors = RoundingErrors(expected, found)
                table.rows.append([name, found.element.rawValue] + errors.columns)
                roundedCount += found.shape.count
            }
            progress.show(i + 1)
        }
        if roundedCount > 0 {
            print(table)
            fflush(nil)  // before the notes
        }
        let rounded = roundedCount > 0 ? ", \(grouped(roundedCount)) are rounded" : ""
        printNote("verified: \(grouped(equalCount)) values are equal" + rounded)
    }
}

/// How far values are from those that they stand for.
struct RoundingErrors {
    private(set) var largest = 0.0
    private var sum = 0.0, count = 0

    init(_ expected: Tensor, _ found: Tensor) {
        for row in 0..<expected.shape[0] {
            for (x, y) in zip(expected[row].values, found[row].values) {
                let error = abs(Double(x) - Double(y))
                largest = max(largest, error)
                sum += error
            }
        }
        count = expected.shape.count
    }

    var mean: Double { sum / Double(count) }
    var columns: [String] { [largest, mean].map(fourDigits) }
}

/// Why a conversion fails.
enum ConversionError: Error, Equatable, CustomStringConvertible {
    case exists(_ path: String)
    case otherConfig(_ path: String)
    case noSpace(_ path: String, needed: Int, free: Int)
    case differs(_ path: String, _ what: String)

    var description: String {
        switch self {
        case .exists(let path): "\(path.printable): already exists; --force replaces it"
        case .otherConfig(let path):
            "\(path.printable): already exists and describes another model; --force replaces it"
        case .noSpace(let path, let needed, let free):
            "\(path.printable): expected \(byteText(needed)) of free space, found \(byteText(free))"
        case .differs(let path, let what):
            "\(path.printable): verification failed: \(what) differs, so the new file was removed"
        }
    }
}
