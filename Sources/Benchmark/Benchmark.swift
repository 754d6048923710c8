// Benchmark: llama-bench, how fast the model runs on this machine, beside what the machine can do.

import ArgumentParser
import Foundation
import Support

@main
struct Benchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llama-bench",
        abstract: "Measures decode and prefill speed beside the machine's limits.",
        discussion: """
            Decode (one token at a time) reads all weights for every token: its limit is the \
            bandwidth of plain reading. Prefill (a prompt at once) reuses what it has read: its \
            limit is the peak of fused multiply-adds. Both limits are measured beside every repeat, \
            in the same process, with the same threads. Rates are medians, with the slowest and the \
            fastest repeat. The first token is one that follows nothing, from the start of the \
            process on; making random weights does not count.

            Examples:
              llama-bench
              llama-bench --shape 110M --element F32 --element BF16 --threads 1
              llama-bench --weights stories15M.bin --markdown
              llama-bench --peers .venv/bin/python
            """)

    @Option(
        help: "Random weights of this model's shape: \(Shapes.names). Repeatable. (default: 15M)")
    var shape: [String] = []

    @Option(help: "Real weights instead.")
    var weights: String?

    @Option(help: "F32, F16 or BF16, for random weights. Repeatable. (default: F32)")
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

    @Option(help: .hidden)  // when the worker's process was started, by `Clock`
    var started: UInt64?

    func validate() throws {
        guard repeats >= 1 else { throw ValidationError("--repeats must be at least 1") }
        for name in shape where Shapes.config(name) == nil {
            throw ValidationError("no shape \(name); known are \(Shapes.names)")
        }
        for name in element where ElementType(rawValue: name) == nil {
            throw ValidationError("--element must be F32, F16 or BF16, found \(name)")
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
        Child.endOnInterrupt()
        let peers = try peers.map(Peers.init)
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("llama-bench-\(ProcessInfo.processInfo.processIdentifier)")
        if peers != nil {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        defer { try? FileManager.default.removeItem(at: folder) }

        var results: [TestResult] = []
        let all = ThreadCount.current
        for model in models {
            let file = folder.appendingPathComponent("weights.bin").path
            if peers != nil { _ = try runWorker(model + ["--threads", "\(all)", "--write", file]) }
            for threads in threads.isEmpty ? Array(Set([1, all])).sorted() : threads {
                printNote("measuring \(model.joined(separator: " ")), \(threads) threads")
                results += try measure(
                    model + ["--threads", "\(threads)"], beside: peers, weights: file)
            }
        }
        let table = Table(results)
        print(json ? try table.json() : markdown ? table.markdown : table.text)
    }

    /// The models to measure, as options of a worker.
    private var models: [[String]] {
        if let weights { return [["--weights", weights]] }
        return (shape.isEmpty ? ["15M"] : shape).flatMap { shape in
            (element.isEmpty ? ["F32"] : element).map { ["--shape", shape, "--element", $0] }
        }
    }

    /// CompactLlama, and others in turn with it: in several rounds, so that a slow moment of the machine
    /// hits all alike.
    private func measure(
        _ options: [String], beside peers: Peers?, weights: String
    ) throws -> [TestResult] {
        guard let peers else { return try measure(options, repeats: repeats) }
        let rounds = 3
        let repeats = (repeats + rounds - 1) / rounds
        var results: [TestResult] = []
        var programs: [String]?  // those that the first round finds
        for _ in 0..<rounds {
            let own = try measure(options, repeats: repeats)
            results += own
            if programs == [] { continue }
            let others = try peers.measure(
                weights: weights, beside: own, repeats: repeats, programs: programs)
            programs = Array(Set(others.map(\.program))).sorted()
            results += others
        }
        return TestResult.merged(results)
    }

    private func measure(_ options: [String], repeats: Int) throws -> [TestResult] {
        let tests =
            position.flatMap { ["--position", "\($0)"] }
            + prefill.flatMap { ["--prefill", "\($0)"] }
        let output = try runWorker(options + tests + ["--repeats", "\(repeats)"])
        return try JSONDecoder().decode([TestResult].self, from: output)
    }

    /// A process of its own: the number of threads is settled once in a process, and so is its memory.
    private func runWorker(_ options: [String]) throws -> Data {
        try Child.output(
            of: Bundle.main.executableURL!,
            ["--worker", "--started", "\(Clock.now)"] + options)
    }

    private func work() throws {
        let started = started ?? Clock.now
        ThreadCount.current = threads[0]
        let name = weights.map { URL(fileURLWithPath: $0).lastPathComponent } ?? shape[0]
        let beforeWeights = Clock.now
        let random = weights == nil ? randomWeights() : nil
        let making = Clock.now - beforeWeights
        let weights = try random ?? Weights(contentsOf: weights!)
        if let write { return try weights.writeLlama2c(to: write) }
        _ = Transformer(weights)([1], startPos: 0).argmax()
        let firstToken = Clock.now - making - started

        let results = Worker(
            name: name, weights: weights,
            positions: position.isEmpty ? [16, 256, 1024, 2048] : position,
            prefills: prefill.isEmpty ? [16, 64, 256] : prefill, repeats: repeats,
            firstToken: .nanoseconds(firstToken)
        ).run()
        try printNow(String(decoding: try JSONEncoder().encode(results), as: UTF8.self))
    }

    private func randomWeights() -> Weights {
        let element = ElementType(rawValue: element.first ?? "F32")!
        return Weights(random: Shapes.config(shape[0])!, element: element, seed: 1)
    }
}

/// The time in nanoseconds, the same for all processes.
enum Clock {
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Sizes of models people know.
enum Shapes {
    static let all: [String: Config] = [
        "stories260K": config(64, 172, 5, 8, 4, 512, 512),
        "15M": config(288, 768, 6, 6, 6, 32000, 256),
        "42M": config(512, 1376, 8, 8, 8, 32000, 1024),
        "110M": config(768, 2048, 12, 12, 12, 32000, 1024),
        "TinyLlama-1.1B": config(2048, 5632, 22, 32, 4, 32000, 2048),
    ]

    static let names = all.keys.sorted { all[$0]!.dim < all[$1]!.dim }.joined(separator: ", ")

    /// "stories15M" is "15M".
    static func config(_ name: String) -> Config? {
        let isStories = name.hasPrefix("stories")
        return all[name] ?? (isStories ? all[String(name.dropFirst("stories".count))] : nil)
    }

    /// There is room behind position 2048, so that growth can be measured on every shape.
    private static func config(
        _ dim: Int, _ hiddenDim: Int, _ nLayers: Int, _ nHeads: Int, _ nKvHeads: Int,
        _ vocabSize: Int, _ maxSeqLen: Int
    ) -> Config {
        Config(
            dim: dim, hiddenDim: hiddenDim, nLayers: nLayers, nHeads: nHeads, nKvHeads: nKvHeads,
            vocabSize: vocabSize, maxSeqLen: max(2048 + 256, maxSeqLen))
    }
}
