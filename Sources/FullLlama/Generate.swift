// Generate: `full-llama` without a subcommand. It generates a text as compact-llama does, with the
// chosen modes, sampler and observers.

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
        let logger = reports.logger()
        let (weights, tokenizer) = try options.modelFiles()
        let llama = try Llama(weights: weights, tokenizer: tokenizer)
        let prompt = try text.prompt(options, for: llama.tokenizer)
        reports.printMemory("loaded")

        experiments.apply(to: llama, seqLength: options.seqLength)
        sampling.apply(to: llama)
        let timer = reports.timer ? StageTimer() : nil
        let comparison = try reports.comparison()
        let writer = try reports.trace.map(TraceWriter.init)
        let isTerminal = isatty(STDERR_FILENO) == 1
        let progress = isTerminal ? PrefillProgress(layerCount: llama.model.layers.count) : nil
        let observers: [(any StageObserver)?] = [
            timer, writer.map { TraceRecorder(record: $0.write) },
            comparison.map { TraceRecorder(record: $0.compare) },
            logger.logLevel <= .debug ? StageLog(logger) : nil, progress,
        ]

        // the reports follow even if generation fails
        let result = Result {
            try StagedRun.observed(by: observers.compactMap { $0 }) {
                try generate(prompt, with: llama) { tokens, startPos in
                    logger.debug("ids \(tokens)")
                    progress?.begin(prompt: startPos..<startPos + tokens.count)
                }
            }
        }
        reports.printMemory("at the end", cacheBytes: llama.model.cacheBytes)
        if let timer { printNote("\(timer)") }
        try writer?.finish()
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
        options.warnIfLonger(than: llama.model.config.maxSeqLen)
        if text.chat {
            var chat = Chat(llama, system: text.system, seqLength: options.seqLength)
            chat.onPrompt = onPrompt
            return try chat.run()
        }
        onPrompt(llama.tokenizer.encode(prompt), 0)
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
