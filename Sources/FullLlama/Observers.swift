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

/// Shows on a terminal how far a slow first prompt is.
final class Progress: StageObserver {
    private let clock = ContinuousClock()
    private let layerCount: Int
    private var start: ContinuousClock.Instant?
    private var isShown = false

    init(layerCount: Int) { self.layerCount = layerCount }

    private(set) var isDone = false

    func begin(_ path: String) {
        if path == "transformer" { start = clock.now }
        guard let layer = Int(path.dropFirst("layers.".count)), path.hasPrefix("layers."),
            let start, clock.now - start > .seconds(1)
        else { return }
        isShown = true
        _ = write("\rreading the prompt: layer \(layer + 1) of \(layerCount) ", to: STDERR_FILENO)
    }

    func end(_ path: String, _ value: Tensor, at positions: Range<Int>) {
        guard path == "transformer" else { return }
        isDone = true
        if isShown { _ = write("\r\u{1B}[K", to: STDERR_FILENO) }
    }
}
