// ConfigFile: Hugging Face's `config.json`, which states the sizes of a Llama. `HuggingFace` reads
// it; it is written next to every `.safetensors` file.

/// The sizes of a model with Llama 2's architecture. Reading refuses other architectures.
package struct ConfigFile: Codable {
    package private(set) var config: Config
    /// Whether the classifier shares the embeddings; nil if the file does not say.
    package let tiesEmbeddings: Bool?
    /// PyTorch's name of the element type. It is written but not read.
    private var torchDtype: String?

    // MARK: Reading

    /// Reads `config.json` in the folder of another file.
    package init(nextTo path: String) throws {
        let file = try MappedFile(path: siblingPath("config.json", of: path))
        self = try withExtendedLifetime(file) {
            try withPath(file.path) { try decodeJSON(ConfigFile.self, file.bytes, "the contents") }
        }
    }

    package init(from decoder: any Decoder) throws {
        let json = try decoder.container(keyedBy: JSONKey.self)
        try json.require("model_type", "llama")
        let architectures = try json.decodeIfPresent([String].self, forKey: "architectures")
        try require(
            architectures?.contains("LlamaForCausalLM") ?? json.contains("model_type"),
            "LlamaForCausalLM", as: "architectures", found: architectures ?? [])
        try json.require("attention_bias", false)
        try json.require("mlp_bias", false)
        try json.require("hidden_act", "silu")
        try require(
            !json.hasValue("rope_scaling"), "null (no scaling)", as: "rope_scaling",
            found: "another value")

        let heads = try json.size("num_attention_heads")
        config = Config(
            dim: try json.size("hidden_size"), hiddenDim: try json.size("intermediate_size"),
            nLayers: try json.size("num_hidden_layers"), nHeads: heads,
            nKvHeads: try json.size("num_key_value_heads", default: heads),
            vocabSize: try json.size("vocab_size"),
            maxSeqLen: try json.size("max_position_embeddings", default: 2048))
        try config.validate()
        try json.require("head_dim", config.headSize)
        tiesEmbeddings = try json.decodeIfPresent(Bool.self, forKey: "tie_word_embeddings")

        let eps = try json.decodeIfPresent(Float.self, forKey: "rms_norm_eps") ?? 1e-6
        try require(
            eps >= 1e-20 && eps < 1, "a small positive number", as: "rms_norm_eps", found: eps)
        var theta = try json.decodeIfPresent(Float.self, forKey: "rope_theta")
        // later versions of transformers group RoPE's parameters
        if try json.hasValue("rope_parameters") {
            let rope = try json.nestedContainer(keyedBy: JSONKey.self, forKey: "rope_parameters")
            try rope.require("rope_type", "default")
            let groupedTheta = try rope.decodeIfPresent(Float.self, forKey: "rope_theta")
            theta = theta ?? groupedTheta
        }
        (config.normEps, config.ropeTheta) = (eps, theta ?? 10000)
        try require(
            config.ropeTheta > 0, "a positive number", as: "rope_theta", found: config.ropeTheta)
    }

    // MARK: Writing

    /// The `config.json` of these weights.
    package init(_ weights: Weights) {
        (config, tiesEmbeddings) = (weights.config, weights.isTied)
        // PyTorch has the same names
        torchDtype = "\(weights["tok_embeddings.weight"].element.number)"
    }

    package func encode(to encoder: any Encoder) throws {
        var json = encoder.container(keyedBy: JSONKey.self)
        try json.encode("llama", forKey: "model_type")
        try json.encode(["LlamaForCausalLM"], forKey: "architectures")
        try json.encode("silu", forKey: "hidden_act")
        try json.encode(config.dim, forKey: "hidden_size")
        try json.encode(config.hiddenDim, forKey: "intermediate_size")
        try json.encode(config.nLayers, forKey: "num_hidden_layers")
        try json.encode(config.nHeads, forKey: "num_attention_heads")
        try json.encode(config.nKvHeads, forKey: "num_key_value_heads")
        try json.encode(config.vocabSize, forKey: "vocab_size")
        try json.encode(config.maxSeqLen, forKey: "max_position_embeddings")
        try json.encode(config.normEps, forKey: "rms_norm_eps")
        try json.encode(config.ropeTheta, forKey: "rope_theta")
        try json.encode(tiesEmbeddings, forKey: "tie_word_embeddings")
        try json.encode(torchDtype, forKey: "torch_dtype")
    }

    /// Writes `config.json` in the folder of another file. It appears there when it is kept.
    /// - Throws: `FileError` if it cannot be written.
    package func written(nextTo path: String) throws -> OutputFile {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let file = try OutputFile(replacing: siblingPath("config.json", of: path))
        try file.write(encoder.encode(self) + Data("\n".utf8))
        return file
    }
}

extension KeyedDecodingContainer<JSONKey> {
    fileprivate func hasValue(_ key: JSONKey) throws -> Bool {
        try contains(key) && !decodeNil(forKey: key)
    }

    fileprivate func size(_ key: JSONKey, default other: Int? = nil) throws -> Int {
        let size = try decodeIfPresent(Int.self, forKey: key) ?? other
        let found = size.map(String.init) ?? "nothing"
        try Support.require(size ?? 0 > 0, "a positive number", as: key.name, found: found)
        return size ?? 0
    }

    /// - Throws: `WeightFileError.Problem` unless the value is missing or the expected one.
    fileprivate func require<Value: Decodable & Equatable>(
        _ key: JSONKey, _ expected: Value
    ) throws {
        let found = try decodeIfPresent(Value.self, forKey: key) ?? expected
        try Support.require(found == expected, "\(expected)", as: key.name, found: found)
    }
}
