// Bench: `full-llama bench`, how fast the model is compared with what the machine can do. Every
// measurement runs in a worker process: this program again, with `--worker`.

import ArgumentParser
import Foundation
import Support

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures decode and prefill speed beside the machine's limits.",
        discussion: """
            Decode (one token at a time) reads all weights for every token: its limit is the \
            memory's read bandwidth. Prefill (a prompt at once) reuses what it has read: its limit \
            is the peak rate of fused multiply-adds. Both limits are measured next to every repeat, \
            in the same process, with the same threads. Rates are medians, with the slowest and the \
            fastest repeat. The time to the first token, without a prompt, counts from the start of \
            the process; making random weights does not count.

            Examples:
              full-llama bench
              full-llama bench --shape 110M --element F32 --element BF16 --threads 1
              full-llama bench --weights stories15M.bin --markdown
              full-llama bench --peers .venv/bin/python
            """, helpNames: .shortAndLong)

    @Option(
        help:
            "Random weights of this model's shape: \(ModelShape.names). Repeatable. (default: 15M)")
    var shape: [String] = []

    private static let elements = ElementType.allCases.map(\.rawValue).joined(separator: ", ")

    @Option(help: "Real weights instead.")
    var weights: String?

    @Option(
        help:
            "\(Bench.elements), for random weights. Repeatable. (default: F32)")
    var element: [String] = []

    @Option(help: "Threads. Repeatable. (default: 1 and all cores)")
    var threads: [Int] = []

    @Option(help: "Decode from this position. Repeatable. (default: 16, 256, 1024, 2048)")
    var position: [Int] = []

    @Option(help: "Prefill this many tokens. Repeatable. (default: 16, 64, 256)")
    var prefill: [Int] = []

    @Option(help: "Repeats of each measurement.")
    var repeats = 7

    @Option(
        help: ArgumentHelp(
            "Measure llama.cpp and numpy in turn, in three rounds, where this Python has what "
                + "Benchmarks/requirements.txt names.", valueName: "python"))
    var peers: String?

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print a Markdown table.")
    var markdown = false

    @Flag(help: .hidden)
    var worker = false

    @Option(help: .hidden)  // a worker that only writes its weights to this file
    var write: String?

    @Option(help: .hidden)  // when the worker was started: `monotonicNanoseconds()`
    var started: UInt64?

    func validate() throws {
        guard repeats >= 1 else { throw ValidationError("--repeats must be at least 1") }
        for name in shape where ModelShape.config(name) == nil {
            throw ValidationError("no shape \(name); known are \(ModelShape.names)")
        }
        for name in element where ElementType(rawValue: name) == nil {
            throw ValidationError("--element must be one of \(Bench.elements), found \(name)")
        }
        for count in threads where count < 1 || count > 1024 {
            throw ValidationError("--threads must be between 1 and 1024, found \(count)")
        }
        for number in position + prefill where number < 1 || number > 1 << 20 {
            throw ValidationError(
                "positions and prefills must be between 1 and \(1 << 20), found \(number)")
        }
        if weights != nil && !(shape.isEmpty && element.isEmpty) {
            throw ValidationError("--weights are real: they have their own shape and element")
        }
    }

    func run() throws {
        if worker { return try work() }
        WorkerProcess.stopOnInterrupt()
        let peers = try peers.map(Peers.init)
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("full-llama-bench-\(ProcessInfo.processInfo.processIdentifier)")
        if peers != nil {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(at: folder) }

        var results: [BenchResult] = []
        let all = ThreadCount.current
        for model in models {
            let file = folder.appendingPathComponent("weights.bin").path
            if peers != nil { _ = try runWorker(model + ["--threads", "\(all)", "--write", file]) }
            for threads in threads.isEmpty ? Array(Set([1, all])).sorted() : threads {
                printNote("measuring \(model.joined(separator: " ")), \(threads) threads")
                results += try measure(
                    model + ["--threads", "\(threads)"], nextTo: peers, weights: file)
            }
        }
        let table = ResultTable(results)
        print(json ? try table.json() : markdown ? table.markdown : table.text)
    }

    /// The models to measure, as options for a worker.
    private var models: [[String]] {
        if let weights { return [["--weights", weights]] }
        return (shape.isEmpty ? ["15M"] : shape).flatMap { shape in
            (element.isEmpty ? ["F32"] : element).map { ["--shape", shape, "--element", $0] }
        }
    }

    /// Measures CompactLlama, and other programs in turn with it. Several rounds spread a slow moment
    /// of the machine over all of them.
    private func measure(
        _ options: [String], nextTo peers: Peers?, weights: String
    ) throws -> [BenchResult] {
        guard let peers else { return try measure(options, repeats: repeats) }
        let rounds = 3
        let repeats = (repeats + rounds - 1) / rounds
        var results: [BenchResult] = []
        var programs: [String]?  // those that the first round finds
        for _ in 0..<rounds {
            let own = try measure(options, repeats: repeats)
            results += own
            if programs == [] { continue }
            let others = try peers.measure(
                weights: weights, nextTo: own, repeats: repeats, programs: programs)
            programs = Array(Set(others.map(\.program))).sorted()
            results += others
        }
        return BenchResult.merged(results)
    }

    private func measure(_ options: [String], repeats: Int) throws -> [BenchResult] {
        let tests =
            position.flatMap { ["--position", "\($0)"] }
            + prefill.flatMap { ["--prefill", "\($0)"] }
        let output = try runWorker(options + tests + ["--repeats", "\(repeats)"])
        return try JSONDecoder().decode([BenchResult].self, from: output)
    }

    /// Runs a process, because peak memory and the number of threads belong to a process.
    private func runWorker(_ options: [String]) throws -> Data {
        try WorkerProcess.output(
            of: Bundle.main.executableURL!,
            ["bench", "--worker", "--started", "\(monotonicNanoseconds())"] + options)
    }

    private func work() throws {
        let started = started ?? monotonicNanoseconds()
        ThreadCount.current = threads[0]
        let name = weights.map { URL(fileURLWithPath: $0).lastPathComponent } ?? shape[0]
        let beforeWeights = monotonicNanoseconds()
        let random = weights == nil ? randomWeights() : nil
        let randomTime = monotonicNanoseconds() - beforeWeights
        let weights = try random ?? Weights(contentsOf: weights!)
        if let write { return try weights.write(as: .llama2c, to: write) }
        _ = Transformer(weights)([1], startPos: 0).argmax()
        let firstToken = monotonicNanoseconds() - randomTime - started

        let results = Worker(
            name: name, weights: weights,
            positions: position.isEmpty ? [16, 256, 1024, 2048] : position,
            prefills: prefill.isEmpty ? [16, 64, 256] : prefill, repeats: repeats,
            firstTokenMilliseconds: Double(firstToken) / 1e6
        ).run()
        print(String(decoding: try JSONEncoder().encode(results), as: UTF8.self))
    }

    private func randomWeights() -> Weights {
        let element = ElementType(rawValue: element.first ?? "F32")!
        return Weights(random: ModelShape.config(shape[0])!, element: element, seed: 1)
    }
}
