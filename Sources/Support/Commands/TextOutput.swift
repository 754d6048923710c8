// TextOutput: standard output for generated text, which arrives in pieces. compact-llama and
// full-llama hand its `write` to the model. `printNote` is for everything else.

import Synchronization

/// Writes text to standard output. If an error or Ctrl-C stops the text, its last line still ends.
public final class TextOutput {
    /// From now on, Ctrl-C ends the line and exits with code 130.
    public init() {
        isMidLine.store(false, ordering: .relaxed)
        signal(SIGINT) { _ in
            endLine()
            _exit(130)
        }
    }

    deinit { endLine() }

    /// Writes a piece of the text without delay.
    /// - Throws: `FileError` if nobody can receive it, for example because the disk is full.
    public func write(_ text: String) throws {
        guard let last = text.utf8.last else { return }
        let endsLine = last == UInt8(ascii: "\n")
        // Ctrl-C may come between the two stores and the write: one newline too many is harmless
        if !endsLine { isMidLine.store(true, ordering: .relaxed) }
        guard Support.write(text, to: STDOUT_FILENO) else {
            throw FileError.unwritable("standard output")
        }
        if endsLine { isMidLine.store(false, ordering: .relaxed) }
    }
}

/// Whether the text's last line has no newline yet. The signal handler reads it too.
private let isMidLine = Atomic<Bool>(false)

/// Async-signal-safe: it only reads an atomic and calls `write`.
private func endLine() {
    guard isMidLine.exchange(false, ordering: .relaxed) else { return }
    var newline = UInt8(ascii: "\n")
    _ = write(STDOUT_FILENO, &newline, 1)
}

/// Writes a line to standard error, where it does not mix with the text.
public func printNote(_ line: String) {
    write(line + "\n", to: STDERR_FILENO)
}
