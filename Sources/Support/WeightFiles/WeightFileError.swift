// WeightFileError: the problems of weight files, in sentences for a user. The readers and writers
// of all formats throw it.

/// A problem with a weight file.
public struct WeightFileError: Error, Equatable, CustomStringConvertible {
    public let path: String
    public let problem: Problem

    public enum Problem: Error, Equatable, CustomStringConvertible {
        case unexpected(_ expected: String, found: String)
        case badValue(_ name: String, _ expected: String, found: String)
        case truncated(reading: String, at: Int, needed: Int, available: Int)
        case overflow(_ what: String)
        case missingTensor(String)
        case repeatedTensor(String)
        case unknownTensor(String)
        case missingKey(String)
        case repeatedKey(String)
        case inexpressible(_ format: String, _ name: String, _ value: Float, only: Float)
        case tooLarge(Int)
    }

    public var description: String { "\(path): \(problem)".printable }
}

typealias Problem = WeightFileError.Problem

/// Adds the file's path to a problem that `body` throws.
func withPath<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let problem as Problem {
        throw WeightFileError(path: path, problem: problem)
    }
}

/// - Throws: `WeightFileError.Problem` unless the condition holds.
func require(_ condition: Bool, _ expected: String, found: Any) throws {
    if !condition { throw Problem.unexpected(expected, found: "\(found)") }
}

/// - Throws: `WeightFileError.Problem` unless the condition holds for the value of this name.
func require(_ condition: Bool, _ expected: String, as name: String, found: Any) throws {
    if !condition { throw Problem.badValue(name, expected, found: "\(found)") }
}

extension Problem {
    public var description: String {
        switch self {
        case .unexpected(let expected, let found): "expected \(expected), found \(found)"
        case .badValue(let name, let expected, let found):
            "\(name): expected \(expected), found \(found)"
        case .truncated(let reading, let offset, let needed, let available):
            "truncated in \(reading): expected \(needed) bytes at offset \(offset), "
                + "found \(available)"
        case .overflow(let what):
            "the sizes of \(what) multiply to more than a file can hold"
        case .missingTensor(let name): "the tensor \(name) is missing"
        case .repeatedTensor(let name): "the tensor \(name) occurs twice"
        case .unknownTensor(let name): "unexpected tensor \(name)"
        case .missingKey(let key): "the key \(key) is missing"
        case .repeatedKey(let key): "the key \(key) occurs twice"
        case .inexpressible(let format, let name, let value, let only):
            "\(format) cannot store \(name) = \(value): its readers assume \(only)"
        case .tooLarge(let number): "the format cannot store \(number): its numbers have 32 bits"
        }
    }
}
