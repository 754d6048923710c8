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

    private static let hasPython = (try? WorkerProcess.output(of: "python3", ["-V"])) != nil

    @Test(.enabled(if: hasPython), arguments: ElementType.numbers)
    func `GGUF holds the same weights`(element: ElementType) throws {
        let weights = Weights(random: config, element: element, seed: 3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/weights.bin"
        try weights.write(as: .llama2c, to: path)
        try Peer.writeFiles([], weights: path, element: element.rawValue, to: folder.path)
        let file = try Data(contentsOf: URL(filePath: folder.path + "/weights.gguf"))

        // magic number, version 3, 2 · 9 + 3 tensors; all sizes are multiples of 32 bytes
        #expect(
            file.prefix(16)
                == Data("GGUF".utf8 + [3, 0, 0, 0] + [21] + Array(repeating: 0, count: 7)))
        let shapes = Dictionary(uniqueKeysWithValues: config.shapes.map { ($0.name, $0.shape) })
        func bytes(_ name: String) -> Data {
            let tensor = weights[name]
            return shapes[name]!.count == 1
                ? tensor.values.withUnsafeBytes { Data($0) } : tensor.withBytes { Data($0) }
        }
        for (gguf, name) in [
            ("token_embd.weight", "tok_embeddings.weight"), ("output.weight", "output.weight"),
            ("blk.1.attn_k.weight", "layers.1.attention.wk.weight"),
            ("blk.0.ffn_down.weight", "layers.0.feed_forward.w2.weight"),
            ("blk.1.ffn_norm.weight", "layers.1.ffn_norm.weight"),
        ] {
            // behind the name and its length: the number of sizes, the sizes from the last, the type, the offset
            let shape = shapes[name]!
            let key = Data([UInt8(gguf.utf8.count), 0, 0, 0, 0, 0, 0, 0] + gguf.utf8)
            let start = try #require(file.range(of: key)).upperBound
            func number(_ at: Int, _ count: Int) -> Int {
                file[(start + at)..<(start + at + count)].reversed().reduce(0) { $0 << 8 | Int($1) }
            }
            #expect(number(0, 4) == shape.count)
            let sizes = (0..<shape.count).map { number(4 + 8 * $0, 8) }
            #expect(sizes == shape.reversed())
            let type = number(4 + 8 * shape.count, 4)
            #expect(
                type
                    == (shape.count == 1 ? 0 : [.float32: 0, .float16: 1, .bfloat16: 30][element]!))
            // the data end with the file
            let expected = bytes(name)
            let size = bytes("tok_embeddings.weight").count
            #expect(size % 32 == 0)
            let dataStart = try #require(file.range(of: bytes("tok_embeddings.weight"))).lowerBound
            let offset = dataStart + number(8 + 8 * shape.count, 8)
            #expect(
                dataStart % 32 == 0 && file[offset..<(offset + expected.count)] == expected,
                "\(gguf)")
        }
    }

    @Test(
        .enabled(if: hasPython), arguments: ElementType.allCases.filter(\.isQuantized),
        [256, 288, 300])
    func `a quantised GGUF has the types of our weights, tensor by tensor`(
        element: ElementType, hidden: Int
    ) throws {
        let config = Config(
            dim: 256, hiddenDim: hidden, nLayers: 2, nHeads: 4, nKvHeads: 2, vocabSize: 50,
            maxSeqLen: 16)
        let weights = Weights(random: config, element: element, seed: 3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/weights.bin"
        try weights.write(as: .llama2c, to: path)
        try Peer.writeFiles([], weights: path, element: element.rawValue, to: folder.path)
        let read = try Weights(contentsOf: folder.path + "/weights.gguf")
        for (name, _) in config.shapes {
            #expect(read[name].element == weights[name].element, "\(name)")
            // blocks are random, of the same size; all else is equal
            if read[name].element.isQuantized {
                let (found, own) = (read[name].values, weights[name].values)
                func norm(_ x: [Float]) -> Float { x.reduce(0) { $0 + $1 * $1 } }
                #expect((0.5..<2).contains(norm(found) / norm(own)), "\(name)")
                #expect(Set(found).count >= 16)
            } else {
                #expect(read[name].values == weights[name].values, "\(name)")
            }
        }
    }

    @Test(.enabled(if: hasPython))
    func `run.c's tokenizer has a space and a letter`() throws {
        let weights = Weights(random: config, element: .float32, seed: 3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/weights.bin"
        try weights.write(as: .llama2c, to: path)
        try Peer.writeFiles([], weights: path, element: "F32", to: folder.path)
        let file = try Data(contentsOf: URL(filePath: folder.path + "/tokenizer.bin"))
        // the longest length, then a score, a length and a text for each: t0 t1 t2, space, a, t5 …
        func token(_ text: String) -> Data {
            Data([0, 0, 0, 0, UInt8(text.utf8.count), 0, 0, 0] + text.utf8)
        }
        var expected = Data([3, 0, 0, 0])
        for text in ["t0", "t1", "t2", " ", "a"] + (5..<50).map({ "t\($0)" }) {
            expected += token(text)
        }
        #expect(file == expected)
    }
}
