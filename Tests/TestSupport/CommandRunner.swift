// CommandRunner: runs a built executable as a user does.

import Foundation

public enum CommandRunner {
    /// The executable next to the test bundle, or nil if it has not been built.
    public static func find(_ name: String) -> URL? {
        let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
        let runner = URL(filePath: CommandLine.arguments[0])
        let folders = (bundles + [runner]).map { $0.deletingLastPathComponent() }
        return folders.map { $0.appending(path: name) }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
    }

    public struct Result: Sendable {
        public let output: String, error: String
        public let status: Int32

        public var errorLines: [Substring] {
            error.split(separator: "\n", omittingEmptySubsequences: false)
        }
    }

    /// - Parameters:
    ///   - input: the program's standard input, at most the capacity of a pipe.
    ///   - afterOutput: called with the process after the first output of the program.
    public static func run(
        _ program: URL, _ arguments: [String], input: String? = nil,
        environment: [String: String]? = nil, folder: String? = nil,
        afterOutput: ((pid_t) -> Void)? = nil
    ) throws -> Result {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        if let environment { process.environment = environment }
        if let folder { process.currentDirectoryURL = URL(filePath: folder) }
        let output = Pipe()
        let errorFile = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        _ = FileManager.default.createFile(atPath: errorFile.path, contents: nil)
        defer { try? FileManager.default.removeItem(at: errorFile) }
        process.standardInput = FileHandle.nullDevice
        if let input {
            let pipe = Pipe()
            process.standardInput = pipe
            try pipe.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try pipe.fileHandleForWriting.close()
        }
        process.standardOutput = output
        // a file, because two pipes would have to be read concurrently
        process.standardError = try FileHandle(forWritingTo: errorFile)
        // test threads block signals, and a process starts with its parent thread's mask; a shell
        // starts what runs in its background with some of them ignored
        var (signals, mask) = (sigset_t(), sigset_t())
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGXCPU, SIGXFSZ] {
            sigaddset(&signals, number)
            signal(number, SIG_DFL)
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, &mask)
        try process.run()
        pthread_sigmask(SIG_SETMASK, &mask, nil)
        var outputData = Data()
        if let afterOutput {
            outputData = output.fileHandleForReading.availableData
            afterOutput(process.processIdentifier)
        }
        outputData += try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let errorData = try Data(contentsOf: errorFile)
        return Result(
            output: String(decoding: outputData, as: UTF8.self),
            error: String(decoding: errorData, as: UTF8.self), status: process.terminationStatus)
    }
}

extension CommandRunner {
    /// Runs a program by the shell: `script` has it as "$@", for redirections and limits.
    public static func shell(
        _ script: String, _ program: URL, _ arguments: [String], input: String? = nil
    ) throws -> Result {
        try run(
            URL(filePath: "/bin/sh"), ["-c", script, "sh", program.path] + arguments, input: input)
    }
}
