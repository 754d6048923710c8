// GGUFFile: GGUF, llama.cpp's format, versions 2 and 3: settings, then the tensors' descriptions, then
// their values, which may be quantised. `Weights` reads it; GGUFTokenizer reads the vocabulary in it.

enum GGUFFile {
    static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: "GGUF".utf8)
    }

    /// Whether a path names a readable GGUF file.
    static func isAt(_ path: String) -> Bool {
        guard let file = try? MappedFile(path: path) else { return false }
        return withExtendedLifetime(file) { recognises(file.bytes) }
    }

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        let metadata = try GGUFMetadata(file.bytes)
        var entries = try entries(of: file, metadata)
        let (embeddings, output) = (name(of: "tok_embeddings.weight"), name(of: "output.weight"))
        guard let vocabulary = entries[embeddings]?.shape[0] else {
            throw Problem.missingTensor(embeddings)
        }
        let config = try config(metadata, vocabSize: vocabulary)
        let isTied = entries[output] == nil
        if isTied { entries[output] = entries[embeddings] }

        let matched = try entries.matched(with: config, nameInFile: name) { _ in false }
        var tensors: [String: Tensor] = [:]
        for (name, entry) in matched where !(isTied && name == "output.weight") {
            // arithmetic with vectors needs numbers; only matrices may have blocks
            try require(
                entry.shape.count > 1 || !entry.element.isQuantized, "F32, F16 or BF16",
                as: "the type of \(Self.name(of: name))", found: entry.element.rawValue)
            tensors[name] = entry.tensor
        }
        if isTied { tensors["output.weight"] = tensors["tok_embeddings.weight"] }
        return (config, tensors)
    }

    /// GGUF's name of a tensor: "blk.0.attn_q.weight" for "layers.0.attention.wq.weight".
    static func name(of tensor: String) -> String {
        let parts = tensor.split(separator: ".").map(String.init)
        let name = names[parts[parts.count - 2]] ?? tensor
        return parts.count > 2 ? "blk.\(parts[1]).\(name).weight" : name + ".weight"
    }

    private static let names = [
        "tok_embeddings": "token_embd", "norm": "output_norm", "output": "output",
        "attention_norm": "attn_norm", "wq": "attn_q", "wk": "attn_k", "wv": "attn_v",
        "wo": "attn_output", "ffn_norm": "ffn_norm", "w1": "ffn_gate", "w2": "ffn_down",
        "w3": "ffn_up",
    ]

    // MARK: Settings

    /// The sizes of a Llama that is computed as Llama 2 is.
    private static func config(_ metadata: GGUFMetadata, vocabSize: Int) throws -> Config {
        let architecture = try metadata.string("general.architecture")
        try require(
            architecture == "llama", "\"llama\"", as: "general.architecture",
            found: architecture.map(\.debugDescription) ?? "nothing")

        func size(_ key: String, default other: Int? = nil) throws -> Int {
            guard let size = try metadata.integer("llama." + key) ?? other else {
                throw Problem.missingKey("llama." + key)
            }
            try require(
                size > 0 && size <= Int32.max, "a number from 1 to \(Int32.max)",
                as: "llama." + key, found: size)
            return size
        }
        let heads = try size("attention.head_count")
        var config = Config(
            dim: try size("embedding_length"), hiddenDim: try size("feed_forward_length"),
            nLayers: try size("block_count"), nHeads: heads,
            nKvHeads: try size("attention.head_count_kv", default: heads), vocabSize: vocabSize,
            maxSeqLen: try size("context_length"))
        try config.validate()

        guard let eps = try metadata.float("llama.attention.layer_norm_rms_epsilon") else {
            throw Problem.missingKey("llama.attention.layer_norm_rms_epsilon")
        }
        try require(
            eps >= 1e-20 && eps < 1, "a small positive number",
            as: "llama.attention.layer_norm_rms_epsilon", found: eps)
        let theta = try metadata.float("llama.rope.freq_base") ?? 10000
        try require(
            theta > 0 && theta.isFinite, "a positive number", as: "llama.rope.freq_base",
            found: theta)
        (config.normEps, config.ropeTheta) = (eps, theta)
        try requireOthers(metadata, config)
        return config
    }

    /// - Throws: `WeightFileError.Problem` if a setting says that the model is computed otherwise.
    private static func requireOthers(_ metadata: GGUFMetadata, _ config: Config) throws {
        func require<Value: Equatable>(
            _ key: String, _ found: (String) throws -> Value?, _ expected: Value
        ) throws {
            let value = try found("llama." + key) ?? expected
            try Support.require(
                value == expected, "\(expected)", as: "llama." + key, found: value)
        }
        for key in ["attention.key_length", "attention.value_length", "rope.dimension_count"] {
            try require(key, metadata.integer, config.headSize)
        }
        try require("vocab_size", metadata.integer, config.vocabSize)
        try require("expert_count", metadata.integer, 0)
        try require("expert_used_count", metadata.integer, 0)
        try require("attention.causal", metadata.bool, true)
        try require("rope.scaling.type", metadata.string, "none")
        try require("rope.scale_linear", metadata.float, 1)
        try require("rope.scaling.attn_factor", metadata.float, 1)
        if try metadata.string("llama.rope.scaling.type") == nil {
            try require("rope.scaling.factor", metadata.float, 1)
        }
    }

    // MARK: Tensors

    /// All tensors of the file.
    /// - Throws: `WeightFileError.Problem` unless every one is of a known type and follows the one
    ///   before it at the next multiple of the alignment, up to the end of the file.
    private static func entries(
        of file: MappedFile, _ metadata: GGUFMetadata
    ) throws -> [String: TensorEntry] {
        let alignment = try metadata.integer("general.alignment") ?? 32
        try require(
            alignment > 0 && alignment <= 1 << 20 && alignment & (alignment - 1) == 0,
            "a power of two of at most \(1 << 20)", as: "general.alignment", found: alignment)

        var cursor = GGUFCursor(bytes: file.bytes, offset: metadata.end)
        var found: [(name: String, element: ElementType, shape: [Int], offset: UInt64)] = []
        var names: Set<String> = []
        for _ in 0..<metadata.tensorCount {
            let name = try cursor.name("a tensor's name")
            let rank: UInt32 = try cursor.number("the shape of \(name)")
            try require(
                rank >= 1 && rank <= 4, "1 to 4", as: "the number of axes of \(name)", found: rank)
            // a row's length comes first in the file
            let sizes = try (0..<rank).map { _ in
                try cursor.number("the shape of \(name)", as: UInt64.self)
            }
            let shape = sizes.reversed().map { Int(clamping: $0) }
            try require(
                !shape.contains(0), "a positive number", as: "every size of \(name)", found: shape)
            let element = try element(try cursor.number("the type of \(name)"), of: name)
            try require(
                shape.last! % element.blockSize == 0, "a multiple of \(element.blockSize)",
                as: "the row length of \(name) in \(element.rawValue)", found: shape.last!)
            let offset: UInt64 = try cursor.number("the place of \(name)")
            guard names.insert(name).inserted else { throw Problem.repeatedTensor(name) }
            found.append((name, element, shape, offset))
        }

        func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }
        let start = aligned(cursor.offset)
        let room = max(0, file.bytes.count - start)
        var entries: [String: TensorEntry] = [:]
        var end = 0  // of the previous tensor
        for (name, element, shape, offset) in found {
            guard let count = shape.checkedProduct,
                let size = [count / element.blockSize, element.blockByteCount].checkedProduct
            else { throw Problem.overflow(name) }
            let place = "the place of \(name)"
            let expected = aligned(end)
            try require(
                offset == expected, "\(expected), after the tensor before it", as: place,
                found: offset)
            try require(
                expected <= room && size <= room - expected,
                "\(size) bytes within the data section's \(room)", as: place,
                found: "offset \(offset)")
            entries[name] = TensorEntry(
                file: file, element: element, shape: shape, offset: start + expected)
            end = expected + size
        }
        // a damaged type or number of tensors, or another file's bytes
        try require(
            room == end || room == aligned(end), "\(aligned(end)) bytes",
            as: "the size of the data section",
            found: room)
        return entries
    }

    private static func element(_ type: UInt32, of tensor: String) throws -> ElementType {
        let name = type < typeNames.count ? typeNames[Int(type)] : "type \(type)"
        guard let element = ElementType(rawValue: name) else {
            let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.badValue("the type of \(tensor)", "one of \(known)", found: name)
        }
        return element
    }

    /// ggml's number of a type.
    static func number(of element: ElementType) -> UInt32 {
        UInt32(typeNames.firstIndex(of: element.rawValue)!)
    }

    /// ggml's types by number; those of no name have been removed.
    private static let typeNames =
        [
            "F32", "F16", "Q4_0", "Q4_1", "type 4, removed", "type 5, removed", "Q5_0", "Q5_1",
            "Q8_0", "Q8_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K", "IQ2_XXS", "IQ2_XS",
            "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64",
            "F64", "IQ1_M", "BF16", "type 31, removed", "type 32, removed", "type 33, removed",
            "TQ1_0", "TQ2_0", "type 36, removed", "type 37, removed", "type 38, removed", "MXFP4",
        ]
}
