// CommandRunner: runs the built executable as a user does.

import Foundation

enum CommandRunner {
    /// The executable beside the test bundle, or nil if it has not been built.
    static let executable: URL? = {
        let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
        let runner = URL(filePath: CommandLine.arguments[0])
        let folders = (bundles + [runner]).map { $0.deletingLastPathComponent() }
        return folders.map { $0.appending(path: "compact-llama") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }()

    struct Result {
        let output: String, error: String
        let status: Int32

        /// Without the newlines; the last is empty if standard error ends in one.
        var errorLines: [String] {
            error.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        }
    }

    static func run(_ arguments: String...) throws -> Result {
        try run(executable!, arguments)
    }

    static func run(_ program: URL, _ arguments: [String]) throws -> Result {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        let (output, error) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = error
        try process.run()
        // standard error stays far below what a pipe holds, so one after the other is safe
        let outputData = try output.fileHandleForReading.readToEnd() ?? Data()
        let errorData = try error.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return Result(
            output: String(decoding: outputData, as: UTF8.self),
            error: String(decoding: errorData, as: UTF8.self), status: process.terminationStatus)
    }
}
