// HuggingFace: reads the models of the transformers library: a folder with `config.json` and one or
// more `.safetensors` files. Names and the row order of wq and wk differ from Meta's.

enum HuggingFace {
    /// The file to read: a folder's `.safetensors` file or index, or `path` itself.
    /// - Throws: `WeightFileError` if the folder has neither.
    static func file(at path: String) throws -> String {
        guard isFolder(path) else { return path }
        let paths = ["model.safetensors", "model.safetensors.index.json"].map { path + "/" + $0 }
        guard let found = paths.first(where: FileManager.default.fileExists) else {
            let expected = "model.safetensors or model.safetensors.index.json in this folder"
            throw WeightFileError(path: path, problem: .unexpected(expected, found: "neither"))
        }
        return found
    }

    /// Hugging Face's name of a tensor: "model.layers.0.self_attn.q_proj.weight" for
    /// "layers.0.attention.wq.weight".
    static func name(of tensor: String) -> String {
        let parts = tensor.split(separator: ".").map(String.init)
        let name = names[parts[parts.count - 2]] ?? tensor
        return parts.count > 2 ? "model.layers.\(parts[1]).\(name).weight" : name + ".weight"
    }

    private static let names = [
        "tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head",
        "attention_norm": "input_layernorm", "wq": "self_attn.q_proj", "wk": "self_attn.k_proj",
        "wv": "self_attn.v_proj", "wo": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
        "w1": "mlp.gate_proj", "w2": "mlp.down_proj", "w3": "mlp.up_proj",
    ]

    /// For wq and wk, the source row of each row after reordering; nil for all other tensors. RoPE
    /// rotates rows 2i and 2i + 1 of a head together in Meta's order, rows i and headSize / 2 + i
    /// in Hugging Face's.
    static func rowOrder(
        of tensor: String, _ config: Config, toHuggingFace: Bool
    ) -> ((Int) -> Int)? {
        guard tensor.hasSuffix(".wq.weight") || tensor.hasSuffix(".wk.weight") else { return nil }
        let headSize = config.headSize
        let columns = toHuggingFace ? headSize / 2 : 2
        return { row in
            let (head, i) = row.quotientAndRemainder(dividingBy: headSize)
            return head * headSize + i % columns * (headSize / columns) + i / columns
        }
    }

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        let configFile = try ConfigFile(nextTo: file.path)
        let isSingle = SafetensorsFile.recognises(file.bytes)
        var entries = try isSingle ? SafetensorsFile.entries(of: file) : entries(of: file)
        let (embeddings, output) = (name(of: "tok_embeddings.weight"), name(of: "output.weight"))
        let isTied = configFile.tiesEmbeddings ?? (entries[output] == nil)
        if isTied { entries[output] = entries[embeddings] }

        // RoPE computes its frequencies, so the file's are ignored
        let matched = try entries.matched(with: configFile.config, nameInFile: name) {
            $0.hasSuffix("rotary_emb.inv_freq")
        }
        var tensors: [String: Tensor] = [:]
        for (name, entry) in matched where !(isTied && name == "output.weight") {
            let order = rowOrder(of: name, configFile.config, toHuggingFace: false)
            tensors[name] = order.map(entry.copied) ?? entry.tensor
        }
        if isTied { tensors["output.weight"] = tensors["tok_embeddings.weight"] }
        return (configFile.config, tensors)
    }

    /// The tensors of all files in an index.
    private static func entries(of index: MappedFile) throws -> [String: TensorEntry] {
        struct Index: Decodable {
            let shards: [String: String]
            enum CodingKeys: String, CodingKey { case shards = "weight_map" }
        }
        let shards = try decodeJSON(Index.self, index.bytes, "the contents").shards
        var entries: [String: TensorEntry] = [:]
        for shard in Set(shards.values).sorted() {
            // the name becomes part of errors, which are one line
            let hasControls = shard.unicodeScalars.contains {
                $0.properties.generalCategory == .control
            }
            try require(
                !shard.isEmpty && !shard.contains("/") && !hasControls, "a file name",
                as: "a shard in weight_map", found: shard.debugDescription)
            let file = try MappedFile(path: siblingPath(shard, of: index.path))
            try withPath(file.path) {
                let isSafetensors = SafetensorsFile.recognises(file.bytes)
                try require(isSafetensors, ".safetensors", as: "the shard", found: "another format")
                let found = try SafetensorsFile.entries(of: file)
                let listed = shards.keys.filter { shards[$0] == shard }
                if let missing = listed.filter({ found[$0] == nil }).min() {
                    throw Problem.missingTensor(missing)
                }
                if let repeated = found.keys.filter({ entries[$0] != nil }).min() {
                    throw Problem.repeatedTensor(repeated)
                }
                entries.merge(found) { first, _ in first }
            }
        }
        return entries
    }
}

func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The path of a file in the same folder as another.
package func siblingPath(_ name: String, of path: String) -> String {
    path.lastIndex(of: "/").map { path[...$0] + name } ?? name
}
