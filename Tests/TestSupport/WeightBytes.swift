// LMWBytes, Llama2cBytes and Llama2cInt8Bytes: weight files of tiny models, written without
// Support's code. Tests compare the readers and writers with them, and damage every part.

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

/// An int8 `.bin` file of llama2.c, version 2. Integers are random, scales multiples of 1/1024.
public struct Llama2cInt8Bytes: Sendable {
    public private(set) var bytes: [UInt8]
    /// integer · scale of every tensor.
    public private(set) var values: [String: [Float]] = [:]
    /// The offset of the first scale of every matrix.
    public private(set) var scaleOffsets: [String: Int] = [:]

    /// - Parameter groupSize: a divisor of dim and hidden.
    public init(_ sizes: TinySizes, groupSize: Int, hasClassifier: Bool = true) {
        let numbers = [
            2, sizes.dim, sizes.hidden, sizes.layers, sizes.heads, sizes.kvHeads, sizes.vocab,
            sizes.maxSeqLen,
        ]
        bytes = littleEndian(UInt32(0x616B_3432)) + numbers.flatMap { littleEndian(Int32($0)) }
        bytes += [hasClassifier ? 0 : 1] + littleEndian(Int32(groupSize))
        bytes += Array(repeating: 0, count: 256 - bytes.count)

        let shapes = Dictionary(uniqueKeysWithValues: sizes.tensors.map { ($0.name, $0.shape) })
        func names(_ kinds: [String]) -> [String] {
            kinds.flatMap { kind in (0..<sizes.layers).map { "layers.\($0).\(kind).weight" } }
        }
        for name in names(["attention_norm", "ffn_norm"]) + ["norm.weight"] {
            values[name] = sizes.randomValues()[name]!
            bytes += values[name]!.flatMap { littleEndian($0.bitPattern) }
        }
        let kinds = [
            "attention.wq", "attention.wk", "attention.wv", "attention.wo", "feed_forward.w1",
            "feed_forward.w2", "feed_forward.w3",
        ]
        var random = Random(seed: 2)
        for name in ["tok_embeddings.weight"] + names(kinds)
            + (hasClassifier ? ["output.weight"] : [])
        {
            let integers = (0..<shapes[name]!.reduce(1, *)).map { _ in Int8(random.below(255) - 127)
            }
            let scales = (0..<integers.count / groupSize).map { _ in
                Float(1 + random.below(64)) / 1024
            }
            values[name] = integers.enumerated().map { Float($1) * scales[$0 / groupSize] }
            bytes += integers.map { UInt8(bitPattern: $0) }
            scaleOffsets[name] = bytes.count
            bytes += scales.flatMap { littleEndian($0.bitPattern) }
        }
        if !hasClassifier { values["output.weight"] = values["tok_embeddings.weight"] }
    }
}

/// The bytes of a number in little-endian order.
public func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
