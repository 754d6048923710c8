// UnfinishedFileTests: a conversion that a signal, a lack of memory, a limit or a file that becomes
// shorter ends leaves no file.

import Foundation
import Support
import TestSupport
import Testing

@testable import WeightTool

private let program = CommandRunner.find("llama-weights")

@Suite(.serialized) struct UnfinishedFileTests {
    /// A folder whose name a test and the process that it starts both know.
    private static func folder(ofTest process: Int32) -> String {
        NSTemporaryDirectory() + "/compact-llama-unfinished-\(process)"
    }

    /// Runs a body in a process of its own, and expects that its files are gone.
    private func expectNoFile(_ body: (String) async throws -> Void) async throws {
        let folder = UnfinishedFileTests.folder(ofTest: getpid())
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["in.bin"])
    }

    /// Begins a conversion in this process.
    private static func begin(_ name: String = "out.bin") throws -> OutputFile {
        let folder = folder(ofTest: getppid())
        try Data(count: 100_000).write(to: URL(filePath: folder + "/in.bin"))
        return try OutputFile(replacing: folder + "/" + name)
    }

    /// Blocks a signal, or lets it through: test threads block some.
    private static func block(_ number: Int32, _ how: Int32 = SIG_BLOCK) {
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, number)
        pthread_sigmask(how, &signals, nil)
    }

    @Test func `SIGTERM removes the file`() async throws {
        try await expectNoFile { _ in
            await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
                let file = try UnfinishedFileTests.begin()
                UnfinishedFileTests.block(SIGTERM, SIG_UNBLOCK)
                raise(SIGTERM)
                try file.keep()
            }
        }
    }

    @Test func `SIGTERM removes two files, after others and a too long name`() async throws {
        try await expectNoFile { _ in
            await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
                for _ in 0..<10 { _ = try UnfinishedFileTests.begin() }
                #expect(throws: FileError.self) {
                    try OutputFile(replacing: String(repeating: "a", count: 20_000))
                }
                let files = try ["a", "b"].map(UnfinishedFileTests.begin)
                UnfinishedFileTests.block(SIGTERM, SIG_UNBLOCK)
                raise(SIGTERM)
                for file in files { try file.keep() }
            }
        }
    }

    @Test func `SIGTERM ends a program whose output is a full pipe`() async {
        await #expect(processExitsWith: .exitCode(128 + SIGTERM)) {
            signal(SIGALRM, SIG_DFL)
            alarm(20)  // ends a program that waits for the pipe
            let output = TextOutput()
            try output.write("a line without an end")
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
            while write(ends[1], "a", 1) == 1 {}
            _ = fcntl(ends[1], F_SETFL, 0)
            dup2(ends[1], STDOUT_FILENO)
            UnfinishedFileTests.block(SIGTERM, SIG_UNBLOCK)
            raise(SIGTERM)
            try output.write("\n")
        }
    }

    @Test func `SIGPIPE removes the file`() async throws {
        try await expectNoFile { _ in
            await #expect(processExitsWith: .exitCode(128 + SIGPIPE)) {
                signal(SIGPIPE, SIG_DFL)
                let file = try UnfinishedFileTests.begin()
                raise(SIGPIPE)
                try file.keep()
            }
        }
    }

    @Test func `a lack of memory removes the file`() async throws {
        try await expectNoFile { _ in
            let result = await #expect(
                processExitsWith: .exitCode(1), observing: [\.standardErrorContent]
            ) {
                let file = try UnfinishedFileTests.begin()
                let row = Tensor([1, 2])
                _ = row.expandedDimensions(axis: 0) + Tensor([0], shape: [1, 1])
                var huge = row
                huge.reserve(1 << 50, axis: 0)
                try file.keep()
            }
            let error = String(decoding: result!.standardErrorContent, as: UTF8.self)
            #expect(
                error.hasSuffix(
                    "Error: not enough memory: expected 4503599627370496 more bytes, found none\n"))
        }
    }

    @Test func `an input that becomes shorter removes the file`() async throws {
        try await expectNoFile { folder in
            let result = await #expect(
                processExitsWith: .exitCode(1), observing: [\.standardErrorContent]
            ) {
                UnfinishedFileTests.block(SIGBUS)  // as a parent may have done
                let file = try UnfinishedFileTests.begin()
                let path = UnfinishedFileTests.folder(ofTest: getppid()) + "/in.bin"
                let data = try readFile(path)
                truncate(path, 5000)  // within the second page
                #expect(data[5000] == 0)
                _ = data[20_000]
                try file.keep()
            }
            let error = String(decoding: result!.standardErrorContent, as: UTF8.self)
            #expect(
                error.hasSuffix(
                    """
                    Error: \(folder)/in.bin: cannot be read any further: another program made the file \
                    shorter, or its disk failed

                    """))
        }
    }

    @Test func `the message has the first kilobyte of a path`() async throws {
        let path = UnfinishedFileTests.longPath(ofTest: getpid())
        let folder = URL(filePath: path).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let top = UnfinishedFileTests.folder(ofTest: getpid())
        defer { try? FileManager.default.removeItem(atPath: top) }
        try Data(count: 100_000).write(to: URL(filePath: path))
        let result = await #expect(
            processExitsWith: .exitCode(1), observing: [\.standardErrorContent]
        ) {
            let path = UnfinishedFileTests.longPath(ofTest: getppid())
            let data = try readFile(path)
            truncate(path, 5000)
            _ = data[20_000]
        }
        let error = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(error.contains("Error: \(path.prefix(1023)): cannot be read any further: "))
    }

    private static func longPath(ofTest process: Int32) -> String {
        folder(ofTest: process)
            + String(repeating: "/" + String(repeating: "a", count: 250), count: 5)
    }

    @Test func `a failed read of other memory is not taken for one of a file`() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            signal(SIGBUS, SIG_DFL)  // in place of a backtrace
            let folder = try TemporaryFolder()
            let path = try folder.write([UInt8](repeating: 1, count: 100_000), as: "file")
            let data = try readFile(path)
            _ = try readFile(path)  // the other memory will be where this was
            let descriptor = open(path, O_RDWR)
            let other = mmap(nil, data.count, PROT_READ, MAP_SHARED, descriptor, 0)!
            ftruncate(descriptor, 0)
            #expect(other.load(as: UInt8.self) == 1)
        }
    }

    @Test func `a SIGBUS from a program ends this one`() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            signal(SIGBUS, SIG_DFL)  // in place of a backtrace
            let folder = try TemporaryFolder()
            _ = try readFile(folder.write([1], as: "file"))
            raise(SIGBUS)
        }
    }

    @Test(.enabled(if: program != nil, "needs the built llama-weights"))
    func `a limit of the file's size, or a closed pipe, leaves no file`() throws {
        let folder = try TemporaryFolder()
        let input = try folder.write(LMWBytes().bytes, as: "in.lmw")
        let output = folder.file("out.bin")
        let limited = try CommandRunner.shell(
            "ulimit -f 1; exec \"$@\"", program!, ["convert", input, output])
        #expect(limited.status == 1)
        #expect(limited.error == "Error: \(output): cannot be written: File too large\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["in.lmw"])
        #if os(Linux)
            for (redirection, reason) in [
                (">&-", "Bad file descriptor"), ("> /dev/full", "No space left on device"),
            ] {
                let info = try CommandRunner.shell(
                    "exec \"$@\" \(redirection)", program!, ["info", input])
                #expect(info.status == 1)
                #expect(info.error == "Error: standard output: cannot be written: \(reason)\n")
            }
        #endif
    }

    @Test(.enabled(if: program != nil, "needs the built llama-weights"))
    func `weights go through a pipe`() throws {
        let folder = try TemporaryFolder()
        let input = try folder.write(LMWBytes().bytes, as: "in.lmw")
        let result = try CommandRunner.shell(
            "mkfifo \"$4\"; cat \"$4\" > \"$4.copy\" & sleep 0.1; \"$@\" && wait", program!,
            ["convert", input, folder.file("pipe.lmw"), "--force"])
        #expect(result.status == 0)
        _ = try CommandRunner.run(program!, ["convert", input, folder.file("file.lmw")])
        let file = try Data(contentsOf: URL(filePath: folder.file("file.lmw")))
        #expect(file.count > 1000)
        #expect(try Data(contentsOf: URL(filePath: folder.file("pipe.lmw.copy"))) == file)
    }

    @Test(.enabled(if: program != nil, "needs the built llama-weights"))
    func `a name cannot control the terminal`() throws {
        let folder = try TemporaryFolder()
        let result = try CommandRunner.run(
            program!, ["info", folder.path + "/a\u{1B}[2J\u{202E}b\né"])
        #expect(
            result.error
                == "Error: \(folder.path)/a\\u{1B}[2J\\u{202E}b\\u{A}é: "
                + "cannot be read: No such file or directory\n")
    }
}
