// HuggingFaceSettings: what `config.json` says of a Llama, and JSON whose mistakes become sentences.

extension HuggingFace {
    /// What `config.json` in the folder of a file says.
    package static func settings(besides path: String) throws -> Settings {
        let file = try MappedFile(path: siblingPath("config.json", of: path))
        return try withPath(file.path) { try decodeJSON(Settings.self, file.bytes, "the file") }
    }

    /// The sizes of a Llama that is computed as Llama 2 is.
    package struct Settings: Decodable, Equatable {
        package private(set) var config: Config
        /// Whether the embeddings are the classifier too; nil if that is not said.
        package let tiesEmbeddings: Bool?

        package init(from decoder: any Decoder) throws {
            let json = try decoder.container(keyedBy: JSONKey.self)
            func value<Value: Decodable>(_ key: JSONKey) throws -> Value? {
                try json.decodeIfPresent(Value.self, forKey: key)
            }
            func size(_ key: JSONKey, default other: Int? = nil) throws -> Int {
                let size = try value(key) ?? other
                let found = size.map(String.init) ?? "nothing"
                try require("a positive number", as: key.name, found: found, size ?? 0 > 0)
                return size ?? 0
            }
            func check<Value: Decodable & Equatable>(_ key: JSONKey, _ wanted: Value) throws {
                let found = try value(key) ?? wanted
                try require("\(wanted)", as: key.name, found: "\(found)", found == wanted)
            }

            try check("model_type", "llama")
            let architectures: [String]? = try value("architectures")
            try require(
                "LlamaForCausalLM", as: "architectures", found: "\(architectures ?? [])",
                architectures?.contains("LlamaForCausalLM") ?? json.contains("model_type"))
            try check("attention_bias", false)
            try check("mlp_bias", false)
            try check("hidden_act", "silu")
            let isScaled =
                try json.contains("rope_scaling") && !json.decodeNil(forKey: "rope_scaling")
            try require("null", as: "rope_scaling", found: "a scaling", !isScaled)

            let heads = try size("num_attention_heads")
            config = Config(
                dim: try size("hidden_size"), hiddenDim: try size("intermediate_size"),
                nLayers: try size("num_hidden_layers"), nHeads: heads,
                nKvHeads: try size("num_key_value_heads", default: heads),
                vocabSize: try size("vocab_size"),
                maxSeqLen: try size("max_position_embeddings", default: 2048))
            try config.validate()
            try check("head_dim", config.headSize)
            tiesEmbeddings = try value("tie_word_embeddings")

            let eps: Float = try value("rms_norm_eps") ?? 1e-6
            let isSmall = eps >= 1e-20 && eps < 1
            try require("a small positive number", as: "rms_norm_eps", found: "\(eps)", isSmall)
            // later versions of the library group what they say of RoPE
            let rope: RopeParameters? = try value("rope_parameters")
            let theta = try value("rope_theta") ?? rope?.theta ?? 10000
            try require("a positive number", as: "rope_theta", found: "\(theta)", theta > 0)
            (config.normEps, config.ropeTheta) = (eps, theta)
        }
    }

    private struct RopeParameters: Decodable {
        let theta: Float?

        init(from decoder: any Decoder) throws {
            let json = try decoder.container(keyedBy: JSONKey.self)
            let type = try json.decodeIfPresent(String.self, forKey: "rope_type") ?? "default"
            try require("default", as: "rope_type", found: type, type == "default")
            theta = try json.decodeIfPresent(Float.self, forKey: "rope_theta")
        }
    }
}

/// Any key.
struct JSONKey: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }
    var name: String { stringValue }

    init(stringLiteral: String) { stringValue = stringLiteral }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// Longer JSON is taken for damage: a large model's header has 0.1 MB.
private let jsonLimit = 10_000_000

/// Reads JSON in which no key is there twice.
/// - Parameter what: what the JSON is, for messages.
/// - Throws: `WeightFileError.Problem`
func decodeJSON<Value: Decodable>(
    _ type: Value.Type, _ bytes: UnsafeRawBufferPointer, _ what: String
) throws -> Value {
    try require(
        "at most \(jsonLimit)", as: "the length of \(what)", found: "\(bytes.count)",
        bytes.count <= jsonLimit)
    do {
        let value = try JSONDecoder().decode(type, from: Data(bytes))
        let key = repeatedKey(bytes)
        try require("every key once", as: what, found: "\(key ?? "") twice", key == nil)
        return value
    } catch let error as DecodingError {
        throw error.problem(what)
    }
}

/// A key that one object of a valid JSON text has twice.
private func repeatedKey(_ json: UnsafeRawBufferPointer) -> String? {
    var objects: [Set<String>] = []
    var text = Range(0...0)  // of the string read last, in its quotes
    var i = 0
    while i < json.count {
        switch json[i] {
        case UInt8(ascii: "{"): objects.append([])
        case UInt8(ascii: "}"): _ = objects.popLast()
        case UInt8(ascii: ":") where !objects.isEmpty:
            // escapes can spell one key in two ways
            let key = try? JSONDecoder().decode(String.self, from: Data(json[text]))
            if let key, !objects[objects.count - 1].insert(key).inserted { return key }
        case UInt8(ascii: "\""):
            let start = i
            i += 1
            while i < json.count && json[i] != UInt8(ascii: "\"") {
                i += json[i] == UInt8(ascii: "\\") ? 2 : 1
            }
            text = start..<min(i + 1, json.count)
        default: break
        }
        i += 1
    }
    return nil
}

extension DecodingError {
    fileprivate func problem(_ what: String) -> WeightFileError.Problem {
        func place(_ path: [any CodingKey]) -> String {
            path.isEmpty ? what : path.map(\.stringValue).joined(separator: ": ")
        }
        switch self {
        case .keyNotFound(let key, let context):
            return .badValue(place(context.codingPath + [key]), "nothing", expected: "a value")
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            let kinds = [
                "Int": "a whole number", "Float": "a number", "String": "a text",
                "Bool": "true or false", "Array<Any>": "a list",
            ]
            return .badValue(
                place(context.codingPath), "something else",
                expected: kinds["\(type)"] ?? "an object")
        default:
            let expected = "JSON with numbers of the right kind"
            return .badValue(what, "something else", expected: expected)
        }
    }
}
