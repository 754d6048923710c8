// ReportTests: the numbers on a page are the run's.

import Foundation
import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct ReportTests {
    /// Every value of a run's stages, as the model reports them.
    private final class Values: StageObserver {
        var tensors: [String: [(positions: Range<Int>, value: Tensor)]] = [:]

        func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
            tensors["\(path)", default: []].append((positions, value))
        }
    }

    @Test func `ranges and values are those of the trace`() throws {
        let llama = try TinyModel().llama()
        var records: [TraceRecord] = []
        let recorder = TraceRecorder { records.append($0) }
        let page = try ReportFixture(llama, prompt: "a b", seqLength: 9, observers: [recorder])
        #expect(records.count == 9 * 15)
        for record in records {
            let parts = record.stage.split(separator: ".")
            let layer = parts.count == 3 ? Int(parts[1])! : 0
            let found = try page.values(
                String(parts.last!), layer: layer, position: record.position)
            let expected = [record.values.min()!, record.values.max()!]
            #expect(deviation([found.low, found.high], expected) <= .rounding, "\(record.stage)")
            let step = (expected[1] - expected[0]) / 255
            for (index, value) in found.values {
                #expect(abs(value - record.values[index]) <= 0.51 * step, "\(record.stage)")
            }
        }
    }

    private struct Reference: Decodable {
        let prompt: String, position: Int, stages: [String: [Double]]
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `ranges agree with another program's in double precision`() throws {
        let reference: Reference = try TestData.reference("stories260K-trace.json")
        let llama = try Llama(
            weights: TestData.model("stories260K.lmw"), tokenizer: TestData.model("tok512.model"))
        let page = try ReportFixture(llama, prompt: reference.prompt, seqLength: 9)
        #expect(reference.stages.count > 30)
        for (stage, values) in reference.stages {
            let parts = stage.split(separator: ".")
            let layer = parts.count == 3 ? Int(parts[1])! : 0
            let found = try page.values(
                String(parts.last!), layer: layer, position: reference.position)
            let largest = values.reduce(0) { max($0, abs($1)) }
            for (x, y) in [(found.low, values.min()!), (found.high, values.max()!)] {
                #expect(abs(Double(x) - y) <= 1e-4 * largest, "\(stage)")
            }
        }
    }

    @Test func `shares and scores are the softmax of queries times keys`() throws {
        let llama = try TinyModel().llama()
        let values = Values()
        let page = try ReportFixture(llama, prompt: "a b", seqLength: 9, observers: [values])
        let headSize = 4
        for layer in 0..<2 {
            /// The vectors of a head, position by position.
            func vectors(_ stage: String, head: Int) -> [[Double]] {
                values.tensors["layers.\(layer).\(stage)"]!.flatMap { _, value in
                    (0..<value.shape[1]).map { value[head][$0].values.map(Double.init) }
                }
            }
            let rows = try page.attention(layer: layer)
            #expect(rows.count == 9 * 2)
            for position in 0..<9 {
                for head in 0..<2 {
                    let query = vectors("q", head: head)[position]
                    let scores = vectors("k", head: 0)[...position].map { key in
                        zip(query, key).reduce(0) { $0 + $1.0 * $1.1 }
                            / Double(headSize).squareRoot()
                    }
                    let sum = scores.reduce(0) { $0 + Foundation.exp($1) }
                    let row = rows[2 * position + head]
                    #expect(row.shares.count == position + 1)
                    for (key, score) in scores.enumerated() {
                        #expect(abs(Double(row.scores[key]!) - score) < 2e-4)
                        let share = Foundation.exp(score) / sum
                        #expect(abs(Double(row.shares[key]!) / share - 1) < 2e-4)
                    }
                }
            }
        }
    }

    @Test func `candidates, entropy and the next token's probability follow from the logits`()
        throws
    {
        let llama = try TinyModel().llama()
        var logits: [[Float]] = []
        let recorder = TraceRecorder { if $0.stage == "logits" { logits.append($0.values) } }
        let page = try ReportFixture(llama, prompt: "a b", seqLength: 9, observers: [recorder])
        let tokens = try #require(page.json["tokens"] as? [Int])
        #expect(tokens.count == 10)
        #expect(page.json["generated"] as? [Bool] == tokens.indices.map { $0 > 3 })
        for position in 0..<9 {
            let powers = logits[position].map { Foundation.exp(Double($0)) }
            let p = powers.map { $0 / powers.reduce(0, +) }
            let order = p.indices.sorted { (p[$1], $0) < (p[$0], $1) }
            let at = try page.offset(page.json["candidates"]) + 92 * position
            let entropy = p.reduce(0) { $0 - $1 * log2($1) }
            let found =
                [page.float(at), page.float(at + 4)] + (0..<10).map { page.float(at + 16 + 8 * $0) }
            let expected = [p[tokens[position + 1]], entropy] + order.prefix(10).map { p[$0] }
            #expect(deviation(found, expected) <= .sums)
            #expect(
                (0..<10).map { page.integer(at + 12 + 8 * $0, bytes: 4) } == Array(order.prefix(10))
            )
            // the lens after the last layer says the same
            let lens = try #require(page.json["lens"] as? [Any])
            #expect(try page.integer(page.offset(lens[3]) + 8 * position, bytes: 4) == order[0])
        }
    }

    @Test(arguments: [CacheMode.concatenated, .inPlace, .none])
    func `every cache and chunk size gives the same page`(cache: CacheMode) throws {
        let expected = try ReportFixture(TinyModel().llama(), prompt: "a b", seqLength: 9)
        for chunkSize in [1, 2, 256] {
            let llama = try TinyModel().llama()
            llama.setModes(cache: cache, chunkSize: chunkSize, capacity: 9)
            let page = try ReportFixture(llama, prompt: "a b", seqLength: 9)
            #expect(page.json["tokens"] as? [Int] == expected.json["tokens"] as? [Int])
            for position in 0..<9 {
                let found = try page.values("mixed", layer: 1, position: position)
                let other = try expected.values("mixed", layer: 1, position: position)
                #expect(deviation([found.low, found.high], [other.low, other.high]) <= .sums)
            }
            #expect(try page.attention(layer: 1).count == 18)
        }
    }

    // MARK: Comparison

    @Test func `a comparison names the other run's tokens and the differences`() throws {
        let model = try TinyModel()
        let path = model.path("trace.jsonl")
        let writer = try TraceWriter(path: path)
        try StagedRun.observed(by: [TraceRecorder(record: writer.write)]) {
            _ = try model.llama().text("a b", seqLength: 5)
        }
        try writer.finish()
        let comparison = try TraceComparison(path: path, tolerance: 1e-4)
        let page = try ReportFixture(
            model.llama(), prompt: "a a", seqLength: 5,
            observers: [TraceRecorder(record: comparison.compare)], comparison: comparison)
        let found = try #require(page.json["comparison"] as? [String: Any])
        let tokens = try #require(found["tokens"] as? [Int?])
        #expect(
            Array(tokens.prefix(4)) == Array(try model.llama().tokenizer.encode("a b").prefix(4)))
        let stages = try #require(found["stages"] as? [String])
        #expect(stages.count == 15)
        let values = try page.offset(found["values"])
        /// The differences of the stages at a position.
        func differences(_ position: Int) -> [Float] {
            stages.indices.map { page.float(values + 4 * (5 * $0 + position)) }
        }
        #expect(differences(0).allSatisfy { $0 <= 1e-6 })
        // the prompts part at position 2
        #expect(differences(2).allSatisfy { $0 > 0.01 })
    }
}
