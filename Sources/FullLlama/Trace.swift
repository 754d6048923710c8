// Trace: every stage of every position as numbers. Written to a file, one JSON object a line, or
// compared with such a file, so that two programs or two modes can be held against each other.

import Foundation
import Support

/// One stage of one position.
struct TraceRecord: Codable {
    let position: Int
    /// "embedding", "layers.0.attention_norm" and so on, "norm", "logits".
    let stage: String
    let shape: [Int]
    let values: [Float]
}

extension TraceRecord {
    /// Another program's numbers may be smaller or larger than a Float can be.
    init(from decoder: any Decoder) throws {
        let json = try decoder.container(keyedBy: CodingKeys.self)
        position = try json.decode(Int.self, forKey: .position)
        stage = try json.decode(String.self, forKey: .stage)
        shape = try json.decode([Int].self, forKey: .shape)
        values = try json.decode([Double].self, forKey: .values).map { Float($0) }
    }
}

/// Hands out the stages that are the same in every implementation of Llama, each position once.
class TraceObserver: StageObserver {
    let wantsEveryPosition = true
    /// The first position of each stage that is still to come.
    private var next: [String: Int] = [:]

    private static let names: Set = [
        "embedding", "attention_norm", "attention", "residual_attention", "ffn_norm",
        "feed_forward", "residual_feed_forward", "norm", "logits",
    ]

    func end(_ path: String, _ value: Tensor, at positions: Range<Int>) {
        guard TraceObserver.names.contains(path.split(separator: ".").last.map(String.init) ?? "")
        else { return }
        let rows = value.shape.rank == 1 ? value.expandedDimensions(axis: 0) : value
        let last = positions.upperBound
        for position in last - rows.shape[0]..<last where position >= next[path, default: 0] {
            next[path] = position + 1
            let row = rows[position - last + rows.shape[0]]
            take(
                TraceRecord(
                    position: position, stage: path, shape: row.shape.array, values: row.values))
        }
    }

    func take(_ record: TraceRecord) { preconditionFailure("a subclass takes the records") }
}

/// Writes a trace to a file.
final class TraceWriter: TraceObserver {
    private let path: String
    private let file: FileHandle
    private let encoder = JSONEncoder()
    private var problem: Error?
    private let isNew: Bool
    private var isEmpty = true

    /// Opens a file, whose contents stay as they are until there is something to write.
    /// - Throws: `FileError` if nobody may write to it.
    init(path: String) throws {
        isNew = !FileManager.default.fileExists(atPath: path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileError.unwritable(path) }
        file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        self.path = path
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    }

    override func take(_ record: TraceRecord) {
        guard problem == nil else { return }
        if isEmpty { ftruncate(file.fileDescriptor, 0) }  // a pipe or a device has nothing to lose
        isEmpty = false
        do {
            try file.write(contentsOf: encoder.encode(record) + Data("\n".utf8))
        } catch { problem = error }
    }

    /// - Throws: `FileError` if not everything could be written.
    func finish() throws {
        if problem != nil { throw FileError.unwritable(path) }
        try file.close()
    }

    deinit { if isNew && isEmpty { unlink(path) } }
}

/// Compares a run with an earlier trace.
final class TraceComparison: TraceObserver, CustomStringConvertible {
    private struct Key: Hashable { let position: Int, stage: String }
    private struct Worst {
        var difference = 0.0
        var position = 0
        var count = 0
    }

    private let tolerance: Double
    private var expected: [Key: [Float]] = [:]
    private let expectedCount: Int
    private var stages: [String] = []
    private var worst: [String: Worst] = [:]
    private(set) var firstOutside: String?

    /// - Throws: `FileError` or `TraceError` if the file is not a trace.
    init(path: String, tolerance: Double) throws {
        self.tolerance = tolerance
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let lines = try readFile(path).split(
            separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (i, line) in lines.enumerated() where !line.isEmpty {
            guard let record = try? decoder.decode(TraceRecord.self, from: line) else {
                throw TraceError.notARecord(path, line: i + 1)
            }
            expected[Key(position: record.position, stage: record.stage)] = record.values
        }
        guard !expected.isEmpty else { throw TraceError.empty(path) }
        expectedCount = expected.count
    }

    override func take(_ record: TraceRecord) {
        let key = Key(position: record.position, stage: record.stage)
        guard let values = expected.removeValue(forKey: key) else { return }
        let difference = relativeDifference(record.values, values)
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

    /// The largest difference, relative to the largest value expected.
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

    /// Whether every record of the file was met, within the tolerance.
    var agrees: Bool { firstOutside == nil && expected.isEmpty }

    var description: String {
        let width = max(28, (stages.map(\.count).max() ?? 0) + 2)
        func cell(_ text: String) -> String {
            text.padding(toLength: width, withPad: " ", startingAt: 0)
        }
        var lines = [cell("stage") + "largest difference, relative"]
        for stage in stages {
            let worst = worst[stage]!
            let mark = worst.difference <= tolerance ? "" : "  <- outside"
            lines.append(
                cell(stage) + String(format: "%9.2e", worst.difference)
                    + " at position \(worst.position)\(mark)")
        }
        let compared = expectedCount - expected.count
        lines.append("\(compared) of \(expectedCount) records compared, tolerance \(tolerance)")
        if let firstOutside { lines.append("first outside: \(firstOutside)") }
        if let key = expected.keys.min(by: { ($0.position, $0.stage) < ($1.position, $1.stage) }) {
            lines.append("not met by this run: \(key.stage) at position \(key.position)")
        }
        return lines.joined(separator: "\n")
    }
}

/// What is wrong with a trace file.
enum TraceError: Error, Equatable, CustomStringConvertible {
    case notARecord(String, line: Int)
    case empty(String)
    case differs(String)

    var description: String {
        switch self {
        case .notARecord(let path, let line):
            "\(path): expected an object with position, stage, shape and values, "
                + "found something else in line \(line)"
        case .empty(let path): "\(path): expected a trace, found no records"
        case .differs(let path): "\(path): this run differs from the trace (see above)"
        }
    }
}
