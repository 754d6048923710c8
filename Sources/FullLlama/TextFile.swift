// TextFile: the text of a file or of standard input, for -f and --perplexity.

import Foundation
import Support

enum TextFile {
    /// SentencePiece needs 100 bytes of memory for a byte of text.
    static let largest = 16_000_000

    /// The text of a file; "-" is standard input.
    /// - Throws: `FileError` if the file cannot be read, `TextFileError` if it is too large or not
    ///   text.
    static func read(_ file: String) throws -> String {
        let bytes = try bytes(of: file)
        guard bytes.count <= largest else { throw TextFileError.tooLarge(file) }
        guard let text = String(data: bytes, encoding: .utf8) else {
            throw TextFileError.notText(file)
        }
        return text
    }

    private static func bytes(of file: String) throws -> Data {
        let count = largest + 1
        if file == "-" { return try FileHandle.standardInput.read(upToCount: count) ?? Data() }
        do { return try readFile(file, atMost: count) } catch FileError.empty { return Data() }
    }
}

/// What is wrong with a text's file.
enum TextFileError: Error, Equatable, CustomStringConvertible {
    case notText(String)
    case tooLarge(String)
    case noTokens(String)

    var description: String {
        switch self {
        case .notText(let path): "\(path): expected text in UTF-8, found other bytes"
        case .tooLarge(let path):
            "\(path): expected at most \(TextFile.largest / 1_000_000) MB of text, found more"
        case .noTokens(let path): "\(path): expected a text of at least one token, found none"
        }
    }
}
