// Convert: `llama-weights convert`, which writes weights in another format. The output appears only
// when complete.

import ArgumentParser
import Foundation
import Support

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes weights in another format.",
        discussion: """
            The output's ending says the format: .lmw, .bin (llama2.c's legacy format) or .safetensors \
            (Hugging Face's, with a config.json beside it). The first two hold Floats, to which halves \
            and quantised weights are widened without loss; .safetensors keeps every tensor's type, and \
            has none for quantised weights.
            """)

    @Argument(help: "A weight file, or Hugging Face's folder.")
    var input: String

    @Argument(help: ArgumentHelp("The file to write.", valueName: "output"))
    var output: String

    @Flag(help: "Read both files afterwards and compare every value.")
    var verify = false

    @Flag(help: "Replace files that are there.")
    var force = false

    private var format: OutputFormat? {
        OutputFormat.allCases.first { output.hasSuffix($0.rawValue) }
    }

    private var configPath: String { siblingPath("config.json", of: output) }

    func validate() throws {
        guard format != nil else {
            let endings = OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError(
                "expected an output that ends in one of \(endings), found \(output)")
        }
    }

    func run() throws {
        if !force && FileManager.default.fileExists(atPath: output) {
            throw ConversionError.exists(output)
        }
        let hadConfig = FileManager.default.fileExists(atPath: configPath)
        let file = try write()
        do {
            if verify {
                let count = try compare(try Weights(contentsOf: input), file.path)
                printNote("verified: \(grouped(count)) values equal")
            }
            try file.keep()
        } catch {
            if format == .safetensors && !hadConfig {
                try? FileManager.default.removeItem(atPath: configPath)
            }
            throw error
        }
        printNote("wrote \(output), \(byteText(file.byteCount))")
    }

    /// Writes everything, under a temporary name; the input is closed again.
    private func write() throws -> OutputFile {
        let weights = try Weights(contentsOf: input)
        let contents = try format!.contents(of: weights)
        let file = try OutputFile(replacing: output, byteCount: contents.byteCount)
        let configFile = format == .safetensors ? try newConfigFile(for: weights) : nil
        try file.write(contents)
        do {
            try configFile?.write(nextTo: output)
        } catch {
            let reason = (error as NSError).localizedDescription
            throw FileError.unwritable(configPath, reason)
        }
        return file
    }

    /// - Returns: the `config.json` to write; nil if it is there and says the same.
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

    /// - Returns: the number of values compared, bit by bit.
    private func compare(_ weights: Weights, _ path: String) throws -> Int {
        let written = try Weights(contentsOf: path)
        guard written.config == weights.config else {
            throw ConversionError.differs(output, "sizes")
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

/// Why a conversion cannot be done, or was not done to the end.
enum ConversionError: Error, Equatable, CustomStringConvertible {
    case exists(_ path: String)
    case otherConfig(_ path: String)
    case noSpace(_ path: String, needed: Int, free: Int)
    case differs(_ path: String, _ what: String)

    var description: String {
        switch self {
        case .exists(let path): "\(path): is there already; --force replaces it"
        case .otherConfig(let path):
            "\(path): is there already and says something else; --force replaces it"
        case .noSpace(let path, let needed, let free):
            "\(path): expected \(byteText(needed)) of free space, found \(byteText(free))"
        case .differs(let path, let what):
            "\(path): not kept, because it was read back with another \(what)"
        }
    }
}
