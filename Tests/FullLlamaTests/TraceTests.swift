// TraceTests: the records of a trace, and the differences that TraceComparison reports.

import Foundation
import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct TraceTests {
    private let model: TinyModel
    private let path: String

    init() throws {
        model = try TinyModel()
        path = model.path("trace.jsonl")
        let writer = try TraceWriter(path: path)
        try run(record: writer.write)
        try writer.finish()
    }

    private func run(record: @escaping (TraceRecord) -> Void) throws {
        let llama = try model.llama()
        let recorder = TraceRecorder(record: record)
        try StagedRun.observed(by: [recorder]) { _ = try llama.text("a", seqLength: 6) }
    }

    private func records() throws -> [TraceRecord] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(TraceRecord.self, from: Data($0.utf8))
        }
    }

    @Test func `a trace has every stage of every position, in the order of the model`() throws {
        let first = try records().filter { $0.position == 0 }.map(\.stage)
        let layers = (0..<2).flatMap { layer in
            [
                "attention_norm", "attention", "residual_attention", "ffn_norm", "feed_forward",
                "residual_feed_forward",
            ].map { "layers.\(layer).\($0)" }
        }
        #expect(Set(first) == Set(["embedding"] + layers + ["norm", "logits"]))
        #expect(first.filter { $0.hasPrefix("layers") } == layers)
        for position in 0..<6 {
            #expect(try records().filter { $0.position == position }.count == 15)
        }
        #expect(try records().allSatisfy { $0.shape == [$0.stage == "logits" ? 263 : 8] })
    }

    @Test func `a residual is the sum of its parts`() throws {
        let stages = Dictionary(
            uniqueKeysWithValues: try records().filter { $0.position == 3 }.map {
                ($0.stage, $0.values)
            })
        func sum(_ a: String, _ b: String) -> [Float] {
            zip(stages[a]!, stages[b]!).map { $0 + $1 }
        }
        let first = sum("embedding", "layers.0.attention")
        #expect(deviation(stages["layers.0.residual_attention"]!, first) <= .rounding)
        let last = sum("layers.1.residual_attention", "layers.1.feed_forward")
        #expect(deviation(stages["layers.1.residual_feed_forward"]!, last) <= .rounding)
    }

    @Test func `a run agrees with its own trace`() throws {
        let comparison = try TraceComparison(path: path, tolerance: 0)
        try run(record: comparison.compare)
        #expect(comparison.agrees)
        #expect("\(comparison)".contains("90 of 90 records compared"))
    }

    @Test func `the first stage outside the tolerance is named`() throws {
        var changed = try records()
        let index = changed.firstIndex { $0.stage == "layers.1.ffn_norm" && $0.position == 2 }!
        let old = changed[index]
        changed[index] = TraceRecord(
            position: 2, stage: old.stage, shape: old.shape, values: old.values.map { $0 + 0.1 })
        let comparison = try TraceComparison(path: write(changed), tolerance: 1e-4)
        try run(record: comparison.compare)
        #expect(!comparison.agrees)
        #expect(comparison.firstOutside == "layers.1.ffn_norm at position 2")
        #expect(
            "\(comparison)".contains("first outside tolerance: layers.1.ffn_norm at position 2"))
    }

    @Test func `NaN and other counts are outside the tolerance`() throws {
        for values in [[Float.nan], []] {
            var changed = try records()
            let old = changed[0]
            changed[0] = TraceRecord(
                position: old.position, stage: old.stage, shape: old.shape,
                values: values + old.values.dropFirst())
            let comparison = try TraceComparison(path: write(changed), tolerance: 1e9)
            try run(record: comparison.compare)
            #expect(!comparison.agrees)
        }
    }

    @Test func `records missing from the run are reported`() throws {
        let extra = TraceRecord(position: 99, stage: "norm", shape: [1], values: [1])
        let comparison = try TraceComparison(path: write(records() + [extra]), tolerance: 1)
        try run(record: comparison.compare)
        #expect(!comparison.agrees)
        #expect("\(comparison)".contains("missing from this run: norm at position 99"))
    }

    @Test func `a stage's name cannot control the terminal`() throws {
        let extra = TraceRecord(position: 0, stage: "\u{1B}[2J\u{202E}", shape: [1], values: [1])
        let comparison = try TraceComparison(path: write(records() + [extra]), tolerance: 1)
        try run(record: comparison.compare)
        #expect("\(comparison)".contains("run: \\u{1B}[2J\\u{202E} at position 0"))
    }

    private func write(_ records: [TraceRecord]) throws -> String {
        let encoder = JSONEncoder()
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let lines = try records.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        return try model.write(lines.joined(separator: "\n"), as: "changed.jsonl")
    }

    @Test func `values outside the range of Float are accepted`() throws {
        let record = #"{"position":0,"stage":"norm","shape":[1],"values":[1e-50]}"#
        let path = try model.write(record + "\n\n{}", as: "exact")
        #expect(throws: TraceError.notARecord(path, line: 3)) {
            try TraceComparison(path: path, tolerance: 1)
        }
        _ = try TraceComparison(path: model.write(record, as: "exact"), tolerance: 1)
    }

    @Test func `a file that is not a trace is refused`() throws {
        let other = try model.write("{\"position\": 1}", as: "other")
        #expect(throws: TraceError.notARecord(other, line: 1)) {
            try TraceComparison(path: other, tolerance: 1)
        }
        let none = try model.write("\n\n", as: "none")
        #expect(throws: TraceError.empty(none)) { try TraceComparison(path: none, tolerance: 1) }
        #expect(throws: FileError.unwritable("/nowhere/t", "No such file or directory")) {
            try TraceWriter(path: "/nowhere/t")
        }
    }
}
