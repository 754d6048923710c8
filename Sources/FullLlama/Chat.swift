// Chat: turns of a conversation, in the form in which Llama 2's chat models were trained.

import Foundation
import Support

/// The words around what a user says; BOS and EOS, which part the turns, are tokens.
struct ChatTemplate {
    var system: String?

    func text(_ message: String, isFirst: Bool) -> String {
        let message = message.trimmingCharacters(in: .whitespacesAndNewlines)
        guard isFirst, let system else { return "[INST] \(message) [/INST]" }
        return "[INST] <<SYS>>\n\(system)\n<</SYS>>\n\n\(message) [/INST]"
    }
}

/// One conversation: the KV cache remembers all of it from turn to turn.
struct Chat {
    let llama: Llama
    let template: ChatTemplate
    /// How many positions all turns together may fill.
    let seqLength: Int
    /// Told the tokens of every turn.
    var willRead: ([Int]) -> Void = { _ in }
    private var position = 0
    /// What was said last and has not gone through the model yet.
    private var pending: [Int] = []

    init(_ llama: Llama, system: String?, seqLength: Int) {
        (self.llama, self.seqLength) = (llama, seqLength)
        template = ChatTemplate(system: system)
    }

    /// The tokens that the next turn puts before the answer.
    func tokens(for message: String) -> [Int] {
        let text = template.text(message, isFirst: position == 0)
        return pending + llama.tokenizer.encode(text)
    }

    /// Answers a message, piece by piece, until the model ends its turn, `isInterrupted` says so or
    /// the context is full.
    /// - Throws: `ChatError.contextIsFull` if the answer found no room for its end.
    mutating func answer(
        _ message: String, isInterrupted: () -> Bool = { false }, emit: (String) throws -> Void
    ) throws {
        let (bos, eos) = (llama.tokenizer.bos, llama.tokenizer.eos)
        var tokens = tokens(for: message)
        guard position + tokens.count < seqLength else { throw ChatError.contextIsFull(seqLength) }
        willRead(tokens)
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

    /// Talks with who writes to standard input, a message a line, until its end.
    mutating func run() throws {
        let isTerminal = isatty(STDIN_FILENO) == 1
        let interrupt = Interrupt()
        while true {
            if isTerminal { try printNow("> ") }
            guard let message = readLine() else { break }
            if message.allSatisfy(\.isWhitespace) { continue }
            interrupt.reset()
            try answer(message, isInterrupted: { interrupt.isRequested }, emit: printNow)
        }
        if isTerminal { try printNow("\n") }
    }
}

/// Why a conversation cannot go on.
enum ChatError: Error, Equatable, CustomStringConvertible {
    case contextIsFull(Int)

    var description: String {
        switch self {
        case .contextIsFull(let seqLength):
            "the context is full: all turns together have \(seqLength) positions (--seqlength)"
        }
    }
}
