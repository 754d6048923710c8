// The full variant stays the compact file's sibling.

import Foundation
import Testing

@Suite struct SiblingTests {
    /// The lines that say something, from the first layer to the end of `Llama`.
    private func lines(_ path: String) throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appending(path: "Sources/\(path)"), encoding: .utf8)
        return text.components(separatedBy: "\n").drop { !$0.hasPrefix("struct Linear") }
            .prefix { !$0.hasPrefix("@main") }
            .filter { !$0.trimmingCharacters(in: .whitespaces).isEmpty }
    }

    @Test func `at least 85 % of the compact file stand in it unchanged, in the same order`() throws
    {
        let compact = try lines("CompactLlama/CompactLlama.swift")
        let full = try lines("FullLlama/FullLlama.swift")
        let removed = full.difference(from: compact).removals.count
        let share = Double(compact.count - removed) / Double(compact.count)
        #expect(compact.count > 150)
        #expect(share >= 0.85, "\(share)")
    }
}
