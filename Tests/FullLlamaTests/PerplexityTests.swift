// PerplexityTests: losses against a network and a softmax in double precision, in windows of every
// kind, and --perplexity as a user runs it.

import Foundation
import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct PerplexityTests {
    /// The loss of every token, and the likeliest token in its place, computed in double precision.
    private func expected(
        _ model: TinyModel, _ tokens: [Int], window: Int
    ) -> (losses: [Double], likeliest: [Int]) {
        let naive = NaiveLlama(sizes: model.sizes, weights: model.values, eps: 1e-5)
        var (losses, likeliest): ([Double], [Int]) = ([], [])
        for start in stride(from: 0, to: tokens.count, by: window) {
            let targets = tokens[start..<min(start + window, tokens.count)]
            let logits = naive.logits([TinyTokenizer.bos] + targets.dropLast())
            for (x, target) in zip(logits, targets) {
                losses.append(-log(exp(x[target]) / x.reduce(0) { $0 + exp($1) }))
                likeliest.append(x.indices.max { x[$0] < x[$1] }!)
            }
        }
        return (losses, likeliest)
    }

    private func measured(
        _ models: [TinyModel], _ tokens: [Int], window: Int, cache: CacheMode = .concatenated,
        chunkSize: Int = 256
    ) throws -> Perplexity {
        let perplexity = try Perplexity(
            models.map { ($0.weights, try $0.llama()) }, tokens, window: window)
        for llama in perplexity.llamas {
            llama.setModes(cache: cache, chunkSize: chunkSize, capacity: window)
        }
        try StagedRun.observed(by: [perplexity]) { try perplexity.run { _ in } }
        return perplexity
    }

    private func tokens(_ count: Int) -> [Int] {
        var random = Random(seed: 3)
        return (0..<count).map { _ in 3 + random.below(260) }
    }

    @Test func `a loss is the negative logarithm of a softmax, and cannot overflow`() {
        #expect(abs(loss([0, log(3)], of: 1) - -log(0.75)) < 1e-7)
        #expect(abs(loss([0, log(3)], of: 0) - log(4)) < 1e-7)
        #expect(loss([3e38, -3e38, 0], of: 0) == 0)
        #expect(loss([1000, 0], of: 1) == 1000)
        #expect(abs(loss(Array(repeating: -1e4, count: 32000), of: 7) - log(32000)) < 1e-12)
    }

    @Test(arguments: [1, 2, 5, 13, 14, 63, 64, 65, 130, 200])
    func `every token is scored once, from BOS and its window`(window: Int) throws {
        let model = try TinyModel()
        for count in [1, 13, 14, 131] {
            let tokens = tokens(count)
            let expected = expected(model, tokens, window: window).losses.reduce(0, +)
            let found = try measured([model], tokens, window: window).scores[0].loss
            #expect(abs(found / expected - 1) < 1e-5, "\(count) tokens: \(found), \(expected)")
        }
    }

    @Test(arguments: CacheMode.allCases, [1, 3, 64, .max])
    func `all modes give the same loss`(cache: CacheMode, chunkSize: Int) throws {
        let model = try TinyModel()
        let expected = expected(model, tokens(75), window: 70).losses.reduce(0, +)
        let found = try measured(
            [model], tokens(75), window: 70, cache: cache, chunkSize: chunkSize)
        #expect(abs(found.scores[0].loss / expected - 1) < 1e-5)
    }

    @Test func `a second model has its own loss, and agrees where its likeliest token is equal`()
        throws
    {
        let first = try TinyModel()
        let second = try TinyModel { values in
            var random = Random(seed: 5)
            for i in values["norm.weight"]!.indices {
                values["norm.weight"]![i] *= .random(in: 0.7...1.3, using: &random)
            }
        }
        let tokens = tokens(100)
        let (a, b) = (
            expected(first, tokens, window: 30), expected(second, tokens, window: 30)
        )
        let agreeing = zip(a.likeliest, b.likeliest).count { $0 == $1 }
        #expect(agreeing > 20 && agreeing < 80)
        let found = try measured([first, second], tokens, window: 30)
        #expect(found.scores.map(\.agreeing) == [100, agreeing])
        for (score, losses) in zip(found.scores, [a.losses, b.losses]) {
            #expect(abs(score.loss / losses.reduce(0, +) - 1) < 1e-5)
        }
        let lines = "\(found)".split(separator: "\n")
        let loss = String(format: "%.4f", b.losses.reduce(0, +) / 100)
        let perplexity = String(format: "%.4f", exp(b.losses.reduce(0, +) / 100))
        #expect(lines[0].hasPrefix("tiny.lmw: 100 tokens, loss "))
        #expect(lines[1].hasPrefix("tiny.lmw: 100 tokens, loss \(loss), perplexity "))
        let times = "\(agreeing) times (\(agreeing).0 %)"
        #expect(lines[1].hasSuffix(", the same likeliest token \(times)"))
        #expect(abs(Double(perplexity)! / exp(found.scores[1].loss / 100) - 1) < 1e-4)
    }

    @Test func `progress knows the tokens of all windows and models`() throws {
        let model = try TinyModel()
        let perplexity = try Perplexity(
            [("a", model.llama()), ("b", model.llama())], tokens(7), window: 3)
        var ranges: [Range<Int>] = []
        try StagedRun.observed(by: [perplexity]) { try perplexity.run { ranges.append($0) } }
        #expect(ranges == [0..<14, -3..<11, -6..<8, -9..<5, -12..<2, -13..<1])
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `real weights give the loss of another program`() throws {
        // from a pass in numpy's float64 over stories260K.bin, with Python's sentencepiece: the
        // first three reference texts, joined by spaces, are 597 tokens
        let text = try TestData.greedyTexts().prefix(3).map(\.text).joined(separator: " ")
        let llama = try Llama(
            weights: TestData.model("stories260K.bin"), tokenizer: TestData.model("tok512.model"))
        let tokens = try Array(llama.tokenizer.encode(text).dropFirst())
        #expect(tokens.count == 597)
        for (window, loss) in [(512, 0.736502829394796), (100, 0.8810216636077254)] {
            let perplexity = Perplexity([("", llama)], tokens, window: window)
            try StagedRun.observed(by: [perplexity]) { try perplexity.run { _ in } }
            #expect(abs(perplexity.scores[0].loss / 597 / loss - 1) < 1e-5)
        }
    }
}

private let program = CommandRunner.find("full-llama")

@Suite(.enabled(if: program != nil, "needs the built full-llama"))
struct PerplexityCommandTests {
    private let model: TinyModel

    init() throws { model = try TinyModel() }

    private func run(_ arguments: [String], input: String? = nil) throws -> CommandRunner.Result {
        let files = ["-t", model.tokenizer, "-w", model.weights]
        return try CommandRunner.run(program!, files + arguments, input: input)
    }

    @Test func `the result is one line on standard output, in every mode`() throws {
        let text = String(repeating: "a b", count: 60)
        let path = try model.write(text, as: "text.txt")
        let tokens = Array(try model.llama().tokenizer.encode(text).dropFirst())
        let perplexity = try Perplexity([("tiny.lmw", model.llama())], tokens, window: 64)
        try StagedRun.observed(by: [perplexity]) { try perplexity.run { _ in } }
        for options in [
            [], ["--nokvcache"], ["--useinplacekvcache"], ["-fill1"], ["--prefill-chunk", "0"],
            ["--threads", "1"], ["--seqlength", "64"],
        ] {
            let result = try run(["--perplexity", path] + options)
            #expect(result.status == 0 && result.error.isEmpty)
            #expect(result.output == "\(perplexity)\n", "\(options)")
        }
        #expect(try run(["--perplexity", "-"], input: text).output == "\(perplexity)\n")
        let beside = try run(["--perplexity", path, "--beside", model.weights])
        #expect(
            beside.output
                == "\(perplexity)\n\(perplexity), the same likeliest token \(tokens.count) times (100.0 %)\n"
        )
        let reports = try run(["--perplexity", path, "--timer", "--reportmem"])
        #expect(reports.output == "\(perplexity)\n")
        #expect(reports.error.contains("  logits") && reports.error.contains("memory at the end: "))
    }

    @Test func `a GGUF file scores with its own tokenizer, beside another format`() throws {
        let gguf = TinyGGUF(model.sizes, values: model.values)
        let folder = try TemporaryFolder()
        let path = try folder.write(gguf.bytes, as: "tiny.gguf")
        let options = ["-w", path, "--perplexity", "-", "--beside", model.weights]
        let result = try CommandRunner.run(program!, options, input: "ab a")
        let lmw = try run(["--perplexity", "-"], input: "ab a").output.dropLast()
        #expect(result.status == 0 && lmw.hasPrefix("tiny.lmw: 3 tokens, loss "))
        let expected = lmw.replacing("tiny.lmw", with: "tiny.gguf")
        #expect(
            result.output
                == "\(expected)\n\(lmw), the same likeliest token 3 times (100.0 %)\n")
    }

    @Test func `one token is a text, none is not`() throws {
        let one = try run(["--perplexity", "-"], input: "a")
        #expect(one.status == 0 && one.output.hasPrefix("tiny.lmw: 1 token, loss "))
        let empty = try model.write("", as: "empty.txt")
        let result = try run(["--perplexity", empty])
        #expect(result.status == 1 && result.output.isEmpty)
        #expect(
            result.error == "Error: \(empty): expected a text of at least one token, found none\n")
    }

    @Test func `a file that is no text is named`() throws {
        let path = model.path("text")
        try Data([0x61, 0xFF]).write(to: URL(filePath: path))
        #expect(
            try run(["--perplexity", path]).error
                == "Error: \(path): expected text in UTF-8, found other bytes\n")
        try Data(repeating: 0x61, count: 16_000_001).write(to: URL(filePath: path))
        #expect(
            try run(["--perplexity", path]).error
                == "Error: \(path): expected at most 16 MB of text, found more\n")
        let pipe = model.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(
            try run(["--perplexity", pipe]).error
                == "Error: \(pipe): expected a file, found something else\n")
    }

    @Test func `a model beside it must have the same vocabulary, and finite weights`() throws {
        let folder = try TemporaryFolder()
        let other = try folder.write(LMWBytes().bytes, as: "other.lmw")
        let result = try run(["--perplexity", "-", "--beside", other], input: "a b")
        #expect(result.status == 1)
        #expect(
            result.error
                == "Error: \(model.tokenizer): expected 5 tokens (the model's vocab_size), found 263\n"
        )
        let damaged = try TinyModel { $0["tok_embeddings.weight"]![262 * 8] = .nan }
        let failed = try run(
            ["--perplexity", "-", "-fill1", "--beside", damaged.weights], input: "a b")
        #expect(failed.status == 1 && failed.output.isEmpty)
        #expect(
            failed.error
                == "Error: the logits at position 1 are not finite: the weights are damaged\n")
    }

    @Test(arguments: [
        (["-i", "a"], "-i"), (["-f", "-"], "-f"), (["--chat"], "--chat"),
        (["--temperature", "1"], "--temperature"), (["--top-p", "1"], "--top-p"),
        (["--seed", "1"], "--seed"), (["--top-k", "3"], "--top-k"), (["--trace", "a"], "--trace"),
        (["--compare", "a"], "--compare"), (["--report", "a"], "--report"),
    ])
    func `an option for generated text is refused`(options: [String], name: String) throws {
        let result = try run(["--perplexity", "-"] + options)
        #expect(result.status == 64 && result.output.isEmpty)
        #expect(
            result.error.hasPrefix(
                "Error: --perplexity generates no text: leave out \(name)\n"))
    }

    @Test func `what would be no perplexity is refused`() throws {
        let mask = try run(["--perplexity", "-", "--nomask"])
        #expect(mask.status == 64)
        #expect(
            mask.error.hasPrefix(
                "Error: --perplexity with --nomask: a token would see what it predicts\n"))
        let beside = try run(["--beside", "a"])
        #expect(beside.error.hasPrefix("Error: --beside needs --perplexity\n"))
    }
}
