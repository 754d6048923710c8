// PrefillProgress: shows on a terminal how much of a long prompt or text the model has read.

import Foundation
import Support

/// Shows a percentage on standard error if a prompt takes longer than a second.
final class PrefillProgress: StageObserver {
    private let clock = ContinuousClock()
    private let layerCount: Int, what: String
    private let show: (String) -> Void
    private var prompt = 0..<0
    private var start: ContinuousClock.Instant
    private var isShown = false

    init(
        layerCount: Int, what: String = "prompt",
        show: @escaping (String) -> Void = { write($0, to: STDERR_FILENO) }
    ) {
        (self.layerCount, self.what, self.show) = (layerCount, what, show)
        start = clock.now
    }

    /// Call it before the model reads a prompt at these positions, in one or more chunks. A negative
    /// lower bound begins a further window of a text, after so many tokens: the clock runs on.
    func begin(prompt: Range<Int>) {
        self.prompt = prompt
        if prompt.lowerBound >= 0 { start = clock.now }
    }

    func begin(_ path: StagePath, at positions: Range<Int>) {
        guard !prompt.isEmpty, path.name.hasPrefix("layers."),
            let layer = Int(path.name.dropFirst("layers.".count)),
            (clock.now - start).inSeconds > 1
        else { return }
        let layersRead = max(0, positions.lowerBound - prompt.lowerBound) * layerCount
        let percent = 100 * (layersRead + positions.count * layer) / (prompt.count * layerCount)
        isShown = true
        show("\rreading the \(what): \(min(percent, 99)) % ")
    }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        guard path.name == "transformer" else { return }
        if isShown { show("\r\u{1B}[K") }
        (prompt, isShown) = (0..<0, false)
    }
}
