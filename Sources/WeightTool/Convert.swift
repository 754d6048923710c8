// Convert: `llama-weights convert`, which writes weights in another format. The output appears only
// when complete.

import ArgumentParser
import Foundation
import Support

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Converts weights to another format.",
        discussion: """
            The output's ending chooses the format: .lmw or .bin, which store F32, or .safetensors, \
            which keeps each tensor's type, unless it is quantised, and adds a config.json.
            """)

    @Argument(help: "A weight file, or a Hugging Face folder.")
    var input: String

    @Argument(help: ArgumentHelp("The file to write.", valueName: "output"))
    var output: String

    @Flag(help: "Read both files back and compare every value.")
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
    }

    func run() throws {
        if !force && FileManager.default.fileExists(atPath: output) {
            throw ConversionError.exists(output)
        }
        let weights = try Weights(contentsOf: input)
        let contents = try format!.contents(of: weights)
        try Convert.requireSpace(contents.byteCount, for: output)
        let configFile = format == .safetensors ? try newConfigFile(for: weights) : nil
        let hasConfig = FileManager.default.fileExists(atPath: configPath)
        let newConfig = configFile == nil || hasConfig ? nil : UnfinishedFile(configPath)

        let file = try OutputFile(replacing: output)
        let progress = Progress("writing", total: contents.byteCount)
        try contents.write(to: file.file, path: output, progress: progress.show)
        do {
            try configFile?.write(nextTo: output)
        } catch {
            let reason = (error as NSError).localizedDescription
            throw FileError.unwritable(configPath, reason)
        }
        if verify {
            let count = try compare(weights, file.path)
            printNote("verified: \(grouped(count)) values are equal")
        }
        try file.keep()
        newConfig?.keep()
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

    /// Compares the written file with the input, bit by bit.
    /// - Returns: the number of values compared.
    private func compare(_ weights: Weights, _ path: String) throws -> Int {
        let written = try Weights(contentsOf: path)
        guard written.config == weights.config else {
            throw ConversionError.differs(output, "config")
        }
        var count = 0
        let progress = Progress("verifying", total: weights.config.shapes.count)
        for (i, (name, _)) in weights.config.shapes.enumerated() {
            guard haveEqualBits(weights[name], written[name]) else {
                throw ConversionError.differs(output, name)
            }
            count += weights[name].shape.count
            progress.show(i + 1)
        }
        return count
    }
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
