// TraceWriter: `--trace FILE`, a file of trace records, one JSON object per line.

import Foundation
import Support

/// Writes a trace to a file, which appears when the trace is complete.
final class TraceWriter {
    private let output: OutputFile
    private let encoder = JSONEncoder()
    private var failure: (any Error)?
    private var isEmpty = true

    /// - Throws: `FileError` if the file cannot be created.
    init(path: String) throws {
        output = try OutputFile(replacing: path)
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    }

    func write(_ record: TraceRecord) {
        guard failure == nil else { return }
        isEmpty = false
        do {
            try output.write(encoder.encode(record) + Data("\n".utf8))
        } catch { failure = error }
    }

    /// Gives the file its name. Without a record, an older file remains.
    /// - Throws: `FileError` if a write failed.
    func finish() throws {
        if let failure { throw failure }
        if !isEmpty { try output.keep() }
    }
}
