// ConfigFileTests: what config.json says is honoured, and what is not computed as Llama 2 is, refused.

import TestSupport
import Testing

@testable import Support

@Suite struct ConfigFileTests {
    @Test func `what config_json does not say is as the library has it`() throws {
        let folder = try TemporaryFolder()
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
        let folder = try TemporaryFolder()
        var tiny = TinyHuggingFace()
        tiny.config["num_key_value_heads"] = .some(nil)
        try tiny.write(to: folder)
        let file = try ConfigFile(nextTo: folder.file("x"))
        #expect(file.config.nKvHeads == 4)
    }

    @Test(arguments: [
        ("rope_theta", "500000.0"),
        ("rope_parameters", #"{"rope_type": "default", "rope_theta": 500000.0}"#),
    ])
    func `another base of RoPE and another epsilon are honoured`(key: String, json: String) throws {
        let folder = try TemporaryFolder()
        var tiny = TinyHuggingFace()
        tiny.config["rope_theta"] = .some(nil)
        tiny.config["rms_norm_eps"] = "1e-06"
        tiny.config[key] = json
        let config = try Weights(contentsOf: tiny.write(to: folder)).config
        #expect(config.ropeTheta == 500_000)
        #expect(config.normEps == 1e-6)
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
        let folder = try TemporaryFolder()
        var tiny = TinyHuggingFace()
        tiny.config[key] = .some(json)
        let path = try tiny.write(to: folder)
        #expect(errorText(reading: path) == "\(path)/config.json: " + sentence)
    }
}
