// ReportFixture: a run of the tiny model with a report, and the page's data as its script reads it.

import Foundation
import Testing

@testable import FullLlama
@testable import Support

/// The JSON and the block of a page.
struct ReportFixture {
    let text: String
    let json: [String: Any]
    let block: Data

    init(page text: String) throws {
        self.text = text
        func content(_ id: String) throws -> Substring {
            let start = try #require(text.range(of: "id=\"\(id)\">")).upperBound
            let end = try #require(text[start...].range(of: "</script>")).lowerBound
            return text[start..<end]
        }
        let object = try JSONSerialization.jsonObject(with: Data(content("data").utf8))
        json = try #require(object as? [String: Any])
        block = try #require(Data(base64Encoded: String(content("block"))))
    }

    /// Runs a model with the report's recorder and other observers.
    init(
        _ llama: Llama, prompt: String, seqLength: Int, observers: [any StageObserver] = [],
        comparison: TraceComparison? = nil, bound: Int = 7_200_000
    ) throws {
        let recorder = ReportRecorder(
            llama.model, llama.sampler, seqLength: seqLength, bound: bound)
        llama.sampler.didChoose = recorder.choose
        recorder.begin(prompt: try llama.tokenizer.encode(prompt), at: 0)
        try StagedRun.observed(by: observers + [recorder]) {
            _ = try llama.text(prompt, seqLength: seqLength)
        }
        recorder.finish()
        let page = ReportPage(
            recorder: recorder, model: llama.model, weights: "tiny.lmw", cache: llama.mode.cache,
            mask: .causal, comparison: comparison, spelling: llama.tokenizer.spelling)
        try self.init(page: page.text())
    }

    func float(_ offset: Int) -> Float {
        let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(block[offset + $1]) << (8 * $1) }
        return Float(bitPattern: bits)
    }

    func integer(_ offset: Int, bytes: Int) -> Int {
        (0..<bytes).reduce(0) { $0 | Int(block[offset + $1]) << (8 * $1) }
    }

    func offset(_ place: Any?) throws -> Int {
        try #require((place as? [String: Int])?["offset"])
    }

    /// A stage's range and kept values at a position.
    func values(_ stage: String, layer: Int, position: Int) throws -> (
        low: Float, high: Float, values: [Int: Float]
    ) {
        let stages = try #require(json["stages"] as? [String: [String: Any]])
        let found = try #require(stages[stage])
        let kept = try #require(found["kept"] as? [String: Any])
        let indices = try #require(kept["indices"] as? [Int])
        let (groups, width) = (kept["groups"] as! Int, kept["width"] as! Int)
        let places = try #require(found["layers"] as? [Any])
        let size = 8 + groups * indices.count
        let start = try offset(places[places.count > 1 ? layer : 0]) + position * size
        let (low, high) = (float(start), float(start + 4))
        var values: [Int: Float] = [:]
        for group in 0..<groups {
            for (i, index) in indices.enumerated() {
                let code = Float(block[start + 8 + group * indices.count + i])
                values[group * width + index] = low + code * (high - low) / 255
            }
        }
        return (low, high, values)
    }

    /// The kept shares and scores of a layer: positions first, then heads.
    func attention(layer: Int) throws -> [(top: Float, shares: [Int: Float], scores: [Int: Float])]
    {
        let attention = try #require(json["attention"] as? [String: Any])
        let (bits, span) = (attention["bits"] as! Int, Float(attention["span"] as! Int))
        let place = try #require((attention["layers"] as? [[String: Int]])?[layer])
        var at = place["offset"]!
        var rows: [(Float, [Int: Float], [Int: Float])] = []
        while at < place["offset"]! + place["count"]! {
            let (top, best, count) = (float(at), float(at + 8), integer(at + 12, bytes: 2))
            let isSparse = block[at + 14] == 1
            at += 15
            let keys = (0..<count).map { isSparse ? integer(at + 2 * $0, bytes: 2) : $0 }
            if isSparse { at += 2 * count }
            var (shares, scores): ([Int: Float], [Int: Float]) = ([:], [:])
            for (i, key) in keys.enumerated() {
                let code = Float(integer(at + i * bits / 8, bytes: bits / 8))
                let score = top - span * (1 - code / (bits == 16 ? 65_535 : 255))
                scores[key] = score
                shares[key] = best * Foundation.exp(score - top)
            }
            at += count * bits / 8
            rows.append((top, shares, scores))
        }
        return rows
    }
}
