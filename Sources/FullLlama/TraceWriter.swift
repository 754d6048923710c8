// TraceWriter: `--trace FILE`, a file of trace records, one JSON object per line.

import Foundation
import Support

/// Writes a trace to a file.
final class TraceWriter {
    private let path: String
    private let file: FileHandle
    private let encoder = JSONEncoder()
    private var failed = false
    private let isNew: Bool
    private var isEmpty = true

    /// Opens a file. Its contents remain until the first record is written.
    /// - Throws: `FileError` if the file cannot be opened for writing.
    init(path: String) throws {
        isNew = !FileManager.default.fileExists(atPath: path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError.unwritable(path) }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.path = path
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    }

    func write(_ record: TraceRecord) {
        guard !failed else { return }
        if isEmpty { ftruncate(file.fileDescriptor, 0) }  // has no effect on a pipe or a device
        isEmpty = false
        do {
            try file.write(contentsOf: encoder.encode(record) + Data("\n".utf8))
        } catch { failed = true }
    }

    /// - Throws: `FileError` if a write failed.
    func finish() throws {
        if failed { throw FileError.unwritable(path) }
        try file.close()
    }

    deinit { if isNew && isEmpty { unlink(path) } }
}
