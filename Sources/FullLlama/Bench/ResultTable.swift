// ResultTable: prints Bench's results as text, Markdown or JSON.

import Foundation

struct ResultTable {
    private let results: [BenchResult]

    init(_ results: [BenchResult]) { self.results = results }

    private static let titles = [
        "program", "binding", "model", "threads", "test", "tok/s", "spread", "reached/limit",
        "share",
        "peak", "first",
    ]

    private var rows: [[String]] {
        results.map { result in
            [
                result.program, result.binding ?? "", "\(result.model) \(result.element)",
                "\(result.threads)", result.test, format(result.rate),
                "\(format(result.rates.min()!))–\(format(result.rates.max()!))",
                "\(format(result.reached))/\(format(result.limit)) \(result.unit.rawValue)",
                String(format: "%.0f %%", 100 * result.share),
                String(format: "%.0f MB", result.peakMegabytes),
                result.firstTokenMilliseconds.map { String(format: "%.0f ms", $0) } ?? "",
            ]
        }
    }

    private func format(_ number: Double) -> String {
        String(format: number < 100 ? "%.1f" : "%.0f", number)
    }

    var text: String {
        let all = [ResultTable.titles] + rows
        let columns = ResultTable.titles.indices
        let widths = columns.map { column in all.map { $0[column].count }.max()! }
        return all.map { row in
            zip(row, widths).map { cell, width in
                cell.padding(toLength: width, withPad: " ", startingAt: 0)
            }.joined(separator: "  ")
        }.joined(separator: "\n")
    }

    var markdown: String {
        let all = [ResultTable.titles, ResultTable.titles.map { _ in "---" }] + rows
        return all.map { "| " + $0.joined(separator: " | ") + " |" }.joined(separator: "\n")
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(results), as: UTF8.self)
    }
}
