// LessonFileTests: CompactLlama.swift keeps its size, order and imports.

import Foundation
import Testing

@Suite struct LessonFileTests {
    private let lines: [Substring]

    init() throws {
        let root = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "Sources/CompactLlama/CompactLlama.swift")
        var text = try String(contentsOf: file, encoding: .utf8)
        if text.hasSuffix("\n") { text.removeLast() }
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    @Test func `it has at most 250 lines of at most 100 columns`() {
        #expect(lines.count <= 250)
        for (i, line) in lines.enumerated() { #expect(line.count <= 100, "line \(i + 1)") }
    }

    @Test func `its types are in the order of the Python`() {
        let names = lines.compactMap { $0.firstMatch(of: /^(?:final )?(?:struct|class) (\w+)/)?.1 }
        #expect(
            names == [
                "Linear", "SiLU", "FeedForward", "RMSNorm", "RoPE", "Softmax", "Attention",
                "TransformerBlock", "Transformer", "Llama", "Command",
            ])
    }

    @Test func `it imports only Support and what the command needs`() {
        #expect(
            lines.filter { $0.hasPrefix("import ") } == ["import ArgumentParser", "import Support"])
        for word in ["Unsafe", "withUnsafe", "Thread", "FileHandle", "Dispatch"] {
            #expect(!lines.contains { $0.contains(word) }, "\(word)")
        }
    }
}
