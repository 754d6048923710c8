// HuggingFace: a Llama as the transformers library keeps it: a folder with `config.json` and one or
// more `.safetensors` files, other names, and the rows of wq and wk in another order.

package enum HuggingFace {
    /// The file that stands for all weights of a folder; any other path as it is.
    /// - Throws: `WeightFileError` if the folder has no such file.
    static func file(at path: String) throws -> String {
        guard isFolder(path) else { return path }
        let paths = ["model.safetensors", "model.safetensors.index.json"].map { path + "/" + $0 }
        guard let found = paths.first(where: FileManager.default.fileExists) else {
            throw WeightFileError(path: path, problem: .noWeights)
        }
        return found
    }

    /// Their name of a tensor: "model.layers.0.self_attn.q_proj.weight" for
    /// "layers.0.attention.wq.weight".
    package static func name(of tensor: String) -> String {
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

    /// Where one order keeps each row of the other, for wq and wk; nil for all other tensors. RoPE
    /// turns rows 2i and 2i + 1 of a head together in ours, i and headSize / 2 + i in theirs.
    package static func rows(
        of tensor: String, _ config: Config, inTheirOrder: Bool
    ) -> ((Int) -> Int)? {
        guard tensor.hasSuffix(".wq.weight") || tensor.hasSuffix(".wk.weight") else { return nil }
        let headSize = config.headSize
        let columns = inTheirOrder ? headSize / 2 : 2
        return { row in
            let (head, i) = row.quotientAndRemainder(dividingBy: headSize)
            return head * headSize + i % columns * (headSize / columns) + i / columns
        }
    }

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        let settings = try settings(besides: file.path)
        let config = settings.config
        let isSingle = SafetensorsFile.recognises(file.bytes)
        var rest = try isSingle ? SafetensorsFile.entries(of: file) : shards(file)
        var tensors: [String: Tensor] = [:]

        func take(_ name: String, _ shape: [Int]) throws {
            let theirs = HuggingFace.name(of: name)
            let found = rest.removeValue(forKey: theirs)
            if name == "output.weight", settings.tiesEmbeddings ?? (found == nil) {
                tensors[name] = tensors["tok_embeddings.weight"]
                return
            }
            guard let entry = found else { throw WeightFileError.Problem.missingTensor(theirs) }
            guard entry.shape == shape else {
                throw WeightFileError(
                    path: entry.file.path,
                    problem: .wrongShape(theirs, expected: shape, found: entry.shape))
            }
            let rows = rows(of: name, config, inTheirOrder: false)
            tensors[name] = rows.map(entry.copied) ?? entry.tensor
        }
        for (name, shape) in config.outerShapes { try take(name, shape) }
        for layer in 0..<config.nLayers {
            for (name, shape) in config.layerShapes(layer) { try take(name, shape) }
        }
        // RoPE's frequencies are computed here
        if let unknown = rest.keys.filter({ !$0.hasSuffix("rotary_emb.inv_freq") }).min() {
            throw WeightFileError(path: rest[unknown]!.file.path, problem: .unknownTensor(unknown))
        }
        return (config, tensors)
    }

    /// The tensors of all files that an index names.
    private static func shards(_ index: MappedFile) throws -> [String: SafetensorsFile.Entry] {
        struct Index: Decodable {
            let places: [String: String]
            enum CodingKeys: String, CodingKey { case places = "weight_map" }
        }
        let places = try decodeJSON(Index.self, index.bytes, "the file").places
        var entries: [String: SafetensorsFile.Entry] = [:]
        for shard in Set(places.values).sorted() {
            try require(
                "a file's name", as: "a shard in weight_map", found: "\"\(shard)\"",
                !shard.isEmpty && !shard.contains("/"))
            let file = try MappedFile(path: siblingPath(shard, of: index.path))
            try withPath(file.path) {
                let isRight = SafetensorsFile.recognises(file.bytes)
                try require(".safetensors", as: "a shard", found: "another format", isRight)
                let found = try SafetensorsFile.entries(of: file)
                let named = places.keys.filter { places[$0] == shard }
                if let missing = named.filter({ found[$0] == nil }).min() {
                    throw WeightFileError.Problem.missingTensor(missing)
                }
                if let repeated = found.keys.filter({ entries[$0] != nil }).min() {
                    throw WeightFileError.Problem.repeatedTensor(repeated)
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
