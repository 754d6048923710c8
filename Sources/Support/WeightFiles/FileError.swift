// FileError: why a file cannot be read or written, and names of files as text for a terminal.

/// Why a file cannot be read or written.
public enum FileError: Error, Equatable, CustomStringConvertible {
    case unreadable(_ path: String, _ reason: String)
    case notAFile(_ path: String, _ what: String)
    case empty(_ path: String)
    case unwritable(_ path: String, _ reason: String? = nil)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path.printable): cannot be read: \(reason)"
        case .notAFile(let path, let what): "\(path.printable): expected a file, found \(what)"
        case .empty(let path): "\(path.printable): the file is empty"
        case .unwritable(let path, let reason):
            "\(path.printable): cannot be written" + (reason.map { ": \($0)" } ?? "")
        }
    }
}

/// Why the last system call failed.
package var systemError: String { String(cString: strerror(errno)) }

extension String {
    /// The text with its control characters and marks of direction as "\u{202E}". A name in a
    /// message can neither control a terminal nor change the order of other characters.
    public var printable: String {
        unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
