// Trace: the values of every stage at every position. TraceWriter writes such records to a file;
// TraceComparison compares a run with a file, so that two programs or two modes can be compared.

import Support

/// The values of one stage at one position.
struct TraceRecord: Codable {
    let position: Int
    /// "embedding", "layers.0.attention_norm" and so on, "norm", "logits".
    let stage: String
    let shape: [Int]
    let values: [Float]
}

extension TraceRecord {
    /// Decodes values as Double first: another program's may lie outside the range of Float.
    init(from decoder: any Decoder) throws {
        let json = try decoder.container(keyedBy: CodingKeys.self)
        position = try json.decode(Int.self, forKey: .position)
        stage = try json.decode(String.self, forKey: .stage)
        shape = try json.decode([Int].self, forKey: .shape)
        values = try json.decode([Double].self, forKey: .values).map { Float($0) }
    }
}

/// Records the stages that every implementation of Llama has, once for each position.
final class TraceRecorder: StageObserver {
    let wantsEveryPosition = true
    private let record: (TraceRecord) -> Void
    /// The next position of each stage: a run without a KV cache recomputes earlier positions.
    private var next: [String: Int] = [:]

    private static let names: Set = [
        "embedding", "attention_norm", "attention", "residual_attention", "ffn_norm",
        "feed_forward", "residual_feed_forward", "norm", "logits",
    ]

    /// - Parameter record: called with every record.
    init(record: @escaping (TraceRecord) -> Void) { self.record = record }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        guard TraceRecorder.names.contains(path.name) else { return }
        let stage = "\(path)"
        let rows = value.shape.rank == 1 ? value.expandedDimensions(axis: 0) : value
        let first = positions.upperBound - rows.shape[0]
        for position in first..<positions.upperBound where position >= next[stage, default: 0] {
            next[stage] = position + 1
            let row = rows[position - first]
            record(
                TraceRecord(
                    position: position, stage: stage, shape: row.shape.array, values: row.values))
        }
    }
}

/// A problem with a trace file.
enum TraceError: Error, Equatable, CustomStringConvertible {
    case notARecord(String, line: Int)
    case empty(String)
    case differs(String)

    var description: String {
        switch self {
        case .notARecord(let path, let line):
            "\(path.printable), line \(line): expected an object with position, stage, shape and "
                + "values, found something else"
        case .empty(let path): "\(path.printable): expected a trace, found no records"
        case .differs(let path): "\(path.printable): this run differs from the trace (see above)"
        }
    }
}
