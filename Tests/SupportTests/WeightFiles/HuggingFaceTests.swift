// HuggingFaceTests: Hugging Face's folders, with one file or an index, give all tensors in Meta's
// row order; missing, unexpected and misshapen tensors are named.

import Foundation
import TestSupport
import Testing

@testable import Support

@Suite struct HuggingFaceTests {
    @Test(
        arguments: ["F32", "F16", "BF16"],
        [(shards: 1, isTied: false), (1, true), (3, false), (3, true)])
    func `a folder gives its sizes and all tensors, in Meta's order and the file's type`(
        type: String, layout: (shards: Int, isTied: Bool)
    ) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyHuggingFace(type: type, isTied: layout.isTied)
        let weights = try Weights(
            contentsOf: tiny.write(to: folder, shards: layout.shards))

        #expect(
            weights.config
                == Config(
                    dim: 16, hiddenDim: 12, nLayers: 2, nHeads: 4, nKvHeads: 2, vocabSize: 5,
                    maxSeqLen: 32, normEps: 1e-5))
        #expect(weights.format == (layout.shards == 1 ? .safetensors : .safetensorsIndex))
        #expect(weights.isTied == layout.isTied)
        for (name, shape, values) in TinyHuggingFace.tensors where name != "output.weight" {
            let tensor = weights[name]
            #expect(tensor.shape.array == shape && tensor.values == values, "\(name)")
            #expect(tensor.element.rawValue == type)
        }
        let output = TinyHuggingFace.tensors[layout.isTied ? 0 : 20]
        #expect(weights["output.weight"].values == output.values)
    }

    @Test func `a folder, its file and its index give the same weights`()
        throws
    {
        let folder = try TemporaryFolder()
        let path = try TinyHuggingFace().write(to: folder, shards: 2)
        let index = folder.file("model.safetensors.index.json")
        for name in [path, path + "/", index] {
            #expect(try Weights(contentsOf: name).config.dim == 16)
        }
        try TinyHuggingFace().write(to: folder)
        #expect(try Weights(contentsOf: path).format == .safetensors)
    }

    @Test func `config.json says whether the classifier is tied`() throws {
        let folder = try TemporaryFolder()
        var both = TinyHuggingFace()
        both.config["tie_word_embeddings"] = "true"
        #expect(try Weights(contentsOf: both.write(to: folder)).isTied)
        var none = TinyHuggingFace(isTied: true)
        none.config["tie_word_embeddings"] = "false"
        let path = try none.write(to: folder)
        #expect(
            errorText(reading: path)
                == "\(path)/model.safetensors: the tensor lm_head.weight is missing")
    }

    @Test func `RoPE's frequencies are ignored`() throws {
        let folder = try TemporaryFolder()
        var tiny = TinyHuggingFace()
        tiny.entries.append(
            .init(
                name: "model.layers.0.self_attn.rotary_emb.inv_freq", type: "F32", shape: [2],
                bytes: Array(repeating: 0, count: 8)))
        #expect(try Weights(contentsOf: tiny.write(to: folder)).config.nLayers == 2)
    }

    // MARK: Damage

    private func message(_ entries: [TinyHuggingFace.Entry]) throws -> String {
        let folder = try TemporaryFolder()
        try TinyHuggingFace().write(to: folder)
        let path = try folder.write(TinyHuggingFace.file(entries), as: "model.safetensors")
        return errorText(reading: path).replacingOccurrences(of: path, with: "FILE")
    }

    @Test func `missing, unexpected and misshapen tensors are named`() throws {
        var tiny = TinyHuggingFace()
        let norm = "model.layers.1.input_layernorm.weight"
        let i = tiny.index(of: norm)
        tiny.entries[i].name = "model.layers.1.q_bias"
        #expect(
            try message(tiny.entries) == "FILE: the tensor \(norm) is missing"
        )
        tiny.entries[i].name = norm
        tiny.entries[i].shape = [4, 4]
        #expect(
            try message(tiny.entries)
                == "FILE: expected shape [16] for the tensor \(norm), found [4, 4]")
        tiny.entries[i].shape = [16]
        tiny.entries.append(.init(name: "more", type: "F32", shape: [0], bytes: []))
        #expect(
            try message(tiny.entries) == "FILE: unexpected tensor more")
    }

    @Test func `billions of layers are refused at once`() throws {
        let folder = try TemporaryFolder()
        var tiny = TinyHuggingFace()
        tiny.config["num_hidden_layers"] = "9000000000000000000"
        let path = try tiny.write(to: folder)
        #expect(
            errorText(reading: path)
                == "\(path)/model.safetensors: the tensor model.layers.2.input_layernorm.weight is missing"
        )
    }

    @Test func `missing files are named`() throws {
        let folder = try TemporaryFolder()
        #expect(
            errorText(reading: folder.path)
                == "\(folder.path): expected model.safetensors or model.safetensors.index.json in this folder, found neither"
        )
        let path = try TinyHuggingFace().write(to: folder, shards: 2)
        let shard = folder.file("model-2-of-2.safetensors")
        try FileManager.default.removeItem(atPath: shard)
        #expect(errorText(reading: path) == "\(shard): cannot be read: No such file or directory")
        let config = folder.file("config.json")
        try FileManager.default.removeItem(atPath: config)
        #expect(errorText(reading: path) == "\(config): cannot be read: No such file or directory")
    }

    @Test(arguments: [
        (
            #"{"weight_map": {"a": "../x"}}"#,
            #"a shard in weight_map: expected a file name, found "../x""#
        ),
        (#"{"weight_map": {"a": 1}}"#, "a of weight_map: expected a text, found another type"),
        ("{}", "weight_map: expected a value, found nothing"),
        (" \r\n\t{}", "weight_map: expected a value, found nothing"),
        (
            "{",
            "the contents: expected valid JSON with numbers of the right type, found something else"
        ),
        (#"{"weight_map": {}}"#, "the tensor model.embed_tokens.weight is missing"),
        (
            #"{"weight_map": {"a": "config.json"}}"#,
            "FOLDER/config.json: the shard: expected .safetensors, found another format"
        ),
        (
            #"{"weight_map": {"a": "model.safetensors"}}"#,
            "FOLDER/model.safetensors: the tensor a is missing"
        ),
        (
            #"{"weight_map": {"model.norm.weight": "model.safetensors", "lm_head.weight": "other"}}"#,
            "FOLDER/other: the tensor lm_head.weight occurs twice"
        ),
    ])
    func `a damaged index gives one sentence`(json: String, sentence: String) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyHuggingFace()
        try tiny.write(to: folder)
        _ = try folder.write(TinyHuggingFace.file([tiny.entries.last!]), as: "other")
        let path = try folder.write(Array(json.utf8), as: "my.index.json")
        let expected = sentence.hasPrefix("FOLDER") ? sentence : "FOLDER/my.index.json: " + sentence
        #expect(
            errorText(reading: path).replacingOccurrences(of: folder.path, with: "FOLDER")
                == expected
        )
    }
}

