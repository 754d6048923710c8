// Info: `llama-weights info`, which shows the contents of a weight file.

import ArgumentParser
import Support

struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows a file's format, sizes and tensors, or what is wrong with it.",
        discussion: "Tensors have Meta's names, for example layers.0.attention.wq.weight.")

    @Argument(help: "A weight file, or a Hugging Face folder.")
    var file: String

    @Flag(help: "Read every value; show each tensor's range and mean.")
    var stats = false

    func run() throws {
        handleSignals()
        let weights = try Weights(contentsOf: file)
        var table = Table(header: ["tensor", "shape", "type", "size"], textColumns: 3)
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
        try writeOutput("\(Info.summary(of: weights))\n\n\(table)\n")
    }

    static func summary(of weights: Weights) -> String {
        let config = weights.config
        let shapes = weights.isTied ? config.shapes.dropLast() : config.shapes
        let parameters = shapes.reduce(0) { $0 + $1.shape.reduce(1, *) }
        let shared = weights.isTied ? "; the classifier shares the embeddings" : ""
        return """
            format      \(weights.format?.rawValue ?? "none")
            parameters  \(grouped(parameters))\(shared)
            dim         \(config.dim), hidden \(config.hiddenDim)
            layers      \(config.nLayers)
            heads       \(config.nHeads), key-value heads \(config.nKvHeads)
            vocabulary  \(config.vocabSize)
            positions   \(config.maxSeqLen)
            norm_eps    \(config.normEps)
            rope_theta  \(config.ropeTheta)
            """
    }
}

/// The range and the mean of a tensor's values.
struct Statistics {
    private(set) var minimum = Float.infinity, maximum = -Float.infinity
    private(set) var nonFinite = 0
    private var sum = 0.0, count = 0

    init(_ tensor: Tensor) {
        for row in 0..<tensor.shape[0] {
            for value in tensor[row].values where value.isFinite {
                minimum = min(minimum, value)
                maximum = max(maximum, value)
                sum += Double(value)
                count += 1
            }
        }
        nonFinite = tensor.shape.count - count
    }

    var mean: Double { sum / Double(count) }

    var columns: [String] {
        let range =
            count == 0 ? ["", "", ""] : [Double(minimum), mean, Double(maximum)].map(fourDigits)
        return nonFinite == 0 ? range : range + ["\(nonFinite) not finite"]
    }
}
