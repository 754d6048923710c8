// PrefillProgressTests: the percentage that PrefillProgress shows in every mode, and when.

import Support
import Testing

@testable import FullLlama

@Suite struct PrefillProgressTests {
    /// The output while a model of two layers reads a prompt in chunks, and then decodes a token.
    private func shown(prompt: Range<Int>, chunks: [Range<Int>]) async throws -> [String] {
        var shown: [String] = []
        let progress = PrefillProgress(layerCount: 2) { shown.append($0) }
        progress.begin(prompt: prompt)
        try await Task.sleep(for: .milliseconds(1010))
        for call in [chunks, [prompt.upperBound..<prompt.upperBound + 1]] {
            let transformer = StagePath(layer: nil, name: "transformer")
            progress.begin(transformer, at: call[0].lowerBound..<call.last!.upperBound)
            for positions in call {
                for layer in 0..<2 {
                    progress.begin(StagePath(layer: nil, name: "layers.\(layer)"), at: positions)
                }
            }
            progress.end(transformer, Tensor([0]), at: call.last!)
        }
        return shown
    }

    private func lines(_ percentages: Int...) -> [String] {
        percentages.map { "\rreading the prompt: \($0) % " } + ["\r\u{1B}[K"]
    }

    @Test func `one chunk shows progress by layer, and decoding shows none`() async throws {
        #expect(try await shown(prompt: 0..<8, chunks: [0..<8]) == lines(0, 50))
    }

    @Test func `a prompt token by token shows progress by token`() async throws {
        let shown = try await shown(prompt: 10..<12, chunks: [10..<11, 11..<12])
        #expect(shown == lines(0, 25, 50, 75))
    }

    @Test func `without a cache, the recomputed text counts as part of the prompt`() async throws {
        let shown = try await shown(prompt: 4..<8, chunks: [0..<4, 4..<8])
        #expect(shown == lines(0, 50, 0, 50))
    }

    @Test func `windows of a text are parts of it, and only the first starts the clock`()
        async throws
    {
        var shown: [String] = []
        let progress = PrefillProgress(layerCount: 2, what: "text") { shown.append($0) }
        progress.begin(prompt: 0..<8)
        try await Task.sleep(for: .milliseconds(1010))
        for start in [0, 4] {
            if start > 0 { progress.begin(prompt: -start..<8 - start) }
            for layer in 0..<2 {
                progress.begin(StagePath(layer: nil, name: "layers.\(layer)"), at: 0..<4)
            }
            progress.end(StagePath(layer: nil, name: "transformer"), Tensor([0]), at: 0..<4)
        }
        #expect(
            shown == [
                "\rreading the text: 0 % ", "\rreading the text: 25 % ", "\r\u{1B}[K",
                "\rreading the text: 50 % ", "\rreading the text: 75 % ", "\r\u{1B}[K",
            ])
    }

    @Test func `a short prefill shows no progress`() {
        var shown: [String] = []
        let progress = PrefillProgress(layerCount: 1) { shown.append($0) }
        progress.begin(prompt: 0..<4)
        progress.begin(StagePath(layer: nil, name: "layers.0"), at: 0..<4)
        progress.end(StagePath(layer: nil, name: "transformer"), Tensor([0]), at: 0..<4)
        #expect(shown == [])
    }
}
