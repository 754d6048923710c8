// ReportPageTests: a page's size is bounded, and no text of the run can become a part of the page.

import Foundation
import Testing

@testable import FullLlama
@testable import Support

@Suite struct ReportPageTests {
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
            TinyModel().llama(), prompt: "a", seqLength: 60, bound: 30_000)
        let attention = try #require(bounded.json["attention"] as? [String: Any])
        let limit = try #require(attention["limit"] as? Int)
        #expect(limit == 2)  // 240 rows of 15 bytes, and 3 bytes a share, in a fifth of the bound
        for layer in 0..<2 {
            for (row, full) in try zip(bounded.attention(layer: layer), all.attention(layer: layer))
            {
                let weakest = full.shares.values.sorted(by: >).prefix(limit).last!
                #expect(row.shares.count == min(limit, full.shares.count))
                for key in row.shares.keys { #expect(full.shares[key]! >= 0.95 * weakest) }
            }
        }
    }

    @Test func `a page of many heads stays below 10 MB`() throws {
        let config = Config(
            dim: 64, hiddenDim: 64, nLayers: 10, nHeads: 16, nKvHeads: 16, vocabSize: 64,
            maxSeqLen: 512)
        let model = Transformer(Weights(random: config, element: .float32, seed: 1))
        let recorder = ReportRecorder(model, Sampler(), seqLength: 256)
        let tokens = (0..<256).map { $0 % 64 }
        recorder.begin(prompt: tokens, at: 0)
        StagedRun.observed(by: [recorder]) { _ = model(tokens, startPos: 0) }
        recorder.finish()
        #expect(recorder.attention.limit < 256)
        let text = try ReportPage(
            recorder: recorder, model: model, weights: "x", cache: .concatenated, mask: .causal,
            spelling: { "token\($0)" }
        ).text()
        #expect(text.utf8.count < 10_000_000 && text.utf8.count > 5_000_000)
    }

    @Test func `the strongest of a row are kept with their places`() {
        let scores: [Float] = [1, 5, 2, 5, -30, 4.5, 2.5]
        for limit in 1...7 {
            var row = AttentionRow(scores: scores[...], shares: scores[...])
            row.keepStrongest(limit)
            let order = scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
            let expected = order.prefix(limit).sorted()
            #expect(row.keys.map { $0.map(Int.init) } ?? Array(0..<7) == expected)
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
}
