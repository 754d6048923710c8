// TinytalesTests: the bundled model compared with PyTorch in double precision, and how it is found.

import Foundation
import TestSupport
import Testing

@testable import CompactLlama
@testable import Support

private let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
private let folder = root.appending(path: "Models/tinytales").path

@Suite struct TinytalesTests {
    private func reference<Value: Decodable>(_ name: String) throws -> Value {
        let path = folder + "/reference/" + name
        return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(filePath: path)))
    }

    private func llama() throws -> Llama {
        try Llama(weights: folder + "/tinytales.lmw", tokenizer: folder + "/tokenizer.model")
    }

    @Test func `its texts equal PyTorch's`() throws {
        let texts: [GreedyText] = try reference("greedy.json")
        #expect(texts.count >= 5)
        for expected in texts {
            let llama = try llama()
            #expect(try llama.tokenizer.encode(expected.prompt) == expected.promptTokens)
            var text = ""
            _ = try llama.complete(expected.prompt, seqLength: expected.seqLength) { text += $0 }
            #expect(text == expected.text + "\n", "\(expected.prompt)")
        }
    }

    struct Trace: Decodable {
        let prompt: String
        let position: Int
        let stages: [String: [Double]]
    }

    @Test func `its logits agree with PyTorch's`() throws {
        let trace: Trace = try reference("trace.json")
        let llama = try llama()
        let logits = llama.model(try llama.tokenizer.encode(trace.prompt), startPos: 0)
        #expect(deviation(logits.values, trace.stages["logits"]!) <= .network)
    }

    @Test func `it is small, and the Python original can run it`() throws {
        let weights = try Weights(contentsOf: folder + "/tinytales.lmw")
        #expect(weights.config.nHeads == weights.config.nKvHeads)
        #expect(weights.config.normEps == 1e-5)
        let size = try FileManager.default.attributesOfItem(atPath: weights.path)[.size] as! Int
        #expect(size <= 6_000_000)
    }

    @Test(arguments: ["three red and four green", "two blue and five yellow"])
    func `a story about balls in a bag adds no colour`(balls: String) throws {
        let words = balls.split(separator: " ")
        let prompt =
            "There are \(words[0]) \(words[1]) balls and \(words[3]) \(words[4]) balls in the bag. "
            + "If I take out"
        var text = ""
        _ = try llama().complete(prompt, seqLength: 256) { text += $0 }
        // the continuation names no other colour
        let colours = ["red", "green", "blue", "yellow", "pink", "brown", "white", "black"]
        for colour in colours where !balls.contains(colour) {
            #expect(!text.contains(" \(colour) ball"), "\(text)")
        }
        #expect(text.count > prompt.count + 20)
    }
}

@Suite(.enabled(if: CommandRunner.executable != nil, "needs the built compact-llama"))
struct BundledModelTests {
    private func run(
        _ arguments: [String] = [], in working: String = "/", model: String? = nil
    ) throws -> CommandRunner.Result {
        var environment = ProcessInfo.processInfo.environment
        environment["COMPACT_LLAMA_MODEL"] = model
        return try CommandRunner.run(
            CommandRunner.executable!, arguments, environment: environment, folder: working)
    }

    @Test func `without options the bundled model generates a story`() throws {
        let result = try run(["--seqlength", "256"])
        #expect(result.status == 0)
        #expect(result.output.count > 100)
        #expect(result.output.hasSuffix(".\n") || result.output.hasSuffix("\"\n"))
    }

    @Test func `the environment variable names the model's folder`() throws {
        let expected = try run(["-i", "Once"])
        #expect(try run(["-i", "Once"], model: folder).output == expected.output)
        let missing = try run(model: "/nowhere")
        #expect(missing.status == 1)
        #expect(
            missing.error
                == "Error: /nowhere/tinytales.lmw: cannot be read: No such file or directory\n")
    }

    @Test func `the model is found above the working directory`() throws {
        let temporary = try TemporaryFolder()
        // a link if possible: a copy may still be open for writing when a test starts a program
        let (program, copy) = (
            CommandRunner.executable!, URL(filePath: temporary.path + "/program")
        )
        do {
            try FileManager.default.linkItem(at: program, to: copy)
        } catch { try FileManager.default.copyItem(at: program, to: copy) }
        var environment = ProcessInfo.processInfo.environment
        environment["COMPACT_LLAMA_MODEL"] = nil
        func run(in folder: String) throws -> CommandRunner.Result {
            try CommandRunner.run(
                copy, ["-i", "Once", "--seqlength", "8"],
                environment: environment, folder: folder)
        }
        #expect(try run(in: root.path + "/Sources").output.hasPrefix("Once"))
        let notFound = try run(in: temporary.path)
        #expect(notFound.status == 1)
        #expect(notFound.output.isEmpty)
        #expect(notFound.error == "Error: \(BundledModelError.notFound)\n")
    }

    @Test(arguments: [("-w", "-t"), ("-t", "-w")])
    func `weights without a tokenizer, and the reverse, are wrong usage`(
        named: String, missing: String
    ) throws {
        let result = try run([named, folder + "/tinytales.lmw"])
        #expect(result.status == 64)
        #expect(result.output.isEmpty)
        #expect(result.error.hasPrefix("Error: \(named) without \(missing): "))
    }
}

/// The folder of stories15M, if it has been downloaded.
private let stories15M =
    [root.path + "/Models/downloads", TestData.isPresent ? TestData.path("models") : nil]
    .compactMap { $0 }.first { FileManager.default.fileExists(atPath: $0 + "/stories15M.bin") }

@Suite(.enabled(if: stories15M != nil, "needs stories15M: make stories15M"))
struct Stories15MTests {
    /// The words of a text without quotation marks.
    private func words(_ text: String) -> [Substring] {
        text.replacing("\"", with: "").split(whereSeparator: \.isWhitespace)
    }

    @Test func `the text equals the one in the Python's README`() throws {
        let names = ["tokenizer.model", "llama2-tokenizer.model"].map { stories15M! + "/" + $0 }
        let tokenizer = names.first { FileManager.default.fileExists(atPath: $0) }
        let llama = try Llama(
            weights: stories15M! + "/stories15M.bin", tokenizer: #require(tokenizer))
        let prompt =
            "There are three red balls and four green balls in the bag. If I take out"
        var text = ""
        _ = try llama.complete(prompt, seqLength: 128) { text += $0 }
        let expected = """
            There are three red balls and four green balls in the bag. If I take out the red ball, I \
            will be very happy. But I need to be careful. I don't want to get hurt.
            The red balls were very excited. They wanted to play with the red ball. So, they started \
            to roll and bounce. They were having so much fun.
            But then, something unexpected happened. The red ball rolled out of the bag and into a \
            big puddle. The red ball was sad. The red ball said, "I'm sorry, red ball. I didn't mean to
            """
        #expect(words(text) == words(expected))
    }
}
