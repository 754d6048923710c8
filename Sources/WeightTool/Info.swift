// Info: `llama-weights info`, which shows what is in a weight file.

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
            let size = byteText(tensor.element.byteCount(tensor.shape.count))
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
        for row in 0..<tensor.shape[0] {
            for value in tensor[row].values where value.isFinite {
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
