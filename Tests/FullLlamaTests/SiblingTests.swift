// SiblingTests: FullLlama.swift keeps the lines and the order of CompactLlama.swift.

import Foundation
import Testing

@Suite struct SiblingTests {
    /// The non-empty lines from the first layer to the end of `Llama`.
    private func lines(_ path: String) throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "Sources/\(path)"), encoding: .utf8)
        return text.components(separatedBy: "\n").drop { !$0.hasPrefix("struct Linear") }
            .prefix { !$0.hasPrefix("@main") }
            .filter { !$0.trimmingCharacters(in: .whitespaces).isEmpty }
    }

    @Test func `it has at least 85 % of the compact file's lines, in order`() throws {
        let compact = try lines("CompactLlama/CompactLlama.swift")
        let full = try lines("FullLlama/FullLlama.swift")
        let removed = full.difference(from: compact).removals.count
        let share = Double(compact.count - removed) / Double(compact.count)
        #expect(compact.count > 150)
        #expect(share >= 0.85, "\(share)")
    }
}
