// Observers: the smaller ones: a log of values and a progress display.

import Foundation
import Logging
import Support

/// Logs shape and one value of every stage, as the Python original does.
final class StageLog: StageObserver {
    private let logger: Logger
    private static let index = 50

    init(_ logger: Logger) { self.logger = logger }

    func end(_ path: String, _ value: Tensor, at positions: Range<Int>) {
        let row = value.shape.rank == 1 ? value : value[-1]
        let index = min(StageLog.index, row.shape.count - 1)
        logger.debug(
            "\(path): shape \(value.shape), value at \(index): \(row.values[index])",
            metadata: ["position": "\(positions.upperBound - 1)"])
    }
}

/// Shows on a terminal how far the reading of a slow prompt is.
final class Progress: StageObserver {
    private let clock = ContinuousClock()
    private let layerCount: Int
    private var (passes, passesDone) = (0, 0)
    private var start: ContinuousClock.Instant?
    private var isShown = false

    init(layerCount: Int) { self.layerCount = layerCount }

    var isIdle: Bool { start == nil }

    func beginPrompt(passes: Int) {
        (self.passes, passesDone, start) = (passes, 0, clock.now)
    }

    func begin(_ path: String) {
        guard let layer = Int(path.dropFirst("layers.".count)), path.hasPrefix("layers."),
            let start, clock.now - start > .seconds(1)
        else { return }
        let percent = 100 * (passesDone * layerCount + layer) / (passes * layerCount)
        isShown = true
        write("\rreading the prompt: \(percent) % ", to: STDERR_FILENO)
    }

    func end(_ path: String, _ value: Tensor, at positions: Range<Int>) {
        if path == "transformer" { passesDone += 1 }
    }

    func endPrompt() {
        if isShown { write("\r\u{1B}[K", to: STDERR_FILENO) }
        (isShown, start) = (false, nil)
    }
}
