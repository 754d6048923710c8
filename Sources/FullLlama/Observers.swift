// Observers: the smaller ones: a log of values, a progress display, and a report on memory.

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

/// Shows on a terminal how far a slow prompt is.
final class Progress: StageObserver {
    private let clock = ContinuousClock()
    private let layerCount: Int
    private var start: ContinuousClock.Instant?
    private var isShown = false

    init(layerCount: Int) { self.layerCount = layerCount }

    func begin(_ path: String) {
        if path == "transformer" { start = clock.now }
        guard let layer = Int(path.dropFirst("layers.".count)), path.hasPrefix("layers."),
            let start, clock.now - start > .seconds(1)
        else { return }
        isShown = true
        writeError("\rreading the prompt: layer \(layer + 1) of \(layerCount) ")
    }

    func end(_ path: String, _ value: Tensor, at positions: Range<Int>) {
        guard path == "transformer", isShown else { return }
        isShown = false
        writeError("\r\u{1B}[K")
    }

    private func writeError(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// The memory of this process.
struct Memory: CustomStringConvertible {
    let resident: Int?
    let peak: Int

    /// Right now.
    static var now: Memory {
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            return Memory(resident: nil, peak: usage.ru_maxrss)
        #else
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            // the second number of statm is the resident pages
            let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
            let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            return Memory(
                resident: pages.map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) },
                peak: usage.ru_maxrss * 1024)
        #endif
    }

    var description: String {
        let resident = resident.map { "resident \(megabytes($0)), " } ?? ""
        return "\(resident)peak \(megabytes(peak))"
    }
}

/// Bytes for a reader.
func megabytes(_ bytes: Int) -> String { String(format: "%.1f MB", Double(bytes) / 1e6) }
