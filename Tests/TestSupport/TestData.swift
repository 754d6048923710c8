// TestData: finds real models and reference texts, which are not part of the project. Tests that
// write files use TemporaryFolder.

import Foundation

/// The folder that the environment variable LLAMA_TEST_DATA names, with `models/` and `reference/`.
public enum TestData {
    static let folder = ProcessInfo.processInfo.environment["LLAMA_TEST_DATA"]
        .flatMap { $0.isEmpty ? nil : URL(filePath: $0) }

    public static let isPresent = folder != nil

    /// Why a test is skipped, for the report.
    public static let needed =
        "needs the models that the environment variable LLAMA_TEST_DATA names"

    /// - Precondition: `isPresent`
    public static func path(_ name: String) -> String { folder!.appending(path: name).path }

    public static func model(_ name: String) -> String { path("models/\(name)") }

    public static func reference<Value: Decodable>(
        _ name: String, as type: Value.Type = Value.self
    ) throws -> Value {
        let data = try Data(contentsOf: URL(filePath: path("reference/\(name)")))
        return try JSONDecoder().decode(type, from: data)
    }

    /// Every text of reference/stories260K-greedy.json.
    public static func greedyTexts() throws -> [GreedyText] {
        isPresent ? try reference("stories260K-greedy.json") : []
    }
}

/// A prompt and its greedy continuation, computed in double precision by another program.
public struct GreedyText: Decodable, Sendable {
    public let prompt: String
    public let promptTokens: [Int], tokens: [Int]
    public let text: String
    public let seqLength: Int

    enum CodingKeys: String, CodingKey {
        case prompt, tokens, text
        case promptTokens = "prompt_tokens"
        case seqLength = "seqlength"
    }
}

/// A folder that is removed with its last reference.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "compact-llama-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// - Returns: the path of the file written.
    public func write(_ bytes: [UInt8], as name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }
}
