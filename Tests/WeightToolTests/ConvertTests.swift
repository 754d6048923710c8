// ConvertTests: conversions between all formats, and refused conversions.

import Foundation
import Support
import TestSupport
import Testing

@testable import WeightTool

@Suite(.serialized) struct ConvertTests: ConvertSuite {
    let folder: TemporaryFolder

    init() throws { folder = try Self.makeFolder() }

    private func write(_ tiny: TinyHuggingFace) throws {
        try Data(tiny.configJSON.utf8).write(to: URL(filePath: input + "/config.json"))
        try Data(TinyHuggingFace.file(tiny.entries))
            .write(to: URL(filePath: input + "/model.safetensors"))
    }

    private func values(_ path: String) throws -> [[Float]] {
        let weights = try Weights(contentsOf: path)
        return TinyHuggingFace.tensors.map { weights[$0.name].values }
    }

    @Test(arguments: ["F32", "F16", "BF16"], [false, true])
    func `conversion through all formats changes no bit`(type: String, isTied: Bool) throws {
        let tiny = TinyHuggingFace(type: type, isTied: isTied)
        try write(tiny)
        var expected = TinyHuggingFace.tensors.map(\.values)
        if isTied { expected[20] = expected[0] }

        try convert(input, folder.file("a.lmw"), "--verify")
        try convert(folder.file("a.lmw"), folder.file("b.bin"), "--verify")
        try convert(folder.file("b.bin"), folder.file("d.gguf"), "--verify")
        try convert(folder.file("d.gguf"), folder.file("model.safetensors"), "--verify")
        try convert(folder.path, folder.file("c.lmw"), "--verify")
        for name in ["a.lmw", "b.bin", "d.gguf", "model.safetensors"] {
            #expect(try values(folder.file(name)) == expected, "\(name)")
        }
        #expect(
            try Data(contentsOf: URL(filePath: folder.file("a.lmw")))
                == Data(contentsOf: URL(filePath: folder.file("c.lmw"))))
        #expect(try Weights(contentsOf: folder.file("b.bin")).isTied == isTied)
    }

    @Test(arguments: ["F32", "F16", "BF16"])
    func `.safetensors keep element type, names and row order`(type: String) throws {
        let tiny = TinyHuggingFace(type: type, isTied: true)
        try write(tiny)
        try convert(input, folder.file("model.safetensors"))
        let found = try Data(contentsOf: URL(filePath: folder.file("model.safetensors")))
        // the values are in the same order in both files, after the headers
        #expect(
            found.suffix(tiny.entries.reduce(0) { $0 + $1.bytes.count })
                == Data(tiny.entries.flatMap(\.bytes)))
        for entry in tiny.entries {
            let text = #""\#(entry.name)":{"data_offsets":["#
            #expect(found.range(of: Data(text.utf8)) != nil, "\(entry.name)")
        }
        #expect(found.range(of: Data(#""dtype":"\#(type)""#.utf8)) != nil)
    }

    @Test func `config_json states the sizes`() throws {
        var tiny = TinyHuggingFace(type: "BF16", isTied: true)
        tiny.config["rope_theta"] = "500000"
        tiny.config["rms_norm_eps"] = "1e-06"
        try write(tiny)
        try convert(input, folder.file("model.safetensors"), "--verify")
        #expect(
            try String(contentsOfFile: folder.file("config.json"), encoding: .utf8)
                == """
                {
                  "architectures" : [
                    "LlamaForCausalLM"
                  ],
                  "hidden_act" : "silu",
                  "hidden_size" : 16,
                  "intermediate_size" : 12,
                  "max_position_embeddings" : 32,
                  "model_type" : "llama",
                  "num_attention_heads" : 4,
                  "num_hidden_layers" : 2,
                  "num_key_value_heads" : 2,
                  "rms_norm_eps" : 1e-06,
                  "rope_theta" : 500000,
                  "tie_word_embeddings" : true,
                  "torch_dtype" : "bfloat16",
                  "vocab_size" : 5
                }

                """)
    }

    @Test(arguments: [
        (
            "rope_theta", "500000", "x.lmw",
            ".lmw cannot store rope_theta = 500000.0: its readers assume 10000.0"
        ),
        (
            "rope_theta", "500000", "x.bin",
            ".bin cannot store rope_theta = 500000.0: its readers assume 10000.0"
        ),
        (
            "rms_norm_eps", "1e-06", "x.bin",
            ".bin cannot store norm_eps = 1e-06: its readers assume 1e-05"
        ),
        (
            "max_position_embeddings", "3000000000", "x.lmw",
            "the format cannot store 3000000000: its numbers have 32 bits"
        ),
    ])
    func `values that a format cannot store are refused`(
        key: String, json: String, output: String, sentence: String
    ) throws {
        var tiny = TinyHuggingFace()
        tiny.config[key] = json
        try write(tiny)
        #expect(message { try convert(input, folder.file(output)) } == sentence)
        #expect(try files == ["in"])
    }

    @Test func `an existing file is replaced only with --force`() throws {
        try write(TinyHuggingFace())
        _ = try folder.write([1], as: "x.lmw")
        #expect(
            message { try convert(input, folder.file("x.lmw")) }
                == "FOLDER/x.lmw: already exists; --force replaces it")
        try convert(input, folder.file("x.lmw"), "--force")
        #expect(try values(folder.file("x.lmw")) == TinyHuggingFace.tensors.map(\.values))
    }

    @Test func `another model's config_json is replaced only with --force`() throws {
        var tiny = TinyHuggingFace()
        try write(tiny)
        tiny.config["rms_norm_eps"] = "1e-06"
        _ = try folder.write(Array(tiny.configJSON.utf8), as: "config.json")
        #expect(
            message { try convert(input, folder.file("x.safetensors")) }
                == "FOLDER/config.json: already exists and describes another model; --force replaces it"
        )
        #expect(try files == ["config.json", "in"])
        try convert(input, folder.file("x.safetensors"), "--force")
        #expect(try Weights(contentsOf: folder.file("x.safetensors")).config.normEps == 1e-5)
    }

    @Test func `an equal config_json is not changed`() throws {
        let tiny = TinyHuggingFace()
        try write(tiny)
        try convert(input, input + "/model.safetensors", "--force", "--verify")
        #expect(
            try String(contentsOfFile: input + "/config.json", encoding: .utf8) == tiny.configJSON)
    }

    @Test func `a damaged input leaves no output`() throws {
        try write(TinyHuggingFace())
        let file = input + "/model.safetensors"
        try Data(Data(contentsOf: URL(filePath: file)).dropLast()).write(to: URL(filePath: file))
        let text = message { try convert(input, folder.file("x.lmw")) }
        #expect(
            text
                == """
                FOLDER/in/model.safetensors: truncated in the values of lm_head.weight: expected \
                320 bytes at offset 13464, found 319
                """)
        #expect(try files == ["in"])
    }

    @Test func `free space and permission are checked first`() throws {
        #expect(
            message { try Convert.requireSpace(.max, for: folder.file("x")) }
                .hasPrefix("FOLDER/x: expected 9223372036.9 GB of free space, found "))
        #expect(
            message { _ = try OutputFile(replacing: folder.file("no/x")) }
                == "FOLDER/no/x: cannot be written: No such file or directory")
    }

    @Test func `a file that is not kept is removed`() throws {
        do {
            let file = try OutputFile(replacing: folder.file("x"))
            #expect(FileManager.default.fileExists(atPath: file.path))
        }
        #expect(try files == ["in"])
    }

    @Test func `an unknown ending is wrong usage`() throws {
        let error = #expect(throws: (any Error).self) {
            try WeightTool.Convert.parse(["a", "b.pt"])
        }
        #expect(
            WeightTool.Convert.message(for: error!)
                == "expected an output that ends in one of .lmw, .bin, .safetensors, .gguf, found b.pt"
        )
    }

    @Test func `one changed bit is a difference`() throws {
        let a = Tensor([1, 2, 3])
        #expect(haveEqualBits(a, Tensor([1, 2, 3])))
        #expect(!haveEqualBits(a, Tensor([1, 2, Float(3).nextUp])))
        #expect(!haveEqualBits(Tensor([0]), Tensor([-0.0])))
        #expect(haveEqualBits(Tensor([.nan]), Tensor([.nan])))
    }

    @Test func `RoPE's tables are not generated before they are written`()
        throws
    {
        let config = Config(
            dim: 8, hiddenDim: 8, nLayers: 1, nHeads: 2, nKvHeads: 2, vocabSize: 4,
            maxSeqLen: Int(Int32.max))
        let weights = Weights(random: config, element: .float32, seed: 1)
        // seven sizes, three vectors of 8, seven matrices of 8 by 8, two of 4 by 8; two tables
        let numbers = 7 + 3 * 8 + 7 * 64 + 2 * 32 + 2 * 2 * Int(Int32.max)
        #expect(try OutputFormat.llama2c.contents(of: weights).byteCount == 4 * numbers)
    }
}
