// LMWBytes and Llama2cBytes: weight files of tiny models, written without Support's code. Tests
// compare the readers and writers with them, and damage every part.

/// The sizes of a tiny Llama: by default two query heads that share one key-value head.
public struct TinySizes: Sendable {
    public var dim = 8, hidden = 12, layers = 1, heads = 2, kvHeads = 1, vocab = 5, maxSeqLen = 16

    public init() {}

    public init(vocab: Int, dim: Int) { (self.vocab, self.dim) = (vocab, dim) }

    var kvDim: Int { kvHeads * dim / heads }

    /// The names and shapes of one layer's tensors, in the order of llama2.c's kinds.
    public var layerKinds: [(kind: String, shape: [Int])] {
        [
            ("attention_norm", [dim]), ("attention.wq", [dim, dim]),
            ("attention.wk", [kvDim, dim]),
            ("attention.wv", [kvDim, dim]), ("attention.wo", [dim, dim]), ("ffn_norm", [dim]),
            ("feed_forward.w1", [hidden, dim]), ("feed_forward.w2", [dim, hidden]),
            ("feed_forward.w3", [hidden, dim]),
        ]
    }

    /// All names and shapes.
    public var tensors: [(name: String, shape: [Int])] {
        [("tok_embeddings.weight", [vocab, dim])]
            + (0..<layers).flatMap { layer in
                layerKinds.map { ("layers.\(layer).\($0.kind).weight", $0.shape) }
            } + [("norm.weight", [dim]), ("output.weight", [vocab, dim])]
    }

    /// Small random values for every tensor; norm weights are around 1.
    public func randomValues(seed: UInt64 = 1) -> [String: [Float]] {
        var random = Random(seed: seed)
        var values: [String: [Float]] = [:]
        for (name, shape) in tensors {
            values[name] = random.floats(
                shape.reduce(1, *), in: shape.count == 1 ? 0.5...1.5 : -0.5...0.5)
        }
        return values
    }
}

/// The parts of a `.lmw` file.
public struct LMWBytes: Sendable {
    public struct Record: Sendable {
        public var name: String
        public var shape: [Int]
        public var values: [Float]

        public init(name: String, shape: [Int], values: [Float]) {
            (self.name, self.shape, self.values) = (name, shape, values)
        }
    }

    public var magic: UInt32 = 0x696D_756C
    public var version = 1
    public var sizes: TinySizes
    public var multipleOf = 4
    public var normEps: Float = 1e-5
    public var records: [Record]

    public init(_ sizes: TinySizes = TinySizes(), values: [String: [Float]]? = nil) {
        let values = values ?? sizes.randomValues()
        self.sizes = sizes
        records = sizes.tensors.map {
            Record(name: $0.name, shape: $0.shape, values: values[$0.name]!)
        }
    }

    public func index(of name: String) -> Int { records.firstIndex { $0.name == name }! }

    public subscript(name: String) -> Record {
        get { records[index(of: name)] }
        set { records[index(of: name)] = newValue }
    }

    /// The size of the header, and the offset of the first record.
    public static let headerSize = 40

    public var header: [UInt8] {
        let numbers = [
            version, sizes.dim, sizes.layers, sizes.heads, sizes.kvHeads, multipleOf, sizes.vocab,
            sizes.maxSeqLen,
        ]
        return littleEndian(magic) + numbers.flatMap { littleEndian(Int32($0)) }
            + littleEndian(normEps.bitPattern)
    }

    public static func bytes(of record: Record) -> [UInt8] {
        let padding = 4 - record.name.utf8.count % 4
        let name = Array(record.name.utf8) + Array(repeating: 0x20, count: padding)
        return littleEndian(UInt32(name.count)) + name
            + littleEndian(UInt32(record.shape.count))
            + record.shape.flatMap { littleEndian(UInt32($0)) }
            + record.values.flatMap { littleEndian($0.bitPattern) }
    }

    public var bytes: [UInt8] { header + records.flatMap(LMWBytes.bytes(of:)) }
}

/// A legacy `.bin` file of llama2.c. RoPE's tables are filled with 7.
public struct Llama2cBytes: Sendable {
    public let bytes: [UInt8]

    /// - Parameter hasClassifier: whether to write a classifier, and a negative vocab_size.
    public init(
        _ sizes: TinySizes = TinySizes(), hasClassifier: Bool = true,
        values: [String: [Float]]? = nil
    ) {
        let values = values ?? sizes.randomValues()
        let numbers = [
            sizes.dim, sizes.hidden, sizes.layers, sizes.heads, sizes.kvHeads,
            hasClassifier ? -sizes.vocab : sizes.vocab, sizes.maxSeqLen,
        ]
        var floats = values["tok_embeddings.weight"]!
        for (kind, _) in sizes.layerKinds {
            for layer in 0..<sizes.layers { floats += values["layers.\(layer).\(kind).weight"]! }
        }
        floats += values["norm.weight"]!
        floats += Array(repeating: 7, count: sizes.maxSeqLen * (sizes.dim / sizes.heads))
        if hasClassifier { floats += values["output.weight"]! }
        bytes =
            numbers.flatMap { littleEndian(Int32($0)) }
            + floats.flatMap { littleEndian($0.bitPattern) }
    }
}

/// The bytes of a number in little-endian order.
public func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
