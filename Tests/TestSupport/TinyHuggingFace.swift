// TinyHuggingFace: a tiny Llama in a Hugging Face folder, written without Support's code. Tests
// compare the readers and writers with it, and damage every part.

import Foundation

/// A Llama of two layers, 4 query heads that share 2 key-value heads, and headSize 4. Its values
/// are multiples of 1/64 below 1, which every element type can represent exactly.
public struct TinyHuggingFace {
    public struct Entry {
        public var name: String
        public var type: String
        public var shape: [Int]
        public var bytes: [UInt8]

        public init(name: String, type: String, shape: [Int], bytes: [UInt8]) {
            (self.name, self.type, self.shape, self.bytes) = (name, type, shape, bytes)
        }
    }

    /// Meta's names and values, in the order of a forward pass.
    public static let tensors: [(name: String, shape: [Int], values: [Float])] = {
        let layer = [
            ("attention_norm", [16]), ("attention.wq", [16, 16]), ("attention.wk", [8, 16]),
            ("attention.wv", [8, 16]), ("attention.wo", [16, 16]), ("ffn_norm", [16]),
            ("feed_forward.w1", [12, 16]), ("feed_forward.w2", [16, 12]),
            ("feed_forward.w3", [12, 16]),
        ]
        let layers = (0..<2).flatMap { i in layer.map { ("layers.\(i).\($0.0)", $0.1) } }
        let all = [("tok_embeddings", [5, 16])] + layers + [("norm", [16]), ("output", [5, 16])]
        return all.enumerated().map { seed, tensor in
            let count = tensor.1.reduce(1, *)
            let values = (0..<count).map { Float(($0 * 37 + seed * 11) % 127 - 63) / 64 }
            return (tensor.0 + ".weight", tensor.1, values)
        }
    }()

    /// The keys of config.json, with values as JSON; nil omits a key.
    public var config: [String: String?] = [
        "architectures": #"["LlamaForCausalLM"]"#, "model_type": #""llama""#,
        "hidden_size": "16", "intermediate_size": "12", "num_hidden_layers": "2",
        "num_attention_heads": "4", "num_key_value_heads": "2", "vocab_size": "5",
        "max_position_embeddings": "32", "rms_norm_eps": "1e-05", "rope_theta": "10000.0",
        "rope_scaling": "null", "hidden_act": #""silu""#, "tie_word_embeddings": "false",
    ]
    public var entries: [Entry]

    public init(type: String = "F32", isTied: Bool = false) {
        entries = TinyHuggingFace.tensors.dropLast(isTied ? 1 : 0).map { tensor in
            let values =
                switch tensor.name.split(separator: ".").dropLast().last {
                case "wq", "wk": TinyHuggingFace.reordered(tensor.values)
                default: tensor.values
                }
            return Entry(
                name: TinyHuggingFace.huggingFaceName(tensor.name), type: type, shape: tensor.shape,
                bytes: values.flatMap { TinyHuggingFace.bytes(of: $0, type) })
        }
        config["tie_word_embeddings"] = "\(isTied)"
    }

    public func index(of name: String) -> Int { entries.firstIndex { $0.name == name }! }

    private static let parts: [(meta: String, huggingFace: String)] = [
        ("layers.", "model.layers."), ("attention_norm", "input_layernorm"),
        ("ffn_norm", "post_attention_layernorm"), ("tok_embeddings", "model.embed_tokens"),
        ("attention.wq", "self_attn.q_proj"), ("attention.wk", "self_attn.k_proj"),
        ("attention.wv", "self_attn.v_proj"), ("attention.wo", "self_attn.o_proj"),
        ("feed_forward.w1", "mlp.gate_proj"), ("feed_forward.w2", "mlp.down_proj"),
        ("feed_forward.w3", "mlp.up_proj"), ("output.", "lm_head."),
    ]

    private static func huggingFaceName(_ name: String) -> String {
        if name == "norm.weight" { return "model.norm.weight" }
        var result = name
        for (meta, huggingFace) in parts {
            result = result.replacingOccurrences(of: meta, with: huggingFace)
        }
        return result
    }

    /// Reorders each head, of 4 rows of 16: the even rows, then the odd ones.
    private static func reordered(_ values: [Float]) -> [Float] {
        var result: [Float] = []
        for head in stride(from: 0, to: values.count, by: 64) {
            for row in [0, 2, 1, 3] { result += values[head + row * 16..<head + row * 16 + 16] }
        }
        return result
    }

    private static func bytes(of value: Float, _ type: String) -> [UInt8] {
        switch type {
        case "F16": littleEndian(Float16(value).bitPattern)
        case "BF16": littleEndian(UInt16(value.bitPattern >> 16))
        default: littleEndian(value.bitPattern)
        }
    }

    // MARK: Files

    /// A file with its header padded, so that the values begin `misalignment` bytes after a
    /// multiple of 8.
    public static func file(_ entries: [Entry], misalignment: Int = 0) -> [UInt8] {
        var (end, parts) = (0, [String]())
        for entry in entries {
            parts.append(
                """
                "\(entry.name)":{"dtype":"\(entry.type)","shape":\(entry.shape),\
                "data_offsets":[\(end),\(end + entry.bytes.count)]}
                """)
            end += entry.bytes.count
        }
        let metadata = #""__metadata__":{"format":"pt"}"#
        var header = "{\(([metadata] + parts).joined(separator: ","))}"
        while header.utf8.count % 8 != misalignment { header += " " }
        return file(header: header, data: entries.flatMap(\.bytes))
    }

    public static func file(header: String, data: [UInt8]) -> [UInt8] {
        littleEndian(UInt64(header.utf8.count)) + Array(header.utf8) + data
    }

    public var configJSON: String {
        let parts = config.compactMap { key, value in value.map { "\"\(key)\": \($0)" } }
        return "{\(parts.sorted().joined(separator: ", "))}"
    }

    /// Writes the folder, with an index for more than one shard.
    /// - Returns: the folder.
    @discardableResult
    public func write(to folder: TemporaryFolder, shards: Int = 1) throws -> String {
        _ = try folder.write(Array(configJSON.utf8), as: "config.json")
        if shards == 1 {
            _ = try folder.write(TinyHuggingFace.file(entries), as: "model.safetensors")
            return folder.path
        }
        var map: [String] = []
        for shard in 0..<shards {
            let part = entries.indices.filter { $0 % shards == shard }.map { entries[$0] }
            let name = "model-\(shard + 1)-of-\(shards).safetensors"
            _ = try folder.write(TinyHuggingFace.file(part), as: name)
            map += part.map { "\"\($0.name)\": \"\(name)\"" }
        }
        let index = #"{"metadata": {}, "weight_map": {\#(map.joined(separator: ", "))}}"#
        _ = try folder.write(Array(index.utf8), as: "model.safetensors.index.json")
        return folder.path
    }
}

extension TemporaryFolder {
    public func file(_ name: String) -> String { path + "/" + name }
}
