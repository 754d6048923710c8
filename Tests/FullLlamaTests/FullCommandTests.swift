// FullCommandTests: full-llama as a user runs it.

import Foundation
import TestSupport
import Testing

@testable import FullLlama

private let program = CommandRunner.find("full-llama")

@Suite(.enabled(if: program != nil, "needs the built full-llama"))
struct FullCommandTests {
    private let model: TinyModel

    init() throws { model = try TinyModel() }

    private func run(_ arguments: String..., input: String? = nil) throws -> CommandRunner.Result {
        let files = ["-t", model.tokenizer, "-w", model.weights]
        return try CommandRunner.run(program!, files + arguments, input: input)
    }

    @Test(arguments: ["1", "2", "3", "8"])
    func `the number of threads does not change the text`(threads: String) throws {
        let expected = try run("-i", "a b", "--seqlength", "60")
        let found = try run("-i", "a b", "--seqlength", "60", "--threads", threads)
        #expect(expected.status == 0)
        #expect(expected.output.hasPrefix("a b"))
        #expect(found.output == expected.output)
    }

    @Test(arguments: [
        ["--useinplacekvcache"], ["--nokvcache"], ["-fill1"], ["--fill1", "--nokvcache"],
        ["--fill1", "--useinplacekvcache"], ["--timer"], ["--reportmem"], ["--loglevel", "debug"],
    ])
    func `experiments and reports do not change the text`(options: [String]) throws {
        let files = ["-t", model.tokenizer, "-w", model.weights, "-i", "a b", "--seqlength", "30"]
        let expected = try CommandRunner.run(program!, files)
        let found = try CommandRunner.run(program!, files + options)
        #expect(found.status == 0)
        #expect(found.output == expected.output)
    }

    @Test func `reports go to standard error`() throws {
        let timer = try run("-i", "a", "--seqlength", "5", "--timer", "--reportmem").error
        #expect(timer.contains("    attention_norm"))
        #expect(timer.contains("memory loaded: "))
        #expect(timer.contains("memory after prefill: "))
        #expect(timer.contains("memory at the end: "))
        #expect(timer.contains("KV cache"))
        let log = try run("-i", "a", "--seqlength", "2", "--loglevel", "debug").error
        #expect(log.contains("layers.1.feed_forward: shape [2, 8], value at 7: "))
        #expect(log.contains("ids [1, 262]"))
        let candidates = try run("-i", "a", "--seqlength", "3", "--top-k", "2").error
        #expect(candidates.split(separator: "\n").filter { $0.contains("%  ") }.count == 2)
    }

    @Test func `a run can be compared with a trace`() throws {
        let path = model.path("trace.jsonl")
        #expect(try run("-i", "a", "--seqlength", "5", "--trace", path).status == 0)
        let same = try run("-i", "a", "--seqlength", "5", "--compare", path, "--fill1")
        #expect(same.status == 0)
        #expect(same.error.contains("75 of 75 records compared, tolerance 0.0001"))
        let other = try run("-i", "b", "--seqlength", "5", "--compare", path)
        #expect(other.status == 1)
        #expect(other.error.contains("first outside tolerance: embedding at position 1"))
        #expect(other.error.contains("Error: \(path): this run differs from the trace (see above)"))
    }

