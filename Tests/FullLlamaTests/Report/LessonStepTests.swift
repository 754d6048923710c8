// LessonStepTests: every step of the report belongs to the line that makes its tensor.

import Foundation
import Testing

@testable import FullLlama
@testable import Support

@Suite struct LessonStepTests {
    private let steps = LessonStep.first + LessonStep.layer + LessonStep.last

    private func source(_ path: String) throws -> [String] {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "Sources/\(path)"), encoding: .utf8)
            .components(separatedBy: "\n").dropLast()
    }

    @Test func `the program holds the lesson's text`() throws {
        #expect(try Array(ReportPage.lesson) == source("CompactLlama/CompactLlama.swift"))
    }

    @Test func `a step's text is on one line of the lesson only`() throws {
        let lesson = try source("CompactLlama/CompactLlama.swift")
        for step in steps {
            #expect(lesson.filter { $0.contains(step.line) }.count == 1, "\(step.line)")
        }
        #expect(Set(steps.map(\.name)).count == steps.count)
    }

    @Test func `the full model reports a stage on the step's line`() throws {
        let full = try source("FullLlama/FullLlama.swift")
        // a line that records its result is the lesson's line around it
        for name in ["silu", "gated", "rms", "shares", "q", "k", "scores", "mixed"] {
            let record = "Stage.record(\"\(name)\", "
            let line = try #require(full.first { $0.contains(record) }).replacing(record, with: "")
            let own = steps.filter {
                $0.name.hasSuffix(name) && $0.name.split(separator: ".").last! == name
                    && !$0.name.hasPrefix("rope")
            }
            #expect(!own.isEmpty && own.allSatisfy { line.contains($0.line) }, "\(name)")
        }
        // a line that ends a stage is the lesson's line with its result in stage.end
        for name in ["wq", "attention", "attention_norm"] {
            let step = try #require(steps.first { $0.name == name })
            let result = step.line.replacing("return ", with: "")
            #expect(full.contains { $0.contains("stage.end(\(result)") }, "\(name)")
        }
    }

    /// Collects the names of a layer's stages in the order in which they end.
    private final class Order: StageObserver {
        var names: [String] = []
        private var open: [String] = []

        func begin(_ path: StagePath, at positions: Range<Int>) { open.append(path.name) }

        func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
            open.removeLast()
            guard path.layer == "layers.1" else { return }
            let name = path.name == "rms" ? open.last! + ".rms" : path.name
            let same = ["attention.wo": "attention", "feed_forward.w2": "feed_forward"]
            names.append(same[name] ?? name)
        }
    }

    @Test func `the steps of a layer are in the order of execution`() throws {
        let order = Order()
        let llama = try TinyModel().llama()
        try StagedRun.observed(by: [order]) { _ = try llama.text("a", seqLength: 2) }
        let steps = LessonStep.layer.compactMap { step in
            step.stage ?? (["scores", "shares"].contains(step.name) ? step.name : nil)
        }
        // a stage that several lines make stands at the first of them
        var seen: Set<String> = []
        var found: Set<String> = []
        #expect(
            steps.filter { seen.insert($0).inserted }
                == order.names.filter { found.insert($0).inserted })
    }
}
