// TextFile: the text of a file or of standard input, for -f and --perplexity.

import Foundation
import Support

enum TextFile {
    /// SentencePiece needs 100 bytes of memory for a byte of text.
    static let largest = 16_000_000

    /// The text of a file; "-" is standard input.
    /// - Parameter check: called with the bytes, or the first of them, before all are read; it may
    ///   throw.
    /// - Throws: `FileError` if the file cannot be read, `TextFileError` if it is too large or not
    ///   text.
    static func read(_ file: String, check: (Data) throws -> Void = { _ in }) throws -> String {
        let bytes = try file == "-" ? standardInput(check) : bytes(of: file)
        try check(bytes)
        guard bytes.count <= largest else { throw TextFileError.tooLarge(file) }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw TextFileError.notText(file)
        }
        return text
    }

    private static func bytes(of file: String) throws -> Data {
        do { return try readFile(file, atMost: largest + 1) } catch FileError.empty {
            return Data()
        }
    }

    private static func standardInput(_ check: (Data) throws -> Void) throws -> Data {
        var (data, buffer) = (Data(), [UInt8](repeating: 0, count: 1 << 16))
        var next = buffer.count
        while data.count <= largest {
            let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError.unreadable("standard input", systemError) }
            if count == 0 { break }
            data += buffer[..<count]
            if data.count >= next {
                try check(data)
                next = 2 * data.count
            }
        }
        return data
    }
}

/// What is wrong with a text's file.
enum TextFileError: Error, Equatable, CustomStringConvertible {
    case notText(String)
    case tooLarge(String)
    case noTokens(String)

    var description: String {
        switch self {
        case .notText(let path): "\(path.printable): expected text in UTF-8, found other bytes"
        case .tooLarge(let path):
            "\(path.printable): expected at most \(TextFile.largest / 1_000_000) MB of text, found more"
        case .noTokens(let path):
            "\(path.printable): expected a text of at least one token, found none"
        }
    }
}
