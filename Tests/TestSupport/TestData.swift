// TestData: finds real models and reference texts, which are not part of the project. Tests that
// write files use TemporaryFolder.

import Foundation

/// The folder named by the environment variable LLAMA_TEST_DATA, with `models/` and `reference/`.
public enum TestData {
    static let folder = ProcessInfo.processInfo.environment["LLAMA_TEST_DATA"]
        .flatMap { $0.isEmpty ? nil : URL(filePath: $0) }

    public static let isPresent = folder != nil

    /// The reason why a test is skipped.
    public static let needed =
        "needs the models in the folder named by LLAMA_TEST_DATA"

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

/// A folder that is removed when its last reference is released.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        let url = FileManager.default.temporaryDirectory
            .appending(path: "compact-llama-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// - Returns: the path of the written file.
    public func write(_ bytes: [UInt8], as name: String) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(filePath: file))
        return file
    }
}
