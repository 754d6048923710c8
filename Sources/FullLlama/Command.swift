// Command: full-llama's options, under the Python original's names, and what they make of a run.

import ArgumentParser
import Foundation
import Logging
import Support

@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "full-llama",
        abstract: "Continues a text with a Llama 2 model, and lets you watch and experiment.",
        discussion: ModelOptions.guide(command: "full-llama"))

    @OptionGroup(title: "Model") var options: ModelOptions
    @OptionGroup(title: "Text") var text: TextOptions
    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup(title: "Experiments") var experiments: ExperimentOptions
    @OptionGroup(title: "Reports") var reports: ReportOptions

    func validate() throws {
        if text.file != nil || text.chat, !options.prompt.isEmpty {
            throw ValidationError("-i with -f or --chat: choose one source of text")
        }
        if experiments.inPlace && options.seqLength > 1 << 20 {
            throw ValidationError("--useinplacekvcache: --seqlength may be at most \(1 << 20)")
        }
        if let trace = reports.trace, let compare = reports.compare,
            URL(fileURLWithPath: trace).resolvingSymlinksInPath()
                == URL(fileURLWithPath: compare).resolvingSymlinksInPath()
        {
            throw ValidationError("--trace and --compare: a file cannot be both")
        }
    }

    func run() throws {
        if let threads = experiments.threads { ThreadCount.current = threads }
        let prompt = try text.prompt(options)
        let logger = reports.logger()
        let (weights, tokenizer) = try options.modelFiles()
        let llama = try Llama(weights: weights, tokenizer: tokenizer)
        reports.memory("loaded")

        experiments.apply(to: llama, seqLength: options.seqLength)
        sampling.apply(to: llama)
        let timer = reports.timer ? StageTimer() : nil
        let comparison = try reports.comparison()
        let writer = try reports.trace.map(TraceWriter.init)
        var observers: [any StageObserver] = []
        if let timer { observers.append(timer) }
        if let writer { observers.append(writer) }
        if let comparison { observers.append(comparison) }
        if logger.logLevel <= .debug { observers.append(StageLog(logger)) }
        if isatty(STDERR_FILENO) == 1 {
            observers.append(Progress(layerCount: llama.model.layers.count))
        }

        // a run that fails is reported on as well
        let run = Result {
            try Stages.observed(by: observers) { try self.tell(prompt, with: llama, logger) }
        }
        reports.memory("at the end", cacheBytes: llama.model.cacheBytes)
        if let timer { printNote("\(timer)") }
        try writer?.finish()
        try run.get()
        if let comparison, let path = reports.compare {
            printNote("\(comparison)")
            if !comparison.agrees { throw TraceError.differs(path) }
        }
    }

    private func tell(_ prompt: String, with llama: Llama, _ logger: Logger) throws {
        if text.chat {
            options.warnIfLonger(than: llama.model.config.maxSeqLen)
            var chat = Chat(llama, system: text.system, seqLength: options.seqLength)
            chat.willRead = { logger.debug("ids \($0)") }
            return try chat.run()
        }
        logger.debug("ids \(llama.tokenizer.encode(prompt))")
        var isFirst = true
        let statistics = try llama.complete(prompt, seqLength: options.seqLength) { piece in
            if isFirst { reports.memory("after prefill", cacheBytes: llama.model.cacheBytes) }
            isFirst = false
            try printNow(piece)
        }
        options.warnIfLonger(than: llama.model.config.maxSeqLen)
        printNote("\(statistics)")
    }
}

struct TextOptions: ParsableArguments {
    @Option(
        name: .customShort("f"), parsing: .unconditional,
        help: ArgumentHelp("Read the prompt from a file; - is standard input.", valueName: "file"))
    var file: String?

    @Flag(help: "Talk in turns, a line each, with Llama 2's chat template.")
    var chat = false

    @Option(help: "What a chat model is told first.")
    var system: String?

