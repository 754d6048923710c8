// SafetensorsDamageTests: what is said of Hugging Face's folders that are not as they should be.

import Foundation
import TestSupport
import Testing

@testable import Support

/// The same numbers in every run, so that a failure can be repeated.
private struct Repeatable: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state.byteSwapped ^ state
    }
}

@Suite struct SafetensorsDamageTests {
    private func message(reading path: String) -> String {
        do {
            _ = try Weights(contentsOf: path)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    private func message(_ bytes: [UInt8]) throws -> String {
        let folder = try ScratchFolder()
        try TinyHuggingFace().write(to: folder)
        let path = try folder.write("model.safetensors", bytes)
        return message(reading: path).replacingOccurrences(of: path, with: "FILE")
    }

    private func message(header: String, data: Int = 8) throws -> String {
        try message(
            TinyHuggingFace.file(header: header, data: Array(repeating: 0, count: data)))
    }

    @Test(arguments: [
        (
            #"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#,
            "expected one of F32, F16, BF16 as the type of a, found I64"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
            "expected no negative number as a size of a, found [-2]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
            "the sizes of a multiply to more than any file holds"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            "expected [0, 8] as the place of a, F32 [2], found [0, 4]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            "expected [0, 8] as the place of a, F32 [2], found [8, 0]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
            "expected [0, 4] as the place of a, F32 [1], found [-4, 0]"
        ),
        (  // overlapping
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#,
            "expected [4, 8] as the place of b, F32 [1], found [2, 6]"
        ),
        (  // a gap
            #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "expected [2, 6] as the place of b, F32 [1], found [4, 8]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
            "cut off in the values of a: expected 12 bytes at offset 63, found 8"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "expected 66 bytes for the sizes in its header, found 70"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
            "expected 2 numbers as data_offsets of a, found 1"
        ),
        (
            #"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#,
            "expected a value as a: shape, found nothing"
        ),
        (
            #"{"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}}"#,
            "expected a text as a: dtype, found something else"
        ),
        (
            #"{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}"#,
            "expected a list as a: shape, found something else"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#,
            "expected JSON with numbers of the right kind as the header, found something else"
        ),
        (#"{"a":[1]}"#, "expected an object as a, found something else"),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
                + #""\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            "expected every key once as the header, found a twice"
        ),
        (
            #"{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}"#,
            "expected every key once as the header, found dtype twice"
        ),
        (
            #"{"a":"#,
            "expected JSON with numbers of the right kind as the header, found something else"
        ),
        (
            #"{    "#,
            "expected JSON with numbers of the right kind as the header, found something else"
        ),
        (
            #"{"a":"# + String(repeating: "[", count: 100_000),
            "expected JSON with numbers of the right kind as the header, found something else"
        ),
    ])
    func `a damaged header is one clear sentence`(header: String, sentence: String) throws {
        #expect(try message(header: header) == "FILE: " + sentence)
    }

    @Test(arguments: [
        (1 << 40, "cut off in the header: expected 1099511627776 bytes at offset 8, found 100"),
        (
            Int.min,
            "cut off in the header: expected 9223372036854775807 bytes at offset 8, found 100"
        ),
        (101, "cut off in the header: expected 101 bytes at offset 8, found 100"),
        (0, "expected JSON with numbers of the right kind as the header, found something else"),
    ])
    func `a header's length is not believed`(length: Int, sentence: String) throws {
        let bytes = Array(bytesOf: length) + Array("{\"".utf8) + Array(repeating: 0x20, count: 98)
        #expect(try message(bytes) == "FILE: " + sentence)
    }

    @Test func `a header of absurd size is not read`() throws {
        let header = "{ " + String(repeating: " ", count: 10_000_000)
        #expect(
            try message(header: header)
                == "FILE: expected at most 10000000 as the length of the header, found 10000002")
    }

    @Test func `missing, unknown and misshapen tensors are named`() throws {
        var tiny = TinyHuggingFace()
        let norm = "model.layers.1.input_layernorm.weight"
        let i = tiny.index(of: norm)
        tiny.entries[i].name = "model.layers.1.q_bias"
        #expect(
            try message(TinyHuggingFace.file(tiny.entries)) == "FILE: the tensor \(norm) is missing"
        )
        tiny.entries[i].name = norm
        tiny.entries[i].shape = [4, 4]
        #expect(
            try message(TinyHuggingFace.file(tiny.entries))
                == "FILE: expected shape [16] for the tensor \(norm), found [4, 4]")
        tiny.entries[i].shape = [16]
        tiny.entries.append(.init(name: "more", type: "F32", shape: [0], bytes: []))
        #expect(
            try message(TinyHuggingFace.file(tiny.entries)) == "FILE: no Llama 2 has a tensor more")
    }

    @Test(arguments: [
        ("model_type", #""mistral""#, "expected llama as model_type, found mistral"),
        (
            "architectures", #"["MixtralForCausalLM"]"#,
            #"expected LlamaForCausalLM as architectures, found ["MixtralForCausalLM"]"#
        ),
        ("attention_bias", "true", "expected false as attention_bias, found true"),
        ("mlp_bias", "true", "expected false as mlp_bias, found true"),
        ("hidden_act", #""gelu""#, "expected silu as hidden_act, found gelu"),
        (
            "rope_scaling", #"{"type": "linear", "factor": 2.0}"#,
            "expected null as rope_scaling, found a scaling"
        ),
        (
            "rope_parameters", #"{"rope_type": "llama3"}"#,
            "expected default as rope_type, found llama3"
        ),
        ("head_dim", "8", "expected 4 as head_dim, found 8"),
        ("hidden_size", nil, "expected a positive number as hidden_size, found nothing"),
        ("hidden_size", "0", "expected a positive number as hidden_size, found 0"),
        ("vocab_size", #""5""#, "expected a whole number as vocab_size, found something else"),
        (
            "vocab_size", "5.5",
            "expected JSON with numbers of the right kind as the file, found something else"
        ),
        ("num_attention_heads", "3", "expected a multiple of n_heads = 3 as dim, found 16"),
        (
            "num_key_value_heads", "3",
            "expected a multiple of n_kv_heads = 3 as n_heads, found 4"
        ),
        ("rms_norm_eps", "0", "expected a small positive number as rms_norm_eps, found 0.0"),
        ("rope_theta", "-1", "expected a positive number as rope_theta, found -1.0"),
        ("attention_bias", "1", "expected true or false as attention_bias, found something else"),
    ])
    func `what is not computed as Llama 2 is, is refused with the reason`(
        key: String, json: String?, sentence: String
    ) throws {
        let folder = try ScratchFolder()
        var tiny = TinyHuggingFace()
        tiny.config[key] = .some(json)
        let path = try tiny.write(to: folder)
        #expect(message(reading: path) == "\(path)/config.json: " + sentence)
    }

    @Test func `billions of layers are not waited for`() throws {
        let folder = try ScratchFolder()
        var tiny = TinyHuggingFace()
        tiny.config["num_hidden_layers"] = "9000000000000000000"
        let path = try tiny.write(to: folder)
        #expect(
            message(reading: path)
                == "\(path)/model.safetensors: the tensor model.layers.2.input_layernorm.weight is missing"
        )
    }

    @Test func `files that are missing are named`() throws {
        let folder = try ScratchFolder()
        #expect(
            message(reading: folder.path)
                == "\(folder.path): expected a file, or model.safetensors or its index in this folder, found neither"
        )
        let path = try TinyHuggingFace().write(to: folder, shards: 2)
        let shard = folder.file("model-2-of-2.safetensors")
        try FileManager.default.removeItem(atPath: shard)
        #expect(message(reading: path) == "\(shard): cannot be read: No such file or directory")
        let config = folder.file("config.json")
        try FileManager.default.removeItem(atPath: config)
        #expect(message(reading: path) == "\(config): cannot be read: No such file or directory")
    }

    @Test(arguments: [
        (
            #"{"weight_map": {"a": "../x"}}"#,
            #"expected a file's name as a shard in weight_map, found "../x""#
        ),
        (#"{"weight_map": {"a": 1}}"#, "expected a text as weight_map: a, found something else"),
        ("{}", "expected a value as weight_map, found nothing"),
        ("{", "expected JSON with numbers of the right kind as the file, found something else"),
        (#"{"weight_map": {}}"#, "the tensor model.embed_tokens.weight is missing"),
        (
            #"{"weight_map": {"a": "config.json"}}"#,
            "FOLDER/config.json: expected .safetensors as a shard, found another format"
        ),
        (
            #"{"weight_map": {"a": "model.safetensors"}}"#,
            "FOLDER/model.safetensors: the tensor a is missing"
        ),
        (
            #"{"weight_map": {"model.norm.weight": "model.safetensors", "lm_head.weight": "other"}}"#,
            "FOLDER/other: the tensor lm_head.weight is there twice"
        ),
    ])
    func `a damaged index is one clear sentence`(json: String, sentence: String) throws {
        let folder = try ScratchFolder()
        let tiny = TinyHuggingFace()
        try tiny.write(to: folder)
        try folder.write("other", TinyHuggingFace.file([tiny.entries.last!]))
        let path = try folder.write("my.index.json", Array(json.utf8))
        let expected = sentence.hasPrefix("FOLDER") ? sentence : "FOLDER/my.index.json: " + sentence
        #expect(
            message(reading: path).replacingOccurrences(of: folder.path, with: "FOLDER") == expected
        )
    }

    @Test func `a header changed anywhere gives weights or one line, never a crash`() throws {
        let folder = try ScratchFolder()
        let tiny = TinyHuggingFace()
        try tiny.write(to: folder)
        let whole = TinyHuggingFace.file(tiny.entries)
        let data = tiny.entries.reduce(0) { $0 + $1.bytes.count }
        var random = Repeatable()
        for round in 0..<150 {
            var bytes = whole
            for _ in 0...round % 3 {
                let place = Int.random(in: 0..<whole.count - data, using: &random)
                switch round % 4 {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
                case 2: bytes.remove(at: place)
                default: bytes.insert(Array("{}[]\",:-9e\\".utf8).randomElement()!, at: place)
                }
            }
            let text = message(reading: try folder.write("model.safetensors", bytes))
            #expect(!text.contains("\n") && !text.isEmpty)
        }
        for count in stride(from: 1, to: whole.count, by: 61) {
            let text = message(
                reading: try folder.write("model.safetensors", Array(whole[..<count])))
            #expect(text != "no error" && !text.contains("\n"), "cut to \(count) bytes")
        }
    }
}
