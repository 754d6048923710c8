// SafetensorsTests: Hugging Face's folders that are as they should be.

import TestSupport
import Testing

@testable import Support

@Suite struct SafetensorsTests {
    @Test(
        arguments: ["F32", "F16", "BF16"],
        [(shards: 1, isTied: false), (1, true), (3, false), (3, true)])
    func `a folder gives its sizes and all tensors, in our order and their width`(
        type: String, layout: (shards: Int, isTied: Bool)
    ) throws {
        let folder = try ScratchFolder()
        let tiny = TinyHuggingFace(type: type, isTied: layout.isTied)
        let weights = try Weights(
            contentsOf: tiny.write(to: folder, shards: layout.shards))

        #expect(
            weights.config
                == Config(
                    dim: 16, hiddenDim: 12, nLayers: 2, nHeads: 4, nKvHeads: 2, vocabSize: 5,
                    maxSeqLen: 32, normEps: 1e-5))
        #expect(weights.format == (layout.shards == 1 ? .safetensors : .shards))
        #expect(weights.isTied == layout.isTied)
        for (name, shape, values) in TinyHuggingFace.tensors where name != "output.weight" {
            let tensor = weights[name]
            #expect(tensor.shape.array == shape && tensor.values == values, "\(name)")
            #expect(tensor.element.rawValue == type)
        }
        let output = TinyHuggingFace.tensors[layout.isTied ? 0 : 20]
        #expect(weights["output.weight"].values == output.values)
    }

    @Test(arguments: ["F32", "F16", "BF16"])
    func `values at an odd place are copied, not misread`(type: String) throws {
        let folder = try ScratchFolder()
        let tiny = TinyHuggingFace(type: type)
        try tiny.write(to: folder)
        let path = try folder.write(
            "model.safetensors", TinyHuggingFace.file(tiny.entries, misalignment: 1))
        let weights = try Weights(contentsOf: path)
        for (name, _, values) in TinyHuggingFace.tensors {
            #expect(weights[name].values == values, "\(name)")
        }
    }

    @Test func `the folder, with a slash or not, its file and its index are the same weights`()
        throws
    {
        let folder = try ScratchFolder()
        let path = try TinyHuggingFace().write(to: folder, shards: 2)
        let index = folder.file("model.safetensors.index.json")
        for name in [path, path + "/", index] {
            #expect(try Weights(contentsOf: name).config.dim == 16)
        }
        try TinyHuggingFace().write(to: folder)
        #expect(try Weights(contentsOf: path).format == .safetensors)
    }

    @Test func `frequencies of RoPE are ignored`() throws {
        let folder = try ScratchFolder()
        var tiny = TinyHuggingFace()
        tiny.entries.append(
            .init(
                name: "model.layers.0.self_attn.rotary_emb.inv_freq", type: "F32", shape: [2],
                bytes: Array(repeating: 0, count: 8)))
        #expect(try Weights(contentsOf: tiny.write(to: folder)).config.nLayers == 2)
    }

    @Test func `what config_json does not say is as the library has it`() throws {
        let folder = try ScratchFolder()
        var tiny = TinyHuggingFace(isTied: true)
        for key in [
            "max_position_embeddings", "rms_norm_eps", "rope_theta", "rope_scaling", "hidden_act",
            "tie_word_embeddings", "architectures",
        ] {
            tiny.config[key] = .some(nil)
        }
        let weights = try Weights(contentsOf: tiny.write(to: folder))
        #expect(weights.config.maxSeqLen == 2048)
        #expect(weights.config.normEps == 1e-6)
        #expect(weights.config.ropeTheta == 10000)
        #expect(weights.isTied)
    }

    @Test func `without key-value heads of their own, every head has one`() throws {
        let folder = try ScratchFolder()
        var tiny = TinyHuggingFace()
        tiny.config["num_key_value_heads"] = .some(nil)
        try tiny.write(to: folder)
        let settings = try HuggingFace.settings(besides: folder.file("x"))
        #expect(settings.config.nKvHeads == 4)
    }

    @Test(arguments: [
        ("rope_theta", "500000.0"),
        ("rope_parameters", #"{"rope_type": "default", "rope_theta": 500000.0}"#),
    ])
    func `another base of RoPE and another epsilon are honoured`(key: String, json: String) throws {
        let folder = try ScratchFolder()
        var tiny = TinyHuggingFace()
        tiny.config["rope_theta"] = .some(nil)
        tiny.config["rms_norm_eps"] = "1e-06"
        tiny.config[key] = json
        let config = try Weights(contentsOf: tiny.write(to: folder)).config
        #expect(config.ropeTheta == 500_000)
        #expect(config.normEps == 1e-6)
    }

    @Test func `a .bin whose layers look like a brace is still a .bin`() throws {
        // 123 layers: the ninth byte is a brace, the tenth 0
        let sizes: [Int32] = [2, 1, 123, 1, 1, 1, 1]
        let floats = 2 + 123 * (2 + 4 * 4 + 2 + 3 * 2) + 2 + 2
        let folder = try ScratchFolder()
        let path = try folder.write(
            "x.bin",
            sizes.flatMap { Array(bytesOf: $0) } + Array(repeating: 0, count: floats * 4))
        #expect(try Weights(contentsOf: path).format == .llama2c)
    }
}

@Suite struct TokenizerOfFolderTests {
    @Test func `a folder's tokenizer is found by itself`() throws {
        let folder = try ScratchFolder()
        let path = try TinyHuggingFace().write(to: folder)
        let tokenizer = try folder.write("tokenizer.model", [0])
        for weights in [path, folder.file("model.safetensors")] {
            let files = try ModelOptions.parse(["-w", weights]).modelFiles()
            #expect(files.weights == weights && files.tokenizer == tokenizer)
        }
        let files = try ModelOptions.parse(["-w", path, "-t", "mine"]).modelFiles()
        #expect(files.tokenizer == "mine")
    }

    @Test(arguments: ["config.json", "tokenizer.model"])
    func `weights without a tokenizer of theirs are wrong usage`(missing: String) throws {
        let folder = try ScratchFolder()
        for name in ["config.json", "tokenizer.model", "x.bin"] where name != missing {
            try folder.write(name, [0])
        }
        let error = #expect(throws: (any Error).self) {
            try ModelOptions.parse(["-w", folder.file("x.bin")])
        }
        #expect(
            ModelOptions.message(for: error!)
                == """
                -w without -t: weights and tokenizer belong together, name both (or neither, for the \
                bundled model)
                """)
    }
}