    func validate() throws {
        if chat && file != nil { throw ValidationError("--chat reads standard input, not -f") }
        if system != nil && !chat { throw ValidationError("--system needs --chat") }
    }

    func prompt(_ options: ModelOptions) throws -> String {
        guard let file else { return options.prompt }
        guard let text = String(data: try bytes(of: file), encoding: .utf8) else {
            throw PromptError.notText(file)
        }
        return text
    }

    private func bytes(of file: String) throws -> Data {
        if file == "-" { return try FileHandle.standardInput.readToEnd() ?? Data() }
        do { return try readFile(file) } catch FileError.empty { return Data() }
    }
}

/// What is wrong with a prompt's file.
enum PromptError: Error, Equatable, CustomStringConvertible {
    case notText(String)

    var description: String {
        switch self {
        case .notText(let path): "\(path): expected text in UTF-8, found other bytes"
        }
    }
}

struct SamplingOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "0: always the likeliest token; above, the higher the bolder.")
    var temperature: Float = 0

    @Option(
        parsing: .unconditional,
        help: "Draw among the likeliest tokens with this probability together; 1: all.")
    var topP: Float = 0.9

    @Option(help: "Makes a drawn text repeatable; the same as in llama2.c. (default: the clock's)")
    var seed: UInt64?

    @Option(help: ArgumentHelp("Show this many candidates of each step.", valueName: "n"))
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
                    "\(tokenizer.spelling(token).debugDescription) "
                        + String(format: "%.1f%%", 100 * probability)
                }.joined(separator: "  "))
        }
    }
}

struct ExperimentOptions: ParsableArguments {
    @Flag(
        name: .customLong("useinplacekvcache"),
        help: "Keep keys and values in memory for --seqlength tokens, taken at the start.")
    var inPlace = false

    @Flag(name: .customLong("nokvcache"), help: "Keep nothing: compute all of the text each step.")
    var noCache = false

    @Flag(
        name: [.customLong("fill1", withSingleDash: true), .customLong("fill1")],
        help: "Read the prompt one token at a time, not as one sequence.")
    var oneByOne = false

    @Flag(name: .customLong("nomask"), help: "Let tokens look at later ones, just for play.")
    var noMask = false

    @Option(
        help: ArgumentHelp("Compute with this many threads. (default: all cores)", valueName: "n"))
    var threads: Int?

    func validate() throws {
        if inPlace && noCache {
            throw ValidationError("--useinplacekvcache and --nokvcache: choose one")
        }
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads must be between 1 and 1024, found \(threads)")
        }
    }

    func apply(to llama: Llama, seqLength: Int) {
        llama.feeding.cache = noCache ? .none : inPlace ? .inPlace : .concatenated
        llama.feeding.prefill = oneByOne ? .oneByOne : .sequence
        llama.feeding.room = seqLength
        for layer in llama.model.layers { layer.attention.mask = noMask ? .none : .causal }
    }
}

struct ReportOptions: ParsableArguments {
    @Flag(help: "Report where the time went.")
    var timer = false

    @Flag(name: .customLong("reportmem"), help: "Report memory: loaded, after prefill, at the end.")
    var memory = false

    @Option(
        name: .customLong("loglevel"),
        help: ArgumentHelp(
            "debug: log a value of every stage. (default: info)", valueName: "level"),
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

    @Option(help: ArgumentHelp("Compare this run with such a trace.", valueName: "file"))
    var compare: String?

    @Option(help: "How far a stage may differ, relative to its largest value.")
    var tolerance = 1e-4

    func logger() -> Logger {
        var logger = Logger(
            label: "full-llama", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = logLevel
        return logger
    }

    func comparison() throws -> TraceComparison? {
        try compare.map { try TraceComparison(path: $0, tolerance: tolerance) }
    }

    func memory(_ moment: String, cacheBytes: Int? = nil) {
        guard memory else { return }
        let cache = cacheBytes.map { ", KV cache \(megabytes($0))" } ?? ""
        printNote("memory \(moment): \(MemoryUsage.current)\(cache)")
    }
}
