// ReportCommandTests: `full-llama --report` as a user runs it.

import Foundation
import TestSupport
import Testing

@testable import FullLlama

private let program = CommandRunner.find("full-llama")

@Suite(.enabled(if: program != nil, "needs the built full-llama"))
struct ReportCommandTests {
    private let model: TinyModel

    init() throws { model = try TinyModel() }

    private func run(_ arguments: String..., input: String? = nil) throws -> CommandRunner.Result {
        let files = ["-t", model.tokenizer, "-w", model.weights]
        return try CommandRunner.run(program!, files + arguments, input: input)
    }

    private func page(_ path: String) throws -> ReportFixture {
        try ReportFixture(page: String(contentsOfFile: path, encoding: .utf8))
    }

    @Test(arguments: [
        [], ["--nokvcache"], ["--useinplacekvcache"], ["-fill1"], ["--prefill-chunk", "2"],
        ["--nomask"], ["--temperature", "0.9", "--seed", "4"], ["--timer", "--top-k", "3"],
    ])
    func `a report does not change the text, in any mode`(options: [String]) throws {
        let path = model.path("page.html")
        let files = ["-t", model.tokenizer, "-w", model.weights, "-i", "a b", "--seqlength", "12"]
        let expected = try CommandRunner.run(program!, files + options)
        let found = try CommandRunner.run(program!, files + options + ["--report", path])
        #expect(found.status == 0)
        #expect(found.output == expected.output)
        #expect(found.error.hasSuffix("report: \(path), 0.1 MB\n"))
        let page = try page(path)
        #expect(page.json["positions"] as? Int == 12)
        #expect((page.json["tokens"] as? [Int])?.count == 13)
        #expect(try page.attention(layer: 1).count == 24)
        if options == ["--nomask"] {
            // the prompt's 4 tokens read all of each other
            #expect(try page.attention(layer: 0)[0].shares.count == 4)
        }
    }

    @Test func `a chat has a report too, even if the context is full`() throws {
        let path = model.path("chat.html")
        let chat = try run("--chat", "--seqlength", "60", "--report", path, input: "a\nb\n")
        #expect(chat.status == 1)
        #expect(chat.errorLines.filter { $0.hasPrefix("Error: ") }.count == 1)
        let generated = try #require(page(path).json["generated"] as? [Bool])
        #expect(!generated[0] && generated.contains(true))
    }

    @Test func `a report beside a trace and a comparison has all three`() throws {
        let (first, second) = (model.path("1.jsonl"), model.path("2.jsonl"))
        let path = model.path("page.html")
        #expect(try run("-i", "a", "--seqlength", "6", "--trace", first).status == 0)
        let both = try run(
            "-i", "a", "--seqlength", "6", "--trace", second, "--compare", first, "--report", path)
        #expect(both.status == 0)
        let comparison = try #require(page(path).json["comparison"] as? [String: Any])
        let (stages, compared) = (comparison["stages"] as? [String], try page(path))
        #expect(stages?.count == 15)
        let values = try compared.offset(comparison["values"])
        #expect((0..<6 * 15).allSatisfy { compared.float(values + 4 * $0) == 0 })
        #expect(
            try Data(contentsOf: URL(filePath: first)) == Data(contentsOf: URL(filePath: second)))
    }

    @Test func `a path that cannot hold a page is refused before the run`() throws {
        let folder = URL(filePath: model.weights).deletingLastPathComponent().path
        let link = model.path("link.html")
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: try model.write("kept", as: "target"))
        for (path, reason) in [
            (folder, "expected a file, found a folder"), (link, "expected a file, found a link"),
            ("/dev/null", "expected a file, found a device or a pipe"),
            ("/nowhere/page.html", "cannot be written: No such file or directory"),
            (folder + "/none/", "expected a file, found a folder"),
        ] {
            let result = try run("-i", "a", "--seqlength", "4", "--report", path)
            #expect(result.status == 1)
            #expect(result.output.isEmpty, "the run began")
            #expect(result.error == "Error: \(path): \(reason)\n")
        }
        #expect(try String(contentsOfFile: link, encoding: .utf8) == "kept")
        let trace = try run("--trace", model.path("x"), "--report", folder + "/./x")
        #expect(trace.status == 64)
        #expect(trace.error.hasPrefix("Error: --trace and --report: a file cannot be both\n"))
    }

    @Test func `a run that computes nothing leaves the file as it is`() throws {
        let path = try model.write("kept", as: "page.html")
        #expect(try run("-i", "a b c", "--seqlength", "1", "--report", path).status == 1)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "kept")
        #expect(try run("-i", "a", "--seqlength", "4", "--report", path).status == 0)
        #expect(try page(path).json["positions"] as? Int == 4)
        let files = try FileManager.default.contentsOfDirectory(
            atPath: URL(filePath: path).deletingLastPathComponent().path)
        #expect(files.sorted() == ["page.html", "tiny.lmw", "tokenizer.model"])
    }

    @Test func `damaged weights still make a page`() throws {
        let damaged = try TinyModel { $0["layers.1.attention.wq.weight"]![3] = .nan }
        let path = damaged.path("page.html")
        let result = try CommandRunner.run(
            program!,
            ["-t", damaged.tokenizer, "-w", damaged.weights, "-i", "a", "--report", path])
        #expect(result.status == 1)
        #expect(result.error.contains("are not finite"))
        #expect(try page(path).json["positions"] as? Int == 2)
    }

    @Test func `the included model's page of 128 tokens takes less than 1 MB`() throws {
        let path = model.path("page.html")
        let text = String(repeating: "the red ball and ", count: 31)
        let result = try CommandRunner.run(
            program!, ["-i", text.dropLast() + "", "--seqlength", "128", "--report", path])
        #expect(result.status == 0)
        #expect(try page(path).json["positions"] as! Int >= 120)
        #expect(try Data(contentsOf: URL(filePath: path)).count < 1_000_000)
    }
}
