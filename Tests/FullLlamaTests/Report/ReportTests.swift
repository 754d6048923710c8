// ReportTests: the numbers on a page are the run's, its size is bounded, and no text of the run can
// become a part of the page.

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

    // MARK: Size

    @Test func `a run of stories15M's shape with 256 tokens takes less than 4 MB`() throws {
        let config = try #require(ModelShape.config("15M"))
        let model = Transformer(Weights(random: config, element: .float32, seed: 1))
        let recorder = ReportRecorder(model, Sampler(), seqLength: 256)
        recorder.begin(prompt: Array(1...256), at: 0)
        StagedRun.observed(by: [recorder]) { _ = model(Array(1...256), startPos: 0) }
        recorder.choose(1)
        recorder.finish()
        let text = try ReportPage(
            recorder: recorder, model: model, weights: "15M", cache: .concatenated, mask: .causal,
            spelling: { "token\($0)" }
        ).text()
        #expect(text.utf8.count < 4_000_000, "\(text.utf8.count) bytes")
    }

    @Test func `a run beyond the bound keeps the strongest shares of every row`() throws {
        let llama = try TinyModel().llama()
        let all = try ReportFixture(llama, prompt: "a", seqLength: 60)
        let bounded = try ReportFixture(
            TinyModel().llama(), prompt: "a", seqLength: 60, attentionBound: 5000)
        let attention = try #require(bounded.json["attention"] as? [String: Any])
        let limit = try #require(attention["limit"] as? Int)
        #expect(limit == 4)  // 2 layers of 120 rows, each 3 bytes a share, in 5000 bytes
        for layer in 0..<2 {
            for (row, full) in try zip(bounded.attention(layer: layer), all.attention(layer: layer))
            {
                let weakest = full.shares.values.sorted(by: >).prefix(limit).last!
                #expect(row.shares.count == min(limit, full.shares.count))
                for key in row.shares.keys { #expect(full.shares[key]! >= 0.95 * weakest) }
            }
        }
    }

    @Test func `kept values are pairs, the same in every head`() {
        #expect(KeptValues(of: 12, groups: 2, limit: 100).indices == [0, 1, 2, 3, 4, 5])
        let kept = KeptValues(of: 64, groups: 2, limit: 16)
        #expect(kept.indices == [0, 1, 8, 9, 16, 17, 24, 25])
        #expect(kept.width == 32)
        #expect(KeptValues(of: 64, groups: 8, limit: 2).indices == [0, 1])
        #expect(KeptValues(of: 7, groups: 1, limit: 48).indices == Array(0..<7))
        #expect(KeptValues(of: 1, groups: 1, limit: 48).indices == [0])
    }

    // MARK: Text

    @Test func `no token can end the page's data`() throws {
        let hostile = ["</script>", "<!--", "\"'", "\u{202E}", "\u{0}", "</SCRIPT x", "\u{2028}"]
        let recorder = ReportRecorder(try TinyModel().llama().model, Sampler(), seqLength: 8)
        let llama = try TinyModel().llama()
        recorder.begin(prompt: Array(3..<10), at: 0)
        StagedRun.observed(by: [recorder]) { _ = llama.model(Array(3..<10), startPos: 0) }
        recorder.finish()
        let text = try ReportPage(
            recorder: recorder, model: llama.model, weights: "</script>", cache: .concatenated,
            mask: .causal, spelling: { $0 < 10 ? hostile[max(0, $0 - 3)] : "x" }
        ).text()
        #expect(text.components(separatedBy: "</script").count == 4)
        #expect(text.lowercased().components(separatedBy: "<script").count == 4)
        let page = try ReportFixture(page: text)
        let vocabulary = try #require(page.json["vocabulary"] as? [String: String])
        for (i, token) in hostile.enumerated() { #expect(vocabulary["\(i + 3)"] == token) }
    }

    @Test func `the policy allows the page's own script and style only`() throws {
        let page = try ReportFixture(TinyModel().llama(), prompt: "a", seqLength: 3)
        let policy = try #require(
            page.text.firstMatch(of: /Content-Security-Policy" content="([^"]*)"/))
        let hash = Data(sha256(PackageResources.page_js)).base64EncodedString()
        let plain = policy.1.replacing("&#39;", with: "'")
        #expect(
            plain.hasPrefix("default-src 'none'; script-src 'sha256-\(hash)'; style-src 'sha256-"))
        #expect(!plain.contains("unsafe"))
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1000),
            "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"
        ),
    ])
    func `SHA-256 agrees with its standard`(text: String, expected: String) {
        let hash = sha256(Array(text.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return byte < 16 ? "0" + digits : digits
        }
        #expect(hash.joined() == expected)
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
        let differences = try #require(found["differences"] as? [[String: Any]])
        #expect(differences.count == 15)
        let values = try page.offset(found["values"])
        let embedding = try #require(
            differences.firstIndex { $0["stage"] as? String == "embedding" })
        #expect(page.float(values + 20 * embedding) == 0)
        #expect(differences.allSatisfy { $0["worst"] as! Double > 0 })
    }
}
