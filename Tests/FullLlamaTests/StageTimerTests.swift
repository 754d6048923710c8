// StageTimerTests: the calls of every stage, as a tree.

import Testing

@testable import FullLlama

@Suite struct StageTimerTests {
    @Test func `the timer prints the calls of each stage as a tree`() throws {
        let timer = StageTimer()
        let llama = try TinyModel().llama()
        try StagedRun.observed(by: [timer]) { _ = try llama.text("a", seqLength: 6) }
        let lines = "\(timer)".split(separator: "\n").map(String.init)
        // a prompt of 2 tokens, then 4 more: 5 calls, of 2 layers each
        let calls = lines.dropFirst().map { line in
            (line.prefix { $0 == " " }.count / 2, line.split(separator: " ").prefix(2))
        }
        let tree = calls.map { depth, words in "\(depth) \(words.joined(separator: " "))" }
        #expect(
            tree == [
                "0 transformer 5", "1 layers 10", "2 attention_norm 10", "2 attention 10",
                "3 wq 10", "3 wk 10", "3 wv 10", "3 wo 10", "2 ffn_norm 10", "2 feed_forward 10",
                "3 w1 10", "3 w3 10", "3 w2 10", "1 norm 5", "1 logits 5",
            ])
    }
}
