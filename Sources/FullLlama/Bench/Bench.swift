// Bench: `full-llama bench` measures speed beside the machine's limits, and beside other programs.
// Every measurement runs in a process of its own: this program again, with `--worker`.

import ArgumentParser
import Foundation
import Support

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures decode and prefill speed beside the machine's limits.",
        usage: "full-llama bench [--prefill 256 4000] [--threads 1 2] [<options>]", helpNames: [])

    @Option(
        parsing: .upToNextOption,
        help: "\(ModelShape.names): random weights. (default: 15M)")
    var shape: [String] = []

    private static let elements = ElementType.allCases.map(\.rawValue).joined(separator: ", ")

    @Option(help: "Real weights instead.")
    var weights: String?

    @Option(
        parsing: .upToNextOption, help: "\(Bench.elements), for random weights. (default: F32)")
    var element: [String] = []

    @Option(parsing: .upToNextOption, help: "Threads. (default: 1 and all cores)")
    var threads: [Int] = []

    @Option(
        parsing: .upToNextOption, help: "Decode at these positions. (default: 16 256 1024 2048)")
    var position: [Int] = []

    @Option(
        parsing: .upToNextOption,
        help:
            "Prefill prompts of these lengths. (default: 16 64 256; each alone turns off the other)"
    )
    var prefill: [Int] = []

    @Option(help: "Repeats of a test. Up to 3 processes run only it, so peak memory is its own.")
    var repeats = 7

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Other programs to measure in turn: llama.cpp's llama-bench, llama2.c's run, or a "
                + "Python with numpy or llama-cpp-python.", valueName: "path"))
    var peers: [String] = []

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "Print a Markdown table.")
    var markdown = false

    @Flag(name: [.short, .long], help: "Show this help. More is in docs/speed.md.")
    var help = false

    @Flag(help: .hidden)
    var worker = false

    @Option(help: .hidden)  // a worker that only writes its weights to this folder
    var write: String?

    @Option(help: .hidden)  // when the worker was started: `DispatchTime.now().uptimeNanoseconds`
    var started: UInt64?

    func validate() throws {
        if help { throw CleanExit.helpRequest(self) }
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
        let oneModel = weights != nil || shape.count == 1 && element.count == 1
        guard !worker || oneModel && threads.count == 1 && (write != nil || tests.count == 1) else {
            throw ValidationError("--worker measures one test")
        }
    }

    func run() throws {
        if worker { return try work() }
        WorkerProcess.stopOnInterrupt()
        let peers = try peers.flatMap { try Peer.find($0) }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("full-llama-bench-\(ProcessInfo.processInfo.processIdentifier)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        var results: [BenchResult] = []
        let all = ThreadCount.current
        for model in models {
            if !peers.isEmpty {
                let write = ["--threads", "\(all)", "--write", folder.path]
                let element = try runWorker(model + write).text
                for peer in peers where !peer.kind.isLlamaCpp && element != "F32" {
                    printNote("left out: \(peer.kind.rawValue), which has no \(element)")
                }
            }
            for threads in threads.isEmpty ? Array(Set([1, all])).sorted() : threads {
                printNote(
                    "measuring \(model.joined(separator: " ").printable), \(threads) thread\(threads == 1 ? "" : "s")"
                )
                results += try measure(
                    model + ["--threads", "\(threads)"], nextTo: peers, files: folder.path)
            }
        }
        let table = ResultTable(results)
        try writeOutput((json ? try table.json() : markdown ? table.markdown : table.text) + "\n")
    }

    /// The models to measure, as options for a worker.
    private var models: [[String]] {
        if let weights { return [["--weights", weights]] }
        return (shape.isEmpty ? ["15M"] : shape).flatMap { shape in
            (element.isEmpty ? ["F32"] : element).map { ["--shape", shape, "--element", $0] }
        }
    }

    private var tests: [BenchTest] {
        let isDefault = position.isEmpty && prefill.isEmpty
        return (isDefault ? [16, 256, 1024, 2048] : position).map { BenchTest(.decode, $0) }
            + (isDefault ? [16, 64, 256] : prefill).map { BenchTest(.prefill, $0) }
    }

    /// Measures every test with every program in turn. Rounds spread a slow moment of the machine
    /// over all of them.
    private func measure(
        _ options: [String], nextTo peers: [Peer], files: String
    ) throws -> [BenchResult] {
        var results: [BenchResult] = []
        var tests = tests
        let rounds = min(3, repeats)
        for round in 0..<rounds {
            let repeats = (repeats + round) / rounds  // together all of them
            for test in tests {
                let output = try runWorker(options + test.options + ["--repeats", "\(repeats)"])
                guard !output.data.isEmpty else {  // it does not fit, which the worker has said
                    tests.removeAll { $0 == test }
                    continue
                }
                var own = try JSONDecoder().decode(BenchResult.self, from: output.data)
                own.peakMegabytes = output.peakMegabytes
                results.append(own)
                for peer in peers where peer.kind.measures(test, element: own.element) {
                    results.append(try peer.measure(test, nextTo: own, files: files))
                }
            }
        }
        return BenchResult.merged(results)
    }

    /// Runs a process, because peak memory and the number of threads belong to a process.
    private func runWorker(_ options: [String]) throws -> WorkerProcess.Output {
        try WorkerProcess.output(
            of: Bundle.main.executablePath!,
            ["bench", "--worker", "--started", "\(DispatchTime.now().uptimeNanoseconds)"] + options)
    }

    private func work() throws {
        let started = started ?? DispatchTime.now().uptimeNanoseconds
        ThreadCount.current = threads[0]
        let name = weights.map { URL(fileURLWithPath: $0).lastPathComponent } ?? shape[0]
        let beforeWeights = DispatchTime.now().uptimeNanoseconds
        let random = shape.first.map {
            let element = ElementType(rawValue: element[0])!
            return Weights(random: ModelShape.config($0)!, element: element, seed: 1)
        }
        let randomTime = DispatchTime.now().uptimeNanoseconds - beforeWeights
        let weights = try random ?? Weights(contentsOf: weights!)
        if let write {
            try Peer.writeFiles(weights, to: write)
            return print(weights["output.weight"].element.rawValue, terminator: "")
        }
        _ = Transformer(weights)([1], startPos: 0).argmax()
        let firstToken = DispatchTime.now().uptimeNanoseconds - randomTime - started

        let worker = Worker(
            name: name, weights: weights, test: tests[0], repeats: repeats,
            firstTokenMilliseconds: Double(firstToken) / 1e6)
        guard let result = worker.run() else { return }
        print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
    }
}
