// SignalTests: compact-llama and full-llama when a signal, a full disk, a closed stream or a file
// that becomes shorter ends them: one line says why, the text's line ends, and no file stays behind.

import Foundation
import TestSupport
import Testing

private let programs = ["compact-llama", "full-llama"].compactMap(CommandRunner.find)

/// Whether a program starts with so many kilobytes.
private func addressSpaceIsEnough(_ kilobytes: Int) throws -> Bool {
    try programs.count == 2
        && CommandRunner.shell("ulimit -v \(kilobytes); exec \"$@\"", programs[1], ["--help"])
            .status == 0
}

@Suite(.enabled(if: programs.count == 2, "needs the built programs"))
struct SignalTests {
    private let model: TinyModel

    init() throws { model = try TinyModel() }

    /// A text that does not end by itself.
    private var endless: [String] {
        ["-t", model.tokenizer, "-w", model.weights, "-i", "a", "--seqlength", "1000000"]
    }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: model.path("")).sorted() }
    }

    @Test(arguments: programs, [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGXCPU])
    func `a signal ends the line, and the status is 128 and its number`(
        program: URL, number: Int32
    ) throws {
        let result = try CommandRunner.run(program, endless, afterOutput: { kill($0, number) })
        #expect(result.status == 128 + number)
        #expect(result.output.hasPrefix("a") && result.output.hasSuffix("\n"))
        #expect(result.errorLines.count == 2)  // the warning about the length
    }

    @Test(arguments: programs) func `an ignored SIGHUP stays ignored`(program: URL) throws {
        let arguments = endless.dropLast() + ["30"]
        let result = try CommandRunner.shell("trap '' HUP; exec \"$@\"", program, Array(arguments))
        #expect(result.status == 0)
        let hangsUp = try CommandRunner.run(
            URL(filePath: "/bin/sh"),
            ["-c", "trap '' HUP; exec \"$@\"", "sh", program.path] + endless,
            afterOutput: {
                kill($0, SIGHUP)
                kill($0, SIGTERM)
            })
        #expect(hangsUp.status == 128 + SIGTERM)
    }

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `a signal leaves no unfinished trace`(number: Int32) throws {
        let before = try files
        let result = try CommandRunner.run(
            programs[1], endless + ["--trace", model.path("trace.jsonl")],
            afterOutput: { kill($0, number) })
        #expect(result.status == 128 + number)
        #expect(try files == before)
    }

    @Test(arguments: programs) func `SIGBUS from another process ends the program`(program: URL)
        throws
    {
        let result = try CommandRunner.run(program, endless, afterOutput: { kill($0, SIGBUS) })
        #expect(result.status == SIGBUS)
    }

    @Test(arguments: programs)
    func `weights that another program makes shorter are named`(program: URL) throws {
        let trace = program == programs[1] ? ["--trace", model.path("trace.jsonl")] : []
        let before = try files
        let result = try CommandRunner.run(
            program, endless + trace, afterOutput: { _ in truncate(model.weights, 100) })
        #expect(result.status == 1)
        #expect(result.output.hasSuffix("\n"))
        #expect(
            result.error.hasSuffix(
                "\nError: \(model.weights): cannot be read any further: another program made the "
                    + "file shorter, or its disk failed\n"))
        #expect(try files == before)
    }

    #if os(Linux)
        @Test(.enabled(if: try addressSpaceIsEnough(4 << 20), "a sanitizer needs more"))
        func `memory that runs out gives one line, wherever it is`() throws {
            let arguments = endless.dropLast() + ["60", "--threads", "2"]
            func run(_ kilobytes: Int) throws -> CommandRunner.Result {
                try CommandRunner.shell(
                    "ulimit -v \(kilobytes); exec \"$@\"", programs[1], Array(arguments))
            }
            var (tooLittle, enough) = (10_000, 1 << 20)
            while enough - tooLittle > 10 {
                let middle = (tooLittle + enough) / 2
                if try run(middle).status == 0 { enough = middle } else { tooLittle = middle }
            }
            var results: [CommandRunner.Result] = []
            repeat {
                enough -= 10
                results.append(try run(enough))
            } while results.last!.status != 127  // the dynamic linker had too little
            for result in results.dropLast() {
                #expect(result.status == 1)
                let line = result.error.split(separator: "\n").last ?? ""
                #expect(
                    line.hasPrefix("Error: not enough memory: expected ")
                        || line.hasSuffix(": cannot be read: Cannot allocate memory"))
            }
            #expect(results.count > 20)
        }

        @Test(
            arguments: programs,
            [(">&-", "Bad file descriptor"), ("> /dev/full", "No space left on device")])
        func `text that cannot be written is an error`(
            program: URL, stream: (redirection: String, reason: String)
        ) throws {
            let result = try CommandRunner.shell(
                "exec \"$@\" \(stream.redirection)", program, endless)
            #expect(result.status == 1)
            #expect(
                result.error.hasSuffix(
                    "\nError: standard output: cannot be written: \(stream.reason)\n"))
        }
    #endif

    @Test(arguments: programs) func `without standard error there is text`(program: URL) throws {
        let arguments = endless.dropLast() + ["5"]
        let expected = try CommandRunner.run(program, Array(arguments)).output
        let result = try CommandRunner.shell("exec \"$@\" 2>&-", program, Array(arguments))
        #expect(result.status == 0)
        #expect(result.output == expected)
    }

    @Test(arguments: [("<&-", "Bad file descriptor"), ("</", "Is a directory")])
    func `a chat needs standard input`(redirection: String, reason: String) throws {
        let result = try CommandRunner.shell(
            "exec \"$@\" \(redirection)", programs[1],
            ["-t", model.tokenizer, "-w", model.weights, "--chat", "--seqlength", "64"])
        #expect(result.status == 1)
        #expect(result.error == "Error: standard input: cannot be read: \(reason)\n")
    }

    @Test func `a closed standard output does not become the trace`() throws {
        let arguments = endless.dropLast() + ["5", "--trace", model.path("trace.jsonl")]
        let result = try CommandRunner.shell("exec \"$@\" >&-", programs[1], Array(arguments))
        #expect(result.status == 1)
        let trace = try String(contentsOfFile: model.path("trace.jsonl"), encoding: .utf8)
        #expect(trace.split(separator: "\n").allSatisfy { $0.hasPrefix("{\"position\":") })
    }

    @Test func `a trace beyond the limit of a file's size is an error`() throws {
        let before = try files
        let arguments = endless.dropLast() + ["60", "--trace", model.path("trace.jsonl")]
        let result = try CommandRunner.shell(
            "ulimit -f 8; exec \"$@\"", programs[1], Array(arguments))
        #expect(result.status == 1)
        let path = model.path("trace.jsonl")
        #expect(result.error.hasSuffix("Error: \(path): cannot be written: File too large\n"))
        #expect(try files == before)
    }

    @Test func `a trace goes through a link, or into a pipe`() throws {
        let (real, link) = (try model.write("old", as: "real.jsonl"), model.path("link.jsonl"))
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: real)
        let arguments = ["-t", model.tokenizer, "-w", model.weights, "--seqlength", "3", "--trace"]
        #expect(try CommandRunner.run(programs[1], arguments + [link]).status == 0)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == real)
        let trace = try String(contentsOfFile: real, encoding: .utf8)
        let piped = try CommandRunner.shell(
            "\"$@\" 3>&1 >/dev/null | cat", programs[1], arguments + ["/dev/fd/3"])
        #expect(piped.output == trace && trace.count > 1000)
    }

    @Test func `a prompt that cannot fit is refused before all of it is read`() throws {
        // endless input
        let arguments = ["-t", model.tokenizer, "-w", model.weights, "-f", "-", "--seqlength", "9"]
        let result = try CommandRunner.shell("yes a | \"$@\"", programs[1], arguments)
        #expect(result.status == 1)
        #expect(
            result.error
                == "Error: the prompt has more tokens than the 9 that --seqlength allows\n")
        let chat = try CommandRunner.run(
            programs[1], arguments.prefix(4) + ["--chat", "--seqlength", "60"],
            input: String(repeating: "a", count: 2000))
        #expect(chat.status == 1)
        #expect(chat.error.hasPrefix("Error: the context is full: "))
    }
}
