// TextOutput: writes generated text to standard output, for compact-llama and full-llama, and ends
// the line and the program on Ctrl-C. `printNote` writes everything else to standard error.

import Synchronization

/// Writes text to standard output. If an error or Ctrl-C stops the text, it ends the last line.
public final class TextOutput {
    /// Installs a handler for Ctrl-C that ends the last line and exits with code 130.
    public init() {
        isMidLine.store(false, ordering: .relaxed)
        signal(SIGINT) { _ in
            endLine()
            _exit(130)
        }
    }

    deinit { endLine() }

    /// Writes a part of the text, unbuffered.
    /// - Throws: `FileError` if the write fails, for example because the disk is full.
    public func write(_ text: String) throws {
        guard let last = text.utf8.last else { return }
        let endsLine = last == UInt8(ascii: "\n")
        // Ctrl-C between the stores and the write adds at most one newline, which is harmless
        if !endsLine { isMidLine.store(true, ordering: .relaxed) }
        guard Support.write(text, to: STDOUT_FILENO) else {
            throw FileError.unwritable("standard output")
        }
        if endsLine { isMidLine.store(false, ordering: .relaxed) }
    }
}

/// Whether the last line of the text still lacks its newline. The signal handler reads it too.
private let isMidLine = Atomic<Bool>(false)

/// Ends the last line. Async-signal-safe: it only uses an atomic and calls `write`.
private func endLine() {
    guard isMidLine.exchange(false, ordering: .relaxed) else { return }
    var newline = UInt8(ascii: "\n")
    _ = write(STDOUT_FILENO, &newline, 1)
}

/// Writes a line to standard error.
public func printNote(_ line: String) {
    write(line + "\n", to: STDERR_FILENO)
}
