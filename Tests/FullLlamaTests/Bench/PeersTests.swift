// Peers: how other programs are recognised, asked and read, and the weights they get.

import Foundation
import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct PeersTests {
    private let config = Config(
        dim: 32, hiddenDim: 48, nLayers: 2, nHeads: 4, nKvHeads: 2, vocabSize: 50, maxSeqLen: 16)

    @Test func `a program is recognised by its help`() {
        #expect(
            Peer.kinds(help: "usage: x\n  -n, --n-gen <n>\n  -d, --n-depth <n>") == [.llamaBench])
        #expect(Peer.kinds(help: "Usage:   run <checkpoint> [options]") == [.run])
        #expect(
            Peer.kinds(help: "usage: python3 [option] ... [-c cmd | -m mod | file | -]")
                == [.numpy, .llamaCppPython])
        #expect(Peer.kinds(help: "Usage: ls [OPTION]... [FILE]...").isEmpty)
    }

    @Test(arguments: ["/bin/ls", "/missing/llama-bench"])
    func `another program is refused`(path: String) throws {
        let error = #expect(throws: BenchError.self) { _ = try Peer.find(path) }
        #expect(
            "\(error!)" == "\(path): expected llama.cpp's llama-bench, llama2.c's run or a Python")
    }

    @Test func `only llama.cpp has prefill and half precision`() {
        func kinds(_ test: BenchTest, _ element: String) -> [Peer.Kind] {
            [.llamaBench, .llamaCppPython, .run, .numpy].filter {
                $0.measures(test, element: element)
            }
        }
        let (decode, prefill) = (BenchTest(.decode, 16), BenchTest(.prefill, 16))
        #expect(kinds(decode, "F32") == [.llamaBench, .llamaCppPython, .run, .numpy])
        #expect(kinds(prefill, "F32") == [.llamaBench, .llamaCppPython, .numpy])
        #expect(kinds(decode, "BF16") == [.llamaBench, .llamaCppPython])
        #expect(kinds(decode, "Q8_0") == [.llamaBench, .llamaCppPython])
    }

    @Test func `llama-bench decodes behind a depth, or prefills`() {
        func options(_ test: BenchTest) -> String {
            PeerRun.llamaBench(test, threads: 2, repeats: 3).joined(separator: " ")
        }
        let common = "-t 2 -r 3 -ngl 0 -o json "
        #expect(options(BenchTest(.decode, 1000)) == common + "-p 0 -n 8 -d 1000")
        #expect(options(BenchTest(.prefill, 256)) == common + "-p 256 -n 0 -d 0")
    }

    @Test func `llama-bench's speeds are those of every repeat`() {
        let json = """
            [{"n_prompt": 64, "avg_ts": 20.0, "samples_ns": [1, 2], "samples_ts": [10.5, 29.5]}]
            """
        #expect(PeerRun.llamaBenchRates(Data(json.utf8)) == [10.5, 29.5])
        #expect(PeerRun.llamaBenchRates(Data("[\n".utf8)) == nil)
    }

    @Test func `run.c's speeds are those between its bytes`() {
        let test = BenchTest(.decode, 16)
        let options = PeerRun.run(test, repeats: 2)  // 16 positions, 8 to warm up, twice 8
        #expect(options == ["-n", "40", "-t", "0", "-i", String(repeating: "a", count: 40)])

        // position 0 writes nothing, position p ends at p² ms, and a newline follows the last
        let times = (1...40).map { UInt64($0 * $0) * 1_000_000 }
        let rates = PeerRun.runRates(test, repeats: 2, times: times)!
        // positions 24 to 31: from the end of 23 to the end of 31; then those from 32 to 39
        #expect(abs(rates[0] - 8 / ((31.0 * 31 - 23 * 23) / 1000)) < 1e-9)
        #expect(abs(rates[1] - 8 / ((39.0 * 39 - 31 * 31) / 1000)) < 1e-9)
        #expect(PeerRun.runRates(test, repeats: 2, times: times.dropLast()) == nil)
        // the tokens of a repeat that arrive together give the mean of all repeats
        let together = times.enumerated().map { $0 < 32 ? times[0] : $1 }
        let mean = 16 / ((39.0 * 39 - 1) / 1000)
        for rate in PeerRun.runRates(test, repeats: 2, times: together)! {
            #expect(abs(rate - mean) < 1e-9)
        }
        let never = times.map { _ in times[0] }
        #expect(PeerRun.runRates(test, repeats: 2, times: never) == nil)
    }

    @Test(arguments: ElementType.numbers)
    func `written as llama2.c's file they are read back the same`(element: ElementType) throws {
        let weights = Weights(random: config, element: element, seed: 3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/weights.bin"
        try weights.write(as: .llama2c, to: path)
        let read = try Weights(contentsOf: path)
        for (name, _) in config.outerShapes + (0..<2).flatMap({ config.layerShapes($0) }) {
            #expect(read[name].values == weights[name].values, "\(name)")
        }
    }

    @Test func `what llama2.c's file cannot say is refused, and nothing is written`() throws {
        var other = config
        other.ropeTheta = 500_000
        let path = try TemporaryFolder().path + "/weights.bin"
        let weights = Weights(random: other, element: .float32, seed: 1)
        #expect(throws: (any Error).self) { try weights.write(as: .llama2c, to: path) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: ElementType.allCases)
    func `llama.cpp gets the same weights, and only F32 goes to other programs`(
        element: ElementType
    ) throws {
        var config = config
        config.dim = 256  // the rows of w2, 48 numbers, are no multiple of a block
        let weights = Weights(random: config, element: element, seed: 3)
        let folder = try TemporaryFolder()
        try Peer.writeFiles(weights, to: folder.path)
        let path = folder.path + "/weights.gguf"
        let read = try Weights(contentsOf: path)
        #expect(weights["output.weight"].element == element)
        for (name, shape) in config.shapes {
            let isVector = shape.count == 1  // llama.cpp wants them in F32
            #expect(read[name].element == (isVector ? .float32 : weights[name].element), "\(name)")
            #expect(read[name].values == weights[name].values, "\(name)")
        }
        let kind = Data("tokenizer.ggml.model".utf8 + [8, 0, 0, 0] + [4, 0, 0, 0, 0, 0, 0, 0])
        let file = try Data(contentsOf: URL(filePath: path))
        #expect(file.range(of: kind + "none".utf8) != nil)
        for name in ["weights.bin", "tokenizer.bin"] {
            let exists = FileManager.default.fileExists(atPath: folder.path + "/" + name)
            #expect(exists == (element == .float32), "\(name)")
        }
    }

    @Test func `run.c's tokenizer has a space and a letter`() {
        // the longest length, then a score, a length and a text for each: t0 t1 t2, space, a, t5 …
        func token(_ text: String) -> Data {
            Data([0, 0, 0, 0, UInt8(text.utf8.count), 0, 0, 0] + text.utf8)
        }
        var expected = Data([3, 0, 0, 0])
        for text in ["t0", "t1", "t2", " ", "a"] + (5..<50).map({ "t\($0)" }) {
            expected += token(text)
        }
        #expect(Peer.tokenizer(vocabSize: 50) == expected)
    }
}