@Suite struct TokenizerOfFolderTests {
    @Test func `a folder's tokenizer is found without -t`() throws {
        let folder = try TemporaryFolder()
        let path = try TinyHuggingFace().write(to: folder)
        let tokenizer = try folder.write([0], as: "tokenizer.model")
        for weights in [path, folder.file("model.safetensors")] {
            let files = try ModelOptions.parse(["-w", weights]).modelFiles()
            #expect(files.weights == weights && files.tokenizer == tokenizer)
        }
        let files = try ModelOptions.parse(["-w", path, "-t", "mine"]).modelFiles()
        #expect(files.tokenizer == "mine")
    }

    @Test func `what is not weights is named, also without a tokenizer`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array("GGUG".utf8) + [3, 0, 0, 0], as: "x.gguf")
        for (weights, message) in [
            (path, "\(path): expected .lmw"),
            (folder.path, "\(folder.path): expected model.safetensors"),
        ] {
            let options = try ModelOptions.parse(["-w", weights])
            let error = #expect(throws: (any Error).self) { try options.modelFiles() }
            #expect("\(error!)".hasPrefix(message))
        }
    }

    @Test(arguments: ["config.json", "tokenizer.model"])
    func `weights without a tokenizer are wrong usage`(missing: String) throws {
        let folder = try TemporaryFolder()
        for name in ["config.json", "tokenizer.model"] where name != missing {
            _ = try folder.write([0], as: name)
        }
        let weights = try folder.write(LMWBytes().bytes, as: "x.lmw")
        let error = #expect(throws: (any Error).self) {
            try ModelOptions.parse(["-w", weights])
        }
        #expect(
            ModelOptions.message(for: error!)
                == """
                -w without -t: name both the weights and their tokenizer, or neither for the bundled \
                model
                """)
    }
}
