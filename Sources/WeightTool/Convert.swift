// Convert: writes weights in another format, whole or not at all.

import ArgumentParser
import Foundation
import Support

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes weights in another format.",
        discussion: """
            The output's ending says the format: .lmw, .bin (llama2.c's legacy format) or .safetensors \
            (Hugging Face's, with a config.json beside it). The first two hold Floats, to which halves \
            are widened without loss; .safetensors keeps every tensor's type.
            """)

    @Argument(help: "A weight file, or Hugging Face's folder.")
    var input: String

    @Argument(help: ArgumentHelp("The file to write.", valueName: "output"))
    var output: String

    @Flag(help: "Read both files afterwards and compare every value.")
    var verify = false

    @Flag(help: "Replace files that are there.")
    var force = false

    enum Target: String, CaseIterable {
        case lmw = ".lmw"
        case llama2c = ".bin"
        case safetensors = ".safetensors"
    }

    private var target: Target? { Target.allCases.first { output.hasSuffix($0.rawValue) } }

    func validate() throws {
        guard target != nil else {
            let endings = Target.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError(
                "expected an output that ends in one of \(endings), found \(output)")
        }
    }

    func run() throws {
        if !force && FileManager.default.fileExists(atPath: output) {
            throw ConversionError.exists(output)
        }
        let (file, settings) = try write()
        do {
            if verify {
                let count = try compare(try Weights(contentsOf: input), file.path)
                printNote("verified: \(grouped(count)) values equal")
            }
            try file.keep()
        } catch {
            settings?.remove()
            throw error
        }
        printNote("wrote \(output), \(byteText(file.byteCount))")
    }

    /// Writes everything, under a temporary name; the input is closed again.
    private func write() throws -> (OutputFile, SettingsFile?) {
        let weights = try Weights(contentsOf: input)
        let layout =
            switch target! {
            case .lmw: try Layout.lmw(weights)
            case .llama2c: try Layout.llama2c(weights)
            case .safetensors: try Layout.safetensors(weights)
            }
        let file = try OutputFile(replacing: output, byteCount: layout.byteCount)
        let settings = target == .safetensors ? try SettingsFile(weights, for: output, force) : nil
        try file.write(layout)
        try settings?.write()
        return (file, settings)
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

/// Whether two tensors of one shape have the same values, bit by bit when widened.
func haveEqualBits(_ a: Tensor, _ b: Tensor) -> Bool {
    a.runsOfRows.allSatisfy { run in
        let (x, y) = (a[run].values, b[run].values)
        return memcmp(x, y, x.count * 4) == 0
    }
}

/// Why a conversion cannot be done, or was not done to the end.
enum ConversionError: Error, Equatable, CustomStringConvertible {
    case exists(_ path: String)
    case otherSettings(_ path: String)
    case inexpressible(_ format: String, _ name: String, _ value: Float, only: Float)
    case tooLarge(Int)
    case noSpace(_ path: String, needed: Int, free: Int)
    case unwritable(_ path: String, _ reason: String)
    case differs(_ path: String, _ what: String)

    var description: String {
        switch self {
        case .exists(let path): "\(path): is there already; --force replaces it"
        case .otherSettings(let path):
            "\(path): is there already and says something else; --force replaces it"
        case .inexpressible(let format, let name, let value, let only):
            "\(format) has no place for \(name) = \(value): its readers take \(only)"
        case .tooLarge(let number): "the format has no place for the number \(number)"
        case .noSpace(let path, let needed, let free):
            "\(path): expected \(byteText(needed)) of free space, found \(byteText(free))"
        case .unwritable(let path, let reason): "\(path): cannot be written: \(reason)"
        case .differs(let path, let what):
            "\(path): not kept, because it was read back with another \(what)"
        }
    }
}
