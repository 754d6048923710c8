// TraceComparison: `--compare FILE`, the differences between a run and a trace file, by stage.

import Foundation
import Support

/// Compares a run with an earlier trace.
final class TraceComparison: CustomStringConvertible {
    private struct Key: Hashable { let position: Int, stage: String }
    private struct Worst {
        var difference = 0.0
        var position = 0
        var count = 0
    }

    /// In bytes: a longer line is no record, and its end is not looked for in a file of terabytes.
    private static let longestLine = 20_000_000

    let path: String, tolerance: Double
    private var expected: [Key: [Float]] = [:]
    private let expectedCount: Int
    private var stages: [String] = []
    private var worst: [String: Worst] = [:]
    private(set) var firstOutside: String?
    /// The difference of every compared record, in the order of the run.
    private(set) var differences: [(stage: String, position: Int, difference: Double)] = []
    /// The file's embedding of the token at each position.
    private(set) var embeddings: [Int: [Float]] = [:]

    /// - Throws: `FileError` or `TraceError` if the file is not a trace.
    init(path: String, tolerance: Double) throws {
        (self.path, self.tolerance) = (path, tolerance)
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let data = try readFile(path)
        var (start, number) = (0, 0)
        while start < data.count {
            let line = data[start...].prefix(TraceComparison.longestLine).prefix {
                $0 != UInt8(ascii: "\n")
            }
            (start, number) = (line.endIndex + 1, number + 1)
            if line.isEmpty { continue }
            guard line.count < TraceComparison.longestLine,
                String(validating: line, as: UTF8.self) != nil,
                let record = try? decoder.decode(TraceRecord.self, from: line)
            else {
                throw TraceError.notARecord(path, line: number)
            }
            expected[Key(position: record.position, stage: record.stage)] = record.values
            if record.stage == "embedding" { embeddings[record.position] = record.values }
        }
        guard !expected.isEmpty else { throw TraceError.empty(path) }
        expectedCount = expected.count
    }

    func compare(_ record: TraceRecord) {
        let key = Key(position: record.position, stage: record.stage)
        guard let values = expected.removeValue(forKey: key) else { return }
        let difference = relativeDifference(record.values, values)
        differences.append((record.stage, record.position, difference))
        if worst[record.stage] == nil { stages.append(record.stage) }
        var stage = worst[record.stage, default: Worst()]
        stage.count += 1
        if !(difference <= stage.difference) {
            (stage.difference, stage.position) = (difference, record.position)
        }
        worst[record.stage] = stage
        if !(difference <= tolerance) && firstOutside == nil {
            firstOutside = "\(record.stage) at position \(record.position)"
        }
    }

    /// The largest difference, relative to the largest expected magnitude.
    private func relativeDifference(_ found: [Float], _ expected: [Float]) -> Double {
        guard found.count == expected.count else { return .infinity }
        let largest = expected.reduce(0) { max($0, abs(Double($1))) }
        var difference = 0.0
        for (a, b) in zip(found, expected) where a != b {
            let d = abs(Double(a) - Double(b)) / max(largest, .leastNormalMagnitude)
            if !(d <= difference) { difference = d.isNaN ? .infinity : d }
        }
        return difference
    }

    /// Whether the run has every record of the file within the tolerance.
    var agrees: Bool { firstOutside == nil && expected.isEmpty }

    var description: String {
        let width = max(28, (stages.map(\.count).max() ?? 0) + 2)
        func cell(_ text: String) -> String {
            text.padding(toLength: width, withPad: " ", startingAt: 0)
        }
        var lines = [cell("stage") + "largest relative difference"]
        for stage in stages {
            let worst = worst[stage]!
            let mark = worst.difference <= tolerance ? "" : "  <- outside tolerance"
            lines.append(
                cell(stage) + String(format: "%9.2e", worst.difference)
                    + " at position \(worst.position)\(mark)")
        }
        let compared = expectedCount - expected.count
        lines.append("\(compared) of \(expectedCount) records compared, tolerance \(tolerance)")
        if let firstOutside { lines.append("first outside tolerance: \(firstOutside)") }
        if let key = expected.keys.min(by: { ($0.position, $0.stage) < ($1.position, $1.stage) }) {
            let stage = key.stage.printable
            lines.append("missing from this run: \(stage) at position \(key.position)")
        }
        return lines.joined(separator: "\n")
    }
}
