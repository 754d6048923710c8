// WeightFileError: what can be wrong with a weight file, in sentences for a user. The readers and
// writers of all formats throw it.

/// What is wrong with a weight file.
public struct WeightFileError: Error, Equatable, CustomStringConvertible {
    public let path: String
    public let problem: Problem

    public enum Problem: Error, Equatable, CustomStringConvertible {
        case unknownFormat(_ found: String)
        case unsupportedVersion(Int)
        case otherLayout(normEps: Float)
        case noWeights
        case badValue(_ name: String, _ found: String, expected: String)
        case truncated(reading: String, at: Int, needed: Int, available: Int)
        case wrongFileSize(expected: Int, found: Int)
        case overflow(_ what: String)
        case badName(_ found: String, at: Int)
        case missingTensor(String)
        case repeatedTensor(String)
        case unknownTensor(String)
        case wrongShape(_ tensor: String, expected: [Int], found: [Int])
        case inexpressible(_ format: String, _ name: String, _ value: Float, only: Float)
        case tooLarge(Int)
    }

    public var description: String { "\(path): \(problem)" }
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

/// - Throws: `WeightFileError.Problem.badValue` unless the condition holds.
func require(_ condition: Bool, _ expected: String, as name: String, found: Any) throws {
    if !condition {
        throw Problem.badValue(name, "\(found)", expected: expected)
    }
}

extension Problem {
    public var description: String {
        switch self {
        case .unknownFormat(let found):
            "expected .lmw (magic number 0x696D756C), .safetensors or llama2.c's legacy .bin, "
                + "found \(found)"
        case .unsupportedVersion(let version):
            "expected version 1 of .lmw, found version \(version)"
        case .otherLayout(let normEps):
            "expected version 1's first layout of .lmw, found norm_eps = \(normEps): either damage "
                + "or a later layout, which also says version 1; convert the model again"
        case .truncated(let reading, let offset, let needed, let available):
            "cut off in \(reading): expected \(needed) bytes at offset \(offset), "
                + "found \(available)"
        case .noWeights:
            "expected a file, or model.safetensors or its index in this folder, found neither"
        case .badValue(let name, let found, let expected):
            "expected \(expected) as \(name), found \(found)"
        case .wrongFileSize(let expected, let found):
            "expected \(expected) bytes for the sizes in its header, found \(found)"
        case .overflow(let what):
            "the sizes of \(what) multiply to more than any file holds"
        case .badName(let found, let offset):
            "expected a tensor's name at offset \(offset), found \(found)"
        case .missingTensor(let name): "the tensor \(name) is missing"
        case .repeatedTensor(let name): "the tensor \(name) is there twice"
        case .unknownTensor(let name): "no Llama 2 has a tensor \(name)"
        case .wrongShape(let name, let expected, let found):
            "expected shape \(expected) for the tensor \(name), found \(found)"
        case .inexpressible(let format, let name, let value, let only):
            "\(format) has no place for \(name) = \(value): its readers take \(only)"
        case .tooLarge(let number): "the format has no place for the number \(number)"
        }
    }
}
