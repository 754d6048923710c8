// Llama2cFile: the legacy `.bin` format of karpathy/llama2.c: seven sizes, then Float weights
// without names, kind by kind. It has no magic number, so the file size must match the header.
// `Weights` reads it, `OutputFormat` writes it.

enum Llama2cFile {
    private static let headerSize = 28

    /// All tensors except the classifier, in the order of the file: kind by kind, each for all
    /// layers. RoPE's tables follow, then the classifier if it is not tied.
    static func tensors(_ config: Config) -> [(name: String, shape: [Int])] {
        let layers = (0..<config.nLayers).map(config.layerShapes)
        var tensors = [config.outerShapes[0]]
        for kind in layers[0].indices { tensors += layers.map { $0[kind] } }
        tensors.append(config.outerShapes[1])
        return tensors
    }

    // MARK: Reading

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        let (config, isTied): (Config, Bool)
        do {
            (config, isTied) = try readHeader(file.bytes)
        } catch {
            throw otherFormat(file.bytes).map(unknownFormat) ?? error
        }

        var offset = headerSize
        var tensors: [String: Tensor] = [:]
        func read(_ name: String, _ shape: [Int]) {
            let tensor = file.tensor(at: offset, shape: Shape(shape))
            tensors[name] = tensor
            offset += tensor.shape.count * 4
        }
        for (name, shape) in Self.tensors(config) { read(name, shape) }
        offset += config.maxSeqLen * config.headSize * 4
        if isTied {
            tensors["output.weight"] = tensors["tok_embeddings.weight"]
        } else {
            read("output.weight", [config.vocabSize, config.dim])
        }
        return (config, tensors)
    }

    private static func readHeader(_ bytes: UnsafeRawBufferPointer) throws -> (Config, Bool) {
        guard bytes.count >= headerSize else { throw unknownFormat("\(bytes.count) bytes") }
        func field(_ index: Int) -> Int { Int(bytes.number(at: index * 4, as: Int32.self)) }
        let config = Config(
            dim: field(0), hiddenDim: field(1), nLayers: field(2), nHeads: field(3),
            nKvHeads: field(4), vocabSize: abs(field(5)), maxSeqLen: field(6))
        let isTied = field(5) > 0  // negative: a classifier follows at the end
        do {
            try config.validate()
            let hiddenDim = config.hiddenDim
            try require(hiddenDim > 0, "a positive number", as: "hidden_dim", found: hiddenDim)
        } catch Problem.badValue(let name, let expected, let found) {
            throw unknownFormat("\(name) = \(found) where .bin needs \(expected)")
        }
        let byteCount = byteCount(config, isTied: isTied)
        guard byteCount < 0x1p63 else { throw unknownFormat("sizes that no file can hold") }
        try require(
            bytes.count == Int(byteCount), "\(Int(byteCount)) bytes for the sizes in its header",
            found: bytes.count)
        return (config, isTied)
    }

    /// The size of a file. It is a Double, because the sizes of a damaged header can overflow Int;
    /// it is exact for every file that can be memory-mapped.
    private static func byteCount(_ config: Config, isTied: Bool) -> Double {
        func count(_ shapes: [(name: String, shape: [Int])]) -> Double {
            var count = 0.0
            for (_, shape) in shapes { count += shape.reduce(1.0) { $0 * Double($1) } }
            return count
        }
        var floats = count(config.outerShapes.dropLast(isTied ? 1 : 0))
        floats += Double(config.nLayers) * count(config.layerShapes(0))
        floats += Double(config.maxSeqLen * config.headSize)  // RoPE's tables
        return Double(headerSize) + 4 * floats
    }

    /// This format is tried last, so the file has no known format.
    private static func unknownFormat(_ found: String) -> Problem {
        .unexpected(
            ".lmw (magic number 0x696D756C), GGUF, .safetensors or llama2.c's legacy .bin",
            found: found)
    }

    /// The name of an unsupported format, by the file's first bytes.
    private static func otherFormat(_ bytes: UnsafeRawBufferPointer) -> String? {
        if bytes.starts(with: "PK\u{3}\u{4}".utf8) { return "a ZIP archive, perhaps PyTorch's" }
        return nil
    }

    // MARK: Writing

    /// - Throws: `WeightFileError.Problem` if the format cannot express these weights.
    static func contents(of weights: Weights) throws -> WeightFileContents {
        let config = weights.config
        try OutputFormat.llama2c.require("rope_theta", config.ropeTheta, only: 10000)
        try OutputFormat.llama2c.require("norm_eps", config.normEps, only: 1e-5)
        let hasClassifier = !weights.classifierIsEmbeddings
        var contents = WeightFileContents()
        try contents.append([
            config.dim, config.hiddenDim, config.nLayers, config.nHeads, config.nKvHeads,
            hasClassifier ? -config.vocabSize : config.vocabSize, config.maxSeqLen,
        ])
        for (name, _) in tensors(config) { contents.append(name, of: weights, as: .float32) }
        // readers ignore RoPE's tables, but the format requires them
        let pairs = config.headSize / 2
        for function in [cos, sin] as [(Double) -> Double] {
            let byteCount = config.maxSeqLen * pairs * 4
            contents.append(rows: config.maxSeqLen, byteCount: byteCount) { positions in
                var values: [Float] = []
                for position in positions {
                    for pair in 0..<pairs {
                        let frequency = pow(10000, -2 * Double(pair) / Double(config.headSize))
                        values.append(Float(function(Double(position) * frequency)))
                    }
                }
                return values.withUnsafeBytes { Array($0) }
            }
        }
        if hasClassifier { contents.append("output.weight", of: weights, as: .float32) }
        return contents
    }
}
