// GenerateOptions: the options of `full-llama` that `compact-llama` does not have, under the Python
// original's names. Generate.swift applies them.

import ArgumentParser
import Foundation
import Logging
import Support

struct TextOptions: ParsableArguments {
    @Option(
        name: .customShort("f"), parsing: .unconditional,
        help: ArgumentHelp("Read the prompt from a file; - is standard input.", valueName: "file"))
    var file: String?

    @Flag(help: "Chat in Llama 2's template, one message per line.")
    var chat = false

    @Option(help: ArgumentHelp("The system prompt of a chat.", valueName: "text"))
    var system: String?

    func validate() throws {
        if chat && file != nil { throw ValidationError("--chat reads standard input, not -f") }
        if system != nil && !chat { throw ValidationError("--system needs --chat") }
    }

    /// - Throws: `GenerationError` if the text certainly does not fit `--seqlength`, before it
    ///   reads and encodes all of it: 16 MB would take a minute.
    func prompt(_ options: ModelOptions, for tokenizer: Tokenizer) throws -> String {
        guard let file else { return options.prompt }
        return try TextFile.read(file) { data in
            let limit = options.seqLength
            let fewest = data.withUnsafeBytes { tokenizer.fewestTokens($0, limit: limit) }
            guard fewest <= limit else { throw GenerationError.promptMuchTooLong(limit: limit) }
        }
    }
}

struct SamplingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("0 is greedy; higher values give more varied text.", valueName: "t"))
    var temperature: Float = 0

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Sample from the smallest set of tokens whose probabilities sum to p; 1 for all.",
            valueName: "p"))
    var topP: Float = 0.9

    @Option(
        help: ArgumentHelp("The same seed gives the same text. (default: the time)", valueName: "n")
    )
    var seed: UInt64?

    @Option(help: ArgumentHelp("Show the n most probable tokens at every step.", valueName: "n"))
    var topK = 0

    func validate() throws {
        guard temperature == 0 || temperature >= 0.001 && temperature.isFinite else {
            throw ValidationError("--temperature must be 0, or 0.001 or more, found \(temperature)")
        }
        guard topP >= 0 && topP <= 1 else {
            throw ValidationError("--top-p must be between 0 and 1, found \(topP)")
        }
        guard seed != 0 else { throw ValidationError("--seed must be at least 1, found 0") }
        guard topK >= 0 else { throw ValidationError("--top-k must be 0 or more, found \(topK)") }
    }

    func apply(to llama: Llama) {
        llama.sampler = Sampler(
            temperature: temperature, topP: topP,
            seed: seed ?? UInt64(max(1, Date().timeIntervalSince1970)))
        llama.sampler.candidateCount = topK
        let tokenizer = llama.tokenizer
        llama.sampler.showCandidates = { candidates in
            printNote(
                candidates.map { token, probability in
                    "\(tokenizer.spelling(token).debugDescription.printable) "
                        + String(format: "%.1f%%", 100 * probability)
                }.joined(separator: "  "))
        }
    }
}

struct ExperimentOptions: ParsableArguments {
    @Flag(
        name: .customLong("useinplacekvcache"),
        help: "Reserve the KV cache at the start, for --seqlength.")
    var inPlace = false

    @Flag(
        name: .customLong("nokvcache"),
        help: "No KV cache: recompute the whole text at every step.")
    var noCache = false

    @Flag(
        name: [.customLong("fill1", withSingleDash: true), .customLong("fill1")],
        help: "Read the prompt token by token, as --prefill-chunk 1.")
    var oneByOne = false

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Read the prompt in chunks of n tokens; 0 for one chunk. (default: 256)",
            valueName: "n"))
    var prefillChunk: Int?

    @Flag(name: .customLong("nomask"), help: "No causal mask: tokens attend to later ones too.")
    var noMask = false

    @Option(
        help: ArgumentHelp("Compute with this many threads. (default: all cores)", valueName: "n"))
    var threads: Int?

    func validate() throws {
        if inPlace && noCache {
            throw ValidationError("--useinplacekvcache and --nokvcache: choose one")
        }
        if let prefillChunk, prefillChunk < 0 {
            throw ValidationError("--prefill-chunk must be 0 or more, found \(prefillChunk)")
        }
        if prefillChunk != nil && oneByOne {
            throw ValidationError("--prefill-chunk and -fill1: choose one")
        }
        if noMask && prefillChunk ?? 0 > 0 {
            throw ValidationError(
                "--nomask lets tokens attend to the whole prompt: --prefill-chunk must be 0")
        }
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads must be between 1 and 1024, found \(threads)")
        }
    }

    func apply(to llama: Llama, seqLength: Int) {
        var chunkSize = prefillChunk ?? (noMask ? 0 : llama.model.chunkSize)
        if oneByOne { chunkSize = 1 }
        llama.setModes(
            cache: noCache ? .none : inPlace ? .inPlace : .concatenated,
            chunkSize: chunkSize == 0 ? .max : chunkSize, mask: noMask ? .none : .causal,
            capacity: seqLength)
    }
}

struct ReportOptions: ParsableArguments {
    @Flag(help: "Report the time of every stage.")
    var timer = false

    @Flag(name: .customLong("reportmem"), help: "Report memory: loaded, after prefill, at the end.")
    var memory = false

    @Option(
        name: .customLong("loglevel"),
        help: ArgumentHelp(
            "debug logs one value of every stage. (default: info)", valueName: "level"),
        transform: level)
    var logLevel = Logger.Level.info

    private static func level(_ name: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: name.lowercased()) else {
            let all = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--loglevel must be one of \(all); found \(name)")
        }
        return level
    }

    @Option(
        help: ArgumentHelp("Write every stage of every position as JSON Lines.", valueName: "file"))
    var trace: String?

    @Option(help: ArgumentHelp("Compare this run with a trace.", valueName: "file"))
    var compare: String?

    @Option(
        help: ArgumentHelp(
            "Write a page about this run for a browser: tensors beside the lesson's lines, "
                + "attention, candidates, times.", valueName: "file.html"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "Accept differences up to this fraction of a stage's largest value.", valueName: "n"))
    var tolerance = 1e-4

    func validate() throws {
        guard tolerance >= 0 && tolerance.isFinite else {
            throw ValidationError("--tolerance must be 0 or more, found \(tolerance)")
        }
    }

    /// No file that is written may have another role.
    func checkFiles(beside inputs: [(option: String, path: String?)]) throws {
        let written = [("--trace", trace), ("--report", report)]
        let files = (written + [("--compare", compare)] + inputs).map { option, path in
            (option, path.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath() })
        }
        for (i, (option, file)) in files.prefix(written.count).enumerated() where file != nil {
            for (other, path) in files[(i + 1)...] where path == file {
                throw ValidationError("\(option) and \(other): a file cannot be both")
            }
        }
    }

    func logger() -> Logger {
        var logger = Logger(
            label: "full-llama", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = logLevel
        return logger
    }

    func comparison() throws -> TraceComparison? {
        try compare.map { try TraceComparison(path: $0, tolerance: tolerance) }
    }

    func printMemory(_ moment: String, cacheBytes: Int? = nil) {
        guard memory else { return }
        let cache = cacheBytes.map { ", KV cache \(megabytes($0))" } ?? ""
        printNote("memory \(moment): \(MemoryUsage.current)\(cache)")
    }
}
