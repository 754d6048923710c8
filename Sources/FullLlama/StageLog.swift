// StageLog: `--loglevel debug`, a log line for every stage, like the Python original's.

import Logging
import Support

/// Logs the shape and one value of every stage.
final class StageLog: StageObserver {
    private let logger: Logger
    /// The index of the logged value in the last row; a shorter row logs its last value.
    private static let index = 50

    init(_ logger: Logger) { self.logger = logger }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        let row = value.shape.rank == 1 ? value : value[-1]
        let index = min(StageLog.index, row.shape.count - 1)
        logger.debug(
            "\(path): shape \(value.shape), value at \(index): \(row.values[index])",
            metadata: ["position": "\(positions.upperBound - 1)"])
    }
}
