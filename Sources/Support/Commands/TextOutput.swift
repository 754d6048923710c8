// TextOutput: writes generated text to standard output, for compact-llama and full-llama.
// `printNote` writes everything else to standard error.

import CSignals

/// Writes text to standard output. If an error or a signal stops the text, it ends the last line.
public final class TextOutput {
    /// Has signals such as Ctrl-C end the last line.
    public init() {
        set_mid_line(false)
        handleSignals()
    }

    deinit { end_line() }

    /// Writes a part of the text, unbuffered.
    /// - Throws: `FileError` if the write fails, for example because the disk is full.
    public func write(_ text: String) throws {
        guard let last = text.utf8.last else { return }
        let endsLine = last == UInt8(ascii: "\n")
        // a signal between the stores and the write adds at most one newline, which is harmless
        if !endsLine { set_mid_line(true) }
        try writeOutput(text)
        if endsLine { set_mid_line(false) }
    }
}

/// From now on, signals such as Ctrl-C end the last line, remove unfinished files, and exit with 128 +
/// the signal's number.
package func handleSignals() { handle_signals() }

/// Writes a text to standard output.
/// - Throws: `FileError` if the write fails.
package func writeOutput(_ text: String) throws {
    guard write(text, to: STDOUT_FILENO) else {
        throw FileError.unwritable("standard output", systemError)
    }
}

/// Writes a line to standard error.
public func printNote(_ line: String) {
    write(line + "\n", to: STDERR_FILENO)
}
