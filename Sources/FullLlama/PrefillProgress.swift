// PrefillProgress: shows on a terminal how much of a long prompt the model has read.

import Foundation
import Support

/// Shows a percentage on standard error, once a prompt has taken longer than a second.
final class PrefillProgress: StageObserver {
    private let clock = ContinuousClock()
    private let layerCount: Int
    private let show: (String) -> Void
    /// The prompt's positions, how many of them are done, and when it began.
    private var prompt = 0..<0
    private var done = 0
    private var start: ContinuousClock.Instant
    private var isShown = false

    init(layerCount: Int, show: @escaping (String) -> Void = { write($0, to: STDERR_FILENO) }) {
        (self.layerCount, self.show) = (layerCount, show)
        start = clock.now
    }

    /// The model is about to read the prompt at these positions, in one pass or several.
    func begin(prompt: Range<Int>) { (self.prompt, done, start) = (prompt, 0, clock.now) }

    func begin(_ path: StagePath, at positions: Range<Int>) {
        guard done < prompt.count, path.name.hasPrefix("layers."),
            let layer = Int(path.name.dropFirst("layers.".count)),
            (clock.now - start).inSeconds > 1
        else { return }
        // a pass without a KV cache computes earlier positions again: only new ones count
        let new = positions.upperBound - prompt.lowerBound - done
        let percent = 100 * (done * layerCount + new * layer) / (prompt.count * layerCount)
        isShown = true
        show("\rreading the prompt: \(percent) % ")
    }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        guard done < prompt.count, path.name == "transformer" else { return }
        done = positions.upperBound - prompt.lowerBound
        if done == prompt.count && isShown {
            show("\r\u{1B}[K")
            isShown = false
        }
    }
}