    @Test func `a trace replaces a file only with its first record`() throws {
        let path = try model.write("kept", as: "trace.jsonl")
        let new = model.path("new.jsonl")
        for target in [path, new] {
            let long = try run("-i", "a b c", "--seqlength", "1", "--trace", target)
            #expect(long.status == 1)
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
        #expect(!FileManager.default.fileExists(atPath: new))
        #expect(try run("-i", "a", "--seqlength", "3", "--trace", path).status == 0)
        #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("{\"position\":0,"))

        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let both = try run("--trace", folder + "/./trace.jsonl", "--compare", path)
        #expect(both.status == 64)
        #expect(both.error.hasPrefix("Error: --trace and --compare: a file cannot be both\n"))
    }

    @Test func `no file of the model is overwritten`() throws {
        let link = model.path("link")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: model.weights)
        let prompt = try model.write("a", as: "prompt.txt")
        for (output, path, input) in [
            ("--trace", model.weights, "-w"), ("--report", model.tokenizer, "-t"),
            ("--report", link, "-w"), ("--trace", prompt, "-f"),
        ] {
            let before = try Data(contentsOf: URL(filePath: path))
            let result = try run("-f", prompt, "--seqlength", "3", output, path)
            #expect(result.status == 64)
            #expect(
                result.error.hasPrefix("Error: \(output) and \(input): a file cannot be both\n"))
            #expect(try Data(contentsOf: URL(filePath: path)) == before)
        }
    }

    @Test(.enabled(if: getuid() != 0, "root may write any file"))
    func `a file without permission to write stays`() throws {
        let path = try model.write("kept", as: "trace.jsonl")
        try FileManager.default.setAttributes([.posixPermissions: 0o444], ofItemAtPath: path)
        let result = try run("-i", "a", "--seqlength", "3", "--trace", path)
        #expect(result.status == 1)
        #expect(result.error == "Error: \(path): cannot be written: Permission denied\n")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
    }

    #if os(Linux)
        @Test func `a trace on a full disk is an error`() throws {
            let full = try run("-i", "a", "--seqlength", "3", "--trace", "/dev/full")
            #expect(full.status == 1)
            #expect(
                full.error.hasSuffix(
                    "Error: /dev/full: cannot be written: No space left on device\n"))
            #expect(
                try FileManager.default.attributesOfItem(atPath: "/dev/full")[.type]
                    as? FileAttributeType == .typeCharacterSpecial)
        }
    #endif

    @Test func `the prompt may come from a file or standard input`() throws {
        let expected = try run("-i", "a\nb", "--seqlength", "20").output
        let path = try model.write("a\nb", as: "prompt.txt")
        #expect(try run("-f", path, "--seqlength", "20").output == expected)
        #expect(try run("-f", "-", "--seqlength", "20", input: "a\nb").output == expected)

        let none = try run("--seqlength", "20").output
        let empty = try model.write("", as: "empty.txt")
        #expect(try run("-f", empty, "--seqlength", "20").output == none)
        #expect(try run("-f", "-", "--seqlength", "20", input: "").output == none)
    }

    @Test func `the same seed gives the same text`() throws {
        let options = ["--temperature", "1.5", "--top-p", "1", "--seqlength", "40"]
        let texts = try ["11", "11", "12"].map { seed in
            try CommandRunner.run(
                program!,
                ["-t", model.tokenizer, "-w", model.weights, "--seed", seed] + options
            ).output
        }
        #expect(texts[0] == texts[1])
        #expect(texts[0] != texts[2])
    }

    @Test func `a chat answers each line until the context is full`() throws {
        let chat = try run("--chat", "--seqlength", "60", input: "a\n\nb\n")
        #expect(chat.status == 1)
        #expect(
            chat.error
                == "Error: the context is full: --seqlength allows 60 positions for all turns together\n"
        )
        #expect(try run("--chat", input: "").status == 0)
        let long = try run("--chat", "--seqlength", "100000", input: "")
        #expect(long.error.hasPrefix("Warning: --seqlength 100000 exceeds"))
        let log = try run("--chat", "--loglevel", "debug", "--seqlength", "60", input: "a\n").error
        #expect(log.contains("ids [1, "))
    }

    @Test func `Ctrl-C ends the line and exits with code 130`() throws {
        let result = try CommandRunner.run(
            program!,
            ["-t", model.tokenizer, "-w", model.weights, "-i", "a"] + ["--seqlength", "8000"],
            afterOutput: { kill($0, SIGINT) })
        #expect(result.status == 130)
        #expect(result.output.hasPrefix("a") && result.output.hasSuffix("\n"))
    }

    @Test func `an error within a text begins on a new line`() throws {
        // only BOS and the prompt have finite embeddings
        let damaged = try TinyModel { values in
            for token in 2..<TinyTokenizer().token("\u{2581}a") {
                values["tok_embeddings.weight"]![token * 8] = .nan
            }
        }
        let result = try CommandRunner.run(
            program!,
            ["-t", damaged.tokenizer, "-w", damaged.weights, "-i", "a"] + ["--seqlength", "9"])
        #expect(result.status == 1)
        #expect(result.output.wholeMatch(of: /a[^\n]*\n/) != nil)
        #expect(
            result.error
                == "Error: the logits at position 2 are not finite: the weights are damaged\n")
    }

    @Test(arguments: [["--help"], ["-h"], ["generate", "--help"]])
    func `help lists the options in groups of at most 24 lines`(arguments: [String]) throws {
        let result = try CommandRunner.run(program!, arguments)
        #expect(result.status == 0 && result.error.isEmpty)
        for part in [
            "USAGE: full-llama [<options>]\n       full-llama bench [<options>]\n",
            "`full-llama bench` measures speed: see `full-llama bench --help`.",
            "-i, --input <prompt>", "--temperature", "--nokvcache", "-fill1, --fill1",
            "--trace <file>",
        ] {
            #expect(result.output.contains(part), "\(part)")
        }
        for group in [
            "MODEL", "TEXT", "PERPLEXITY", "SAMPLING", "EXPERIMENTS", "REPORTS", "OPTIONS",
        ] {
            let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
                .drop { $0 != "\(group):" }.prefix { !$0.isEmpty }
            #expect(lines.count > 1 && lines.count <= 24, "\(group)")
            #expect(lines.allSatisfy { $0.count <= 80 }, "\(group)")
        }
        let bench = try CommandRunner.run(program!, ["bench", "--help"]).output
        #expect(bench.contains("USAGE: full-llama bench ") && bench.contains("--peers <path>"))
    }

    @Test func `a prompt may equal the name of a subcommand`() throws {
        for prompt in ["bench", "generate", "help"] {
            let result = try run("-i", prompt, "--seqlength", "20")
            #expect(result.status == 0 && result.output.hasPrefix(prompt))
        }
    }

    @Test(arguments: [
        (["--threads", "0"], "--threads must be between 1 and 1024, found 0"),
        (["--temperature", "-1"], "--temperature must be 0, or 0.001 or more, found -1.0"),
        (["--top-p", "2"], "--top-p must be between 0 and 1, found 2.0"),
        (["--seed", "0"], "--seed must be at least 1, found 0"),
        (
            ["--useinplacekvcache", "--nokvcache"],
            "--useinplacekvcache and --nokvcache: choose one"
        ),
        (["--system", "a"], "--system needs --chat"),
        (["-i", "a", "-f", "-"], "-i with -f or --chat: choose one source of text"),
    ])
    func `wrong usage gives one line`(options: [String], message: String) throws {
        let result = try CommandRunner.run(
            program!, ["-t", model.tokenizer, "-w", model.weights] + options)
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.error.hasPrefix("Error: \(message)\n"))
    }

    @Test func `an unusable file is named`() throws {
        let missing = try run("-f", "/nowhere/prompt")
        #expect(missing.status == 1)
        #expect(
            missing.error
                == "Error: /nowhere/prompt: cannot be read: No such file or directory\n")
        let trace = try run("--trace", "/nowhere/trace")
        #expect(trace.status == 1)
        #expect(
            trace.error
                == "Error: /nowhere/trace: cannot be written: No such file or directory\n")
    }
}
