// Llama2cFile: the legacy `.bin` format of karpathy/llama2.c: seven sizes, then all weights of a
// kind one after the other, without names. There is no magic number: the file's size has to be the
// one that the seven sizes add up to.

enum Llama2cFile {
    private static let headerSize = 28

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        let bytes = file.bytes
        let config: Config
        let sharesClassifier: Bool
        do {
            (config, sharesClassifier) = try readHeader(bytes)
        } catch let problem as WeightFileError.Problem {
            throw WeightFileError.Problem.unknownFormat(otherFormat(bytes) ?? problem.asFound)
        }

        // all tensors in the order of the file: kind by kind, each kind for all layers
        let layers = config.layerShapes(0)
        let kinds = [
            "attention_norm", "attention.wq", "attention.wk", "attention.wv", "attention.wo",
            "ffn_norm", "feed_forward.w1", "feed_forward.w2", "feed_forward.w3",
        ]
        let ropeTables = [config.maxSeqLen, config.headSize]
        guard let layerCount = sum(layers.map(\.shape)),
            let allLayers = [layerCount, config.nLayers].checkedProduct,
            let outer = sum(config.outerShapes.dropLast(sharesClassifier ? 1 : 0).map(\.shape)),
            let count = sum([[allLayers], [outer], ropeTables]),
            let byteCount = [count, 4].checkedProduct,
            byteCount < Int.max - headerSize
        else { throw WeightFileError.Problem.unknownFormat("sizes that no file holds") }
        guard bytes.count == byteCount + headerSize else {
            let problem = WeightFileError.Problem.wrongFileSize(
                expected: byteCount + headerSize, found: bytes.count)
            throw otherFormat(bytes).map(WeightFileError.Problem.unknownFormat) ?? problem
        }

        var offset = headerSize
        var tensors: [String: Tensor] = [:]
        func take(_ name: String, _ shape: [Int]) {
            let shape = Shape(shape)
            tensors[name] = file.tensor(at: offset, shape: shape)
            offset += shape.count * 4
        }
        take("tok_embeddings.weight", [config.vocabSize, config.dim])
        for kind in kinds {
            for layer in 0..<config.nLayers {
                let name = "layers.\(layer).\(kind).weight"
                take(name, layers.first { $0.name == "layers.0.\(kind).weight" }!.shape)
            }
        }
        take("norm.weight", [config.dim])
        offset += ropeTables[0] * ropeTables[1] * 4
        if sharesClassifier {
            tensors["output.weight"] = tensors["tok_embeddings.weight"]
        } else {
            take("output.weight", [config.vocabSize, config.dim])
        }
        return (config, tensors)
    }

    private static func readHeader(_ bytes: UnsafeRawBufferPointer) throws -> (Config, Bool) {
        guard bytes.count >= headerSize else {
            throw WeightFileError.Problem.truncated(
                reading: "the header", at: 0, needed: headerSize, available: bytes.count)
        }
        func field(_ index: Int) -> Int { Int(bytes.number(at: index * 4, as: Int32.self)) }
        let config = Config(
            dim: field(0), hiddenDim: field(1), nLayers: field(2), nHeads: field(3),
            nKvHeads: field(4), vocabSize: abs(field(5)), maxSeqLen: field(6))
        try config.validate()
        guard config.hiddenDim > 0 else {
            throw WeightFileError.Problem.badSize(
                "hidden_dim", "\(config.hiddenDim)", expected: "a positive number")
        }
        // a negative vocab_size says that a classifier of its own follows
        return (config, field(5) > 0)
    }

    /// What else people take for weights, by its first bytes.
    private static func otherFormat(_ bytes: UnsafeRawBufferPointer) -> String? {
        let start = bytes.prefix(9)
        if start.starts(with: "GGUF".utf8) { return "GGUF, llama.cpp's format" }
        if start.starts(with: "PK\u{3}\u{4}".utf8) { return "a ZIP archive, perhaps PyTorch's" }
        if start.starts(with: "24ka".utf8) { return "llama2.c's later .bin; export with version 0" }
        return nil
    }

    /// The number of elements of all these shapes together, or nil if it overflows.
    private static func sum(_ shapes: [[Int]]) -> Int? {
        shapes.reduce(0) { total, shape in
            guard let total, let count = shape.checkedProduct else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(count)
            return overflow ? nil : sum
        }
    }
}

extension WeightFileError.Problem {
    /// The problem as what was found where a header was expected.
    fileprivate var asFound: String {
        switch self {
        case .badSize(let name, let found, let expected):
            "\(name) = \(found) where the latter has \(expected)"
        case .truncated(_, _, _, let available): "\(available) bytes"
        default: "\(self)"
        }
    }
}
