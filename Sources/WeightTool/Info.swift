// Info: what is in a weight file, as a table.

import ArgumentParser
import Support

struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the format, the sizes and every tensor, or what is wrong with the file.",
        discussion: """
            Tensors have the names that the model file gives them. With --stats, every value is read.
            """)

    @Argument(help: "A weight file, or Hugging Face's folder.")
    var file: String

    @Flag(help: "Show the least, the mean and the largest value of every tensor.")
    var stats = false

    func run() throws {
        let weights = try Weights(contentsOf: file)
        print(Info.summary(of: weights))
        print("")
        var table = Table(header: ["tensor", "shape", "type", "size"], columnsOfText: 3)
        if stats { table.header += ["min", "mean", "max"] }
        for (name, shape) in weights.config.shapes {
            let tensor = weights[name]
            if name == "output.weight" && weights.isTied {
                table.rows.append([name, "\(shape)", "= tok_embeddings.weight"])
                continue
            }
            let size = byteText(tensor.shape.count * tensor.element.size)
            var row = [name, "\(shape)", tensor.element.rawValue, size]
            if stats { row += Statistics(tensor).columns }
            table.rows.append(row)
        }
        print(table)
    }

    static func summary(of weights: Weights) -> String {
        let config = weights.config
        let shapes = weights.isTied ? config.shapes.dropLast() : config.shapes
        let parameters = shapes.reduce(0) { $0 + $1.shape.reduce(1, *) }
        let shared = weights.isTied ? "; the embeddings are the classifier too" : ""
        return """
            format      \(weights.format?.rawValue ?? "none")
            parameters  \(grouped(parameters))\(shared)
            dim         \(config.dim), hidden \(config.hiddenDim)
            layers      \(config.nLayers)
            heads       \(config.nHeads), for keys and values \(config.nKvHeads)
            vocabulary  \(config.vocabSize)
            positions   \(config.maxSeqLen)
            norm_eps    \(config.normEps)
            rope_theta  \(config.ropeTheta)
            """
    }
}

/// The range of a tensor's values.
struct Statistics {
    private(set) var least = Float.infinity, largest = -Float.infinity
    private(set) var notFinite = 0
    private var sum = 0.0, count = 0

    init(_ tensor: Tensor) {
        for run in tensor.runsOfRows {
            for value in tensor[run].values where value.isFinite {
                least = min(least, value)
                largest = max(largest, value)
                sum += Double(value)
                count += 1
            }
        }
        notFinite = tensor.shape.count - count
    }

    var mean: Double { sum / Double(count) }

    var columns: [String] {
        let range =
            count == 0 ? ["", "", ""] : [Double(least), mean, Double(largest)].map(significant)
        return notFinite == 0 ? range : range + ["\(notFinite) not finite"]
    }

    /// Four digits are enough for a look.
    private func significant(_ value: Double) -> String {
        if value == 0 { return "0" }
        var scale = 1.0
        while abs(value) * scale < 1000 { scale *= 10 }
        while abs(value) * scale >= 10000 { scale /= 10 }
        return "\((value * scale).rounded() / scale)"
    }
}

extension Tensor {
    /// The rows, in runs of about a million elements: as much as is copied at a time.
    var runsOfRows: [Range<Int>] {
        let step = Swift.max(1, shape[0] * (1 << 20) / Swift.max(1, shape.count))
        return stride(from: 0, to: shape[0], by: step).map { $0..<Swift.min(shape[0], $0 + step) }
    }
}

/// Columns as wide as they need to be, those of text aligned left; a row with fewer cells ends in a
/// note.
struct Table: CustomStringConvertible {
    var header: [String]
    let columnsOfText: Int
    var rows: [[String]] = []

    var description: String {
        let lines = [header] + rows
        let widths = header.indices.map { column in
            lines.map { cells in
                let isNote = column == cells.count - 1 && cells.count < header.count
                return column < cells.count && !isNote ? cells[column].count : 0
            }.max() ?? 0
        }
        return lines.map { cells in
            let padded = cells.enumerated().map { column, cell in
                let width = column < widths.count ? widths[column] : 0
                let padding = String(repeating: " ", count: max(0, width - cell.count))
                return column < columnsOfText ? cell + padding : padding + cell
            }
            return trimmed(padded.joined(separator: "  "))
        }.joined(separator: "\n")
    }

    private func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
    }
}

/// "1,056,540"
func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { i in
        i > 0 && (digits.count - i) % 3 == 0 ? ",\(digits[i])" : "\(digits[i])"
    }.joined()
}

/// "2.2 GB", in powers of 1000 as disks are sold.
func byteText(_ bytes: Int) -> String {
    var (size, units) = (Double(bytes), ["B", "kB", "MB", "GB"][...])
    while size >= 999.95 && units.count > 1 {
        size /= 1000
        units.removeFirst()
    }
    return bytes < 1000 ? "\(bytes) B" : "\((size * 10).rounded() / 10) \(units.first!)"
}
