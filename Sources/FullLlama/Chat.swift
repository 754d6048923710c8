// Chat: `--chat`, a conversation with the template of Llama 2's chat models.

import Foundation
import Support

/// The text around a user's message. BOS and EOS, which separate the turns, are tokens.
struct ChatTemplate {
    var system: String?

    func text(_ message: String, isFirst: Bool) -> String {
        let message = message.trimmingCharacters(in: .whitespacesAndNewlines)
        guard isFirst, let system else { return "[INST] \(message) [/INST]" }
        return "[INST] <<SYS>>\n\(system)\n<</SYS>>\n\n\(message) [/INST]"
    }
}

/// One conversation. The KV cache holds all of its turns.
struct Chat {
    let llama: Llama
    let template: ChatTemplate
    /// The number of positions for all turns together.
    let seqLength: Int
    /// Called with the tokens of every turn before the model reads them.
    var onPrompt: (_ tokens: [Int], _ startPos: Int) -> Void = { _, _ in }
    private var position = 0
    /// The last tokens of the conversation, not yet read by the model.
    private var pending: [Int] = []

    init(_ llama: Llama, system: String?, seqLength: Int) {
        (self.llama, self.seqLength) = (llama, seqLength)
        template = ChatTemplate(system: system)
    }

    /// The tokens of the next turn, up to the answer.
    func tokens(for message: String) throws -> [Int] {
        let text = template.text(message, isFirst: position == 0)
        return pending + (try llama.tokenizer.encode(text))
    }

    /// Answers a message until the model ends its turn, `isInterrupted` is true or the context is
    /// full.
    /// - Throws: `ChatError.contextIsFull` if the turn does not fit.
    mutating func answer(
        _ message: String, isInterrupted: () -> Bool = { false }, emit: (String) throws -> Void
    ) throws {
        let (bos, eos) = (llama.tokenizer.bos, llama.tokenizer.eos)
        // a message that certainly does not fit is not encoded: 100 MB would take minutes
        var unread = message
        let fewest = unread.withUTF8 {
            llama.tokenizer.fewestTokens(UnsafeRawBufferPointer($0), limit: seqLength)
        }
        guard fewest < seqLength else { throw ChatError.contextIsFull(seqLength) }
        var tokens = try tokens(for: message)
        guard position + tokens.count < seqLength else { throw ChatError.contextIsFull(seqLength) }
        onPrompt(tokens, position)
        var text = StreamingDecoder(llama.tokenizer)
        while true {
            let next = try llama.generate(tokens, startPos: position)
            position += tokens.count
            pending = [eos]
            if next == eos || next == bos { break }
            try emit(text.decode([next]))
            pending = [next, eos]
            if isInterrupted() { break }
            guard position + 1 < seqLength else {
                try emit(text.finish() + "\n")
                throw ChatError.contextIsFull(seqLength)
            }
            tokens = [next]
        }
        try emit(text.finish() + "\n")
    }

    /// Runs a conversation: one message per line of standard input.
    mutating func run() throws {
        let isTerminal = isatty(STDIN_FILENO) == 1
        guard read(STDIN_FILENO, nil, 0) == 0 else {
            throw FileError.unreadable("standard input", systemError)
        }
        let output = TextOutput()
        let interrupt = Interrupt()  // from now on, Ctrl-C stops an answer only
        while true {
            if isTerminal { write("> ", to: STDOUT_FILENO) }
            guard let message = readLine() else { break }
            if message.allSatisfy(\.isWhitespace) { continue }
            interrupt.reset()
            try answer(message, isInterrupted: { interrupt.isRequested }, emit: output.write)
        }
        if isTerminal { write("\n", to: STDOUT_FILENO) }
    }
}

/// Why a conversation ends with an error.
enum ChatError: Error, Equatable, CustomStringConvertible {
    case contextIsFull(Int)

    var description: String {
        switch self {
        case .contextIsFull(let seqLength):
            "the context is full: --seqlength allows \(seqLength) positions for all turns together"
        }
    }
}
