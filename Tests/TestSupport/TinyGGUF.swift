// TinyGGUF: a GGUF file of a tiny model, written by hand, so that tests can compare the package's
// reader with it and damage every part.

/// A GGUF file in pieces. Its vocabulary is TinyTokenizer's.
public struct TinyGGUF: Sendable {
    /// A value of the metadata, with its type's number.
    public struct Value: Sendable {
        public var type: UInt32
        public var bytes: [UInt8]

        public init(_ type: UInt32, _ bytes: [UInt8]) { (self.type, self.bytes) = (type, bytes) }

        public static func uint32(_ number: Int) -> Value {
            Value(4, littleEndian(UInt32(truncatingIfNeeded: number)))
        }
        public static func uint64(_ number: UInt64) -> Value { Value(10, littleEndian(number)) }
        public static func float(_ number: Float) -> Value {
            Value(6, littleEndian(number.bitPattern))
        }
        public static func bool(_ byte: UInt8) -> Value { Value(7, [byte]) }
        public static func string(_ text: String) -> Value { Value(8, sized(Array(text.utf8))) }
        public static func array(_ type: UInt32, _ elements: [[UInt8]]) -> Value {
            Value(9, littleEndian(type) + littleEndian(UInt64(elements.count)) + elements.joined())
        }
        public static func strings(_ texts: [String]) -> Value {
            array(8, texts.map { sized(Array($0.utf8)) })
        }
        public static func floats(_ numbers: [Float]) -> Value {
            array(6, numbers.map { littleEndian($0.bitPattern) })
        }
        public static func int32s(_ numbers: [Int]) -> Value {
            array(5, numbers.map { littleEndian(Int32($0)) })
        }
    }

    public struct Tensor: Sendable {
        public var name: String
        /// The row's length first, as the file has them.
        public var sizes: [UInt64]
        public var type: UInt32
        public var bytes: [UInt8]
        /// Where the file says that the values are; nil for where they are.
        public var offset: UInt64?

        public init(name: String, sizes: [UInt64], type: UInt32, bytes: [UInt8]) {
            (self.name, self.sizes, self.type, self.bytes) = (name, sizes, type, bytes)
        }
    }

    public var version: UInt32 = 3
    public var metadata: [(key: String, value: Value)]
    public var tensors: [Tensor]
    public var alignment = 32
    /// What the header says in place of the numbers that there are.
    public var tensorCount: UInt64?, keyCount: UInt64?

    /// F32 tensors of these sizes, whose dim must be a multiple of 4.
    public init(
        _ sizes: TinySizes = TinySizes(), values: [String: [Float]]? = nil,
        tokenizer: TinyTokenizer = TinyTokenizer()
    ) {
        let values = values ?? sizes.randomValues()
        metadata = [
            ("general.architecture", .string("llama")),
            ("llama.context_length", .uint32(sizes.maxSeqLen)),
            ("llama.embedding_length", .uint64(UInt64(sizes.dim))),
            ("llama.block_count", .uint32(sizes.layers)),
            ("llama.feed_forward_length", .uint32(sizes.hidden)),
            ("llama.attention.head_count", .uint32(sizes.heads)),
            ("llama.attention.head_count_kv", .uint32(sizes.kvHeads)),
            ("llama.attention.layer_norm_rms_epsilon", .float(1e-5)),
        ]
        let bytePieces = (0...255).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return "<0x\(byte < 16 ? "0" : "")\(digits)>"
        }
        let pieces = tokenizer.pieces
        let scores: [Float] = Array(repeating: 0, count: 259) + pieces.indices.map { -Float($0) }
        let byteTypes = Array(repeating: 6, count: 256)
        let types: [Int] = [2, 3, 3] + byteTypes + Array(repeating: 1, count: pieces.count)
        let vocabulary: [(key: String, value: Value)] = [
            ("tokenizer.ggml.model", .string("llama")),
            ("tokenizer.ggml.tokens", .strings(["<unk>", "<s>", "</s>"] + bytePieces + pieces)),
            ("tokenizer.ggml.scores", .floats(scores)),
            ("tokenizer.ggml.token_type", .int32s(types)),
        ]
        metadata += vocabulary
        tensors = sizes.tensors.map { name, shape in
            Tensor(
                name: TinyGGUF.theirName(name), sizes: shape.reversed().map(UInt64.init), type: 0,
                bytes: values[name]!.flatMap { littleEndian($0.bitPattern) })
        }
    }

    private static let parts: [(ours: String, theirs: String)] = [
        ("layers.", "blk."), ("attention_norm", "attn_norm"), ("tok_embeddings", "token_embd"),
        ("attention.wq", "attn_q"), ("attention.wk", "attn_k"), ("attention.wv", "attn_v"),
        ("attention.wo", "attn_output"), ("feed_forward.w1", "ffn_gate"),
        ("feed_forward.w2", "ffn_down"), ("feed_forward.w3", "ffn_up"),
    ]

    /// GGUF's name of a tensor.
    public static func theirName(_ ours: String) -> String {
        if ours == "norm.weight" { return "output_norm.weight" }
        return parts.reduce(ours) { $0.replacing($1.ours, with: $1.theirs) }
    }

    /// A tensor under GGUF's name.
    public subscript(tensor name: String) -> Tensor {
        get { tensors.first { $0.name == name }! }
        set { tensors[tensors.firstIndex { $0.name == name }!] = newValue }
    }

    /// A value of the metadata; nil removes it, a new key is added at the end.
    public subscript(key: String) -> Value? {
        get { metadata.first { $0.key == key }?.value }
        set {
            let index = metadata.firstIndex { $0.key == key }
            if let index, let newValue {
                metadata[index].value = newValue
            } else if let index {
                metadata.remove(at: index)
            } else if let newValue {
                metadata.append((key, newValue))
            }
        }
    }

    private static func sized(_ bytes: [UInt8]) -> [UInt8] {
        littleEndian(UInt64(bytes.count)) + bytes
    }

    private func padding(_ count: Int) -> [UInt8] {
        Array(repeating: 0, count: (alignment - count % alignment) % alignment)
    }

    /// Everything but the values.
    public var header: [UInt8] {
        var bytes = Array("GGUF".utf8) + littleEndian(version)
        bytes += littleEndian(tensorCount ?? UInt64(tensors.count))
        bytes += littleEndian(keyCount ?? UInt64(metadata.count))
        for (key, value) in metadata {
            bytes += TinyGGUF.sized(Array(key.utf8)) + littleEndian(value.type) + value.bytes
        }
        var offset = 0
        for tensor in tensors {
            bytes += TinyGGUF.sized(Array(tensor.name.utf8))
            bytes += littleEndian(UInt32(tensor.sizes.count)) + tensor.sizes.flatMap(littleEndian)
            bytes += littleEndian(tensor.type)
            bytes += littleEndian(tensor.offset ?? UInt64(offset))
            offset += tensor.bytes.count
            offset += padding(offset).count
        }
        return bytes + padding(bytes.count)
    }

    public var bytes: [UInt8] {
        header + tensors.flatMap { $0.bytes + padding($0.bytes.count) }
    }
}
