// PrefillProgress: the percentage that it shows, in every mode, and when.

import Support
import Testing

@testable import FullLlama

@Suite struct PrefillProgressTests {
    /// What is shown of passes through a model of two layers, the first of which is slow.
    private func shown(prompt: Range<Int>, passes: [Range<Int>]) async throws -> [String] {
        var shown: [String] = []
        let progress = PrefillProgress(layerCount: 2) { shown.append($0) }
        progress.begin(prompt: prompt)
        try await Task.sleep(for: .milliseconds(1010))
        for positions in passes {
            let transformer = StagePath(layer: nil, name: "transformer")
            progress.begin(transformer, at: positions)
            for layer in 0..<2 {
                progress.begin(StagePath(layer: nil, name: "layers.\(layer)"), at: positions)
            }
            progress.end(transformer, Tensor([0]), at: positions)
        }
        return shown
    }

    private func lines(_ percentages: Int...) -> [String] {
        percentages.map { "\rreading the prompt: \($0) % " } + ["\r\u{1B}[K"]
    }

    @Test func `one pass shows its layers, and decoding shows nothing`() async throws {
        let shown = try await shown(prompt: 0..<8, passes: [0..<8, 8..<9])
        #expect(shown == lines(0, 50))
    }

    @Test(arguments: [[10..<11, 11..<12], [0..<11, 0..<12]])
    func `a prompt token by token shows its tokens, with and without a cache`(
        passes: [Range<Int>]
    ) async throws {
        #expect(try await shown(prompt: 10..<12, passes: passes) == lines(0, 25, 50, 75))
    }

    @Test func `a quick prompt shows nothing`() {
        var shown: [String] = []
        let progress = PrefillProgress(layerCount: 1) { shown.append($0) }
        progress.begin(prompt: 0..<4)
        progress.begin(StagePath(layer: nil, name: "layers.0"), at: 0..<4)
        progress.end(StagePath(layer: nil, name: "transformer"), Tensor([0]), at: 0..<4)
        #expect(shown == [])
    }
}
