// Generate: `full-llama` without a subcommand. It generates a text as compact-llama does, with the
// chosen modes, sampler and observers, or scores a given one.

import ArgumentParser
import Foundation
import Logging
import Support

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Continues a text with a Llama 2 model, with experiments and reports.",
        usage: """
            full-llama [<options>]
            full-llama bench [<options>]
            """,
        discussion: ModelOptions.guide(command: "full-llama")
            + "\n`full-llama bench` measures speed: see `full-llama bench --help`.",
        helpNames: .shortAndLong)

    @OptionGroup(title: "Model") var options: ModelOptions
    @OptionGroup(title: "Text") var text: TextOptions
    @OptionGroup(title: "Perplexity") var perplexity: PerplexityOptions
    @OptionGroup(title: "Sampling") var sampling: SamplingOptions
    @OptionGroup(title: "Experiments") var experiments: ExperimentOptions
    @OptionGroup(title: "Reports") var reports: ReportOptions

    func validate() throws {
        if text.file != nil || text.chat, !options.prompt.isEmpty {
            throw ValidationError("-i with -f or --chat: choose one source of text")
        }
        if perplexity.file != nil, let option = optionsOfGeneration.first {
            throw ValidationError("--perplexity generates no text: leave out \(option)")
        }
        if perplexity.file != nil && experiments.noMask {
            throw ValidationError("--perplexity with --nomask: a token would see what it predicts")
        }
        if experiments.inPlace && options.seqLength > 1 << 20 {
            throw ValidationError("--useinplacekvcache: --seqlength may be at most \(1 << 20)")
        }
        if reports.trace != nil || reports.report != nil {
            let model = try? options.modelFiles()
            let weights = model.map { ModelOptions.files(of: $0.weights) } ?? []
            try reports.checkFiles(
                beside: weights.map { ("-w", $0) } + [("-t", model?.tokenizer), ("-f", text.file)])
        }
    }

    /// The options given that concern a text to be generated.
    private var optionsOfGeneration: [String] {
        let all = [
            ("-i", !options.prompt.isEmpty), ("-f", text.file != nil), ("--chat", text.chat),
            ("--temperature", sampling.temperature != 0), ("--top-p", sampling.topP != 0.9),
            ("--seed", sampling.seed != nil), ("--top-k", sampling.topK != 0),
            ("--trace", reports.trace != nil), ("--compare", reports.compare != nil),
            ("--report", reports.report != nil),
        ]
        return all.filter(\.1).map(\.0)
    }

    func run() throws {
        if let threads = experiments.threads { ThreadCount.current = threads }
        let logger = reports.logger()
        let files = try options.modelFiles()
        let llama = try Llama(weights: files.weights, tokenizer: files.tokenizer)
        let prompt =
            try perplexity.file.map { try TextFile.read($0) }
            ?? text.prompt(options, for: llama.tokenizer)
        let measurement = try perplexity.measurement(
            of: prompt, with: llama, from: files, window: options.givenSeqLength)
        reports.printMemory("loaded")

        for llama in measurement?.llamas ?? [llama] {
            experiments.apply(to: llama, seqLength: measurement?.windowSize ?? options.seqLength)
        }
        sampling.apply(to: llama)
        let timer = reports.timer ? StageTimer() : nil
        let comparison = try reports.comparison()
        let writer = try reports.trace.map(TraceWriter.init)
        let mask = experiments.noMask ? Mask.none : .causal
        let report = try reports.report.map {
            try Report(
                path: $0, llama: llama, weights: files.weights, seqLength: options.seqLength,
                mask: mask)
        }
        let isTerminal = isatty(STDERR_FILENO) == 1
        let (layerCount, read) = (llama.model.layers.count, measurement == nil ? "prompt" : "text")
        let progress = isTerminal ? PrefillProgress(layerCount: layerCount, what: read) : nil
        let observers: [(any StageObserver)?] = [
            timer, writer.map { TraceRecorder(record: $0.write) },
            comparison.map { TraceRecorder(record: $0.compare) },
            logger.logLevel <= .debug ? StageLog(logger) : nil, progress,
            report?.recorder, measurement,
        ]

        if measurement == nil || options.givenSeqLength != nil {
            options.warnIfLonger(than: llama.model.config.maxSeqLen)
        }
        // the reports follow even if generation fails
        let result = Result {
            try StagedRun.observed(by: observers.compactMap { $0 }) {
                if let measurement {
                    try measurement.run { progress?.begin(prompt: $0) }
                    return try TextOutput().write("\(measurement)\n")
                }
                try generate(prompt, with: llama) { tokens, startPos in
                    logger.debug("ids \(tokens)")
                    report?.recorder.begin(prompt: tokens, at: startPos)
                    progress?.begin(prompt: startPos..<startPos + tokens.count)
                }
            }
        }
        reports.printMemory("at the end", cacheBytes: llama.model.cacheBytes)
        if let timer { printNote("\(timer)") }
        try writer?.finish()
        try report?.write(cache: llama.mode.cache, mask: mask, comparison: comparison)
        try result.get()
        if let comparison, let path = reports.compare {
            printNote("\(comparison)")
            if !comparison.agrees { throw TraceError.differs(path) }
        }
    }

    /// Generates a text, or runs a chat. Calls `onPrompt` before the model reads a prompt.
    private func generate(
        _ prompt: String, with llama: Llama,
        onPrompt: @escaping (_ tokens: [Int], _ startPos: Int) -> Void
    ) throws {
        if text.chat {
            var chat = Chat(llama, system: text.system, seqLength: options.seqLength)
            chat.onPrompt = onPrompt
            return try chat.run()
        }
        onPrompt(try llama.tokenizer.encode(prompt), 0)
        let output = TextOutput()
        var isFirst = true
        let statistics = try llama.complete(prompt, seqLength: options.seqLength) { piece in
            if isFirst {
                reports.printMemory("after prefill", cacheBytes: llama.model.cacheBytes)
                isFirst = false
            }
            try output.write(piece)
        }
        printNote("\(statistics)")
    }
}
