// Peer: recognises another program, and measures it with Bench's tests on the same weights, for
// `--peers`. The programs are not part of this project.

import Foundation
import Support

struct Peer {
    enum Kind: String {
        case llamaBench = "llama-bench"
        case llamaCppPython = "llama-cpp-python"
        case run = "run.c"
        case numpy

        var isPython: Bool { self == .llamaCppPython || self == .numpy }
        var isLlamaCpp: Bool { self == .llamaBench || self == .llamaCppPython }

        /// run.c has no prefill, and neither run.c nor numpy has half precision.
        func measures(_ test: BenchTest, element: String) -> Bool {
            isLlamaCpp || element == "F32" && !(self == .run && test.kind == .prefill)
        }
    }

    let kind: Kind, path: String

    /// Recognises a program by its help. A Python may be several peers.
    static func find(_ path: String) throws -> [Peer] {
        // two options, because run.c takes the first argument for its weights
        let command = #"env "$0" --help -h 2>&1 </dev/null || true"#
        let kinds = kinds(help: try WorkerProcess.output(of: "sh", ["-c", command, path]).text)
        guard let kind = kinds.first else { throw BenchError.unknownProgram(path) }
        if !kind.isPython { return [Peer(kind: kind, path: path)] }
        let output = try WorkerProcess.output(of: path, [script("peers.py"), "--installed"])
        let installed = output.text.split(separator: "\n")
        if installed.isEmpty { throw BenchError.noPackages(path) }
        return installed.map { Peer(kind: Kind(rawValue: String($0))!, path: path) }
    }

    /// What a program with this help can be.
    static func kinds(help: String) -> [Kind] {
        if help.contains("--n-gen") && help.contains("--n-depth") { return [.llamaBench] }
        if help.contains("run <checkpoint>") { return [.run] }
        return help.contains("-c cmd") ? [.numpy, .llamaCppPython] : []
    }

    /// Writes what other programs read: GGUF for llama.cpp; for run.c and numpy, which have F32 only,
    /// llama2.c's weights and a tokenizer.
    static func writeFiles(_ weights: Weights, to folder: String) throws {
        try weights.write(as: .gguf, to: folder + "/weights.gguf")
        guard weights["output.weight"].element == .float32 else { return }
        try weights.write(as: .llama2c, to: folder + "/weights.bin")
        try tokenizer(vocabSize: weights.config.vocabSize)
            .write(to: URL(fileURLWithPath: folder + "/tokenizer.bin"))
    }

    /// A tokenizer in llama2.c's format: the longest length, then a score, a length and a text for
    /// every token. "a" is a token that merges with no other.
    static func tokenizer(vocabSize: Int) -> Data {
        func word(_ number: Int) -> Data {
            withUnsafeBytes(of: Int32(number).littleEndian) { Data($0) }
        }
        let texts = (0..<vocabSize).map { [3: " ", 4: "a"][$0] ?? "t\($0)" }
        return texts.reduce(into: word(texts.map(\.utf8.count).max()!)) { data, text in
            data += word(0) + word(text.utf8.count)
            data += text.utf8
        }
    }

    private static func script(_ name: String) throws -> String {
        guard let folder = folderAbove(holding: "Benchmarks/" + name) else {
            throw BenchError.noScript(name)
        }
        return folder + "/Benchmarks/" + name
    }

    /// Runs the test in a process of its own, as CompactLlama has just run it. Its share of the limit
    /// counts the bytes that CompactLlama reads; llama-bench's KV cache is F16.
    func measure(_ test: BenchTest, nextTo own: BenchResult, files: String) throws -> BenchResult {
        let (threads, repeats) = (own.threads, own.rates.count)
        let weights = files + (kind.isLlamaCpp ? "/weights.gguf" : "/weights.bin")
        let arguments =
            switch kind {
            case .llamaBench:
                ["-m", weights] + PeerRun.llamaBench(test, threads: threads, repeats: repeats)
            case .run:
                [weights, "-z", files + "/tokenizer.bin"] + PeerRun.run(test, repeats: repeats)
            case .numpy, .llamaCppPython:
                [try Peer.script("peers.py"), "--program", kind.rawValue, "--weights", weights]
                    + ["--threads", "\(threads)", "--repeats", "\(repeats)"] + test.options
            }
        setenv("OMP_NUM_THREADS", "\(threads)", 1)  // run.c has no option
        var times: [UInt64] = []  // when it wrote every byte
        let output = try WorkerProcess.output(of: path, arguments) {
            times += Array(repeating: DispatchTime.now().uptimeNanoseconds, count: $0)
        }

        let rates =
            switch kind {
            case .llamaBench: PeerRun.llamaBenchRates(output.data)
            case .run: PeerRun.runRates(test, repeats: repeats, times: times)
            case .numpy, .llamaCppPython:
                try? JSONDecoder().decode([Double].self, from: output.data)
            }
        guard let rates, rates.count == repeats else { throw BenchError.output(path, test.name) }
        return BenchResult(
            program: kind.isLlamaCpp ? "llama.cpp" : kind.rawValue,
            binding: kind.isLlamaCpp ? kind.rawValue : nil, model: own.model, element: own.element,
            threads: threads, test: own.test, rates: rates, unit: own.unit,
            workPerToken: own.workPerToken, limits: rates.map { _ in own.limit },
            peakMegabytes: output.peakMegabytes)
    }
}
