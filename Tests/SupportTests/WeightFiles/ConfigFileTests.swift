// ConfigFileTests: the values of config.json are read, and other architectures are refused.

import TestSupport
import Testing

@testable import Support

@Suite struct ConfigFileTests {
    @Test func `keys missing from config_json have the defaults of transformers`() throws {
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

    @Test func `without num_key_value_heads, every head has its own`() throws {
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
    func `rope_theta and rms_norm_eps are read`(key: String, json: String) throws {
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
        ("model_type", #""mistral""#, "model_type: expected llama, found mistral"),
        (
            "architectures", #"["MixtralForCausalLM"]"#,
            #"architectures: expected LlamaForCausalLM, found ["MixtralForCausalLM"]"#
        ),
        ("attention_bias", "true", "attention_bias: expected false, found true"),
        ("mlp_bias", "true", "mlp_bias: expected false, found true"),
        ("hidden_act", #""gelu""#, "hidden_act: expected silu, found gelu"),
        (
            "rope_scaling", #"{"type": "linear", "factor": 2.0}"#,
            "rope_scaling: expected null (no scaling), found another value"
        ),
        (
            "rope_parameters", #"{"rope_type": "llama3"}"#,
            "rope_type: expected default, found llama3"
        ),
        ("head_dim", "8", "head_dim: expected 4, found 8"),
        ("hidden_size", nil, "hidden_size: expected a positive number, found nothing"),
        ("hidden_size", "0", "hidden_size: expected a positive number, found 0"),
        ("vocab_size", #""5""#, "vocab_size: expected a whole number, found another type"),
        (
            "vocab_size", "5.5",
            "the contents: expected valid JSON with numbers of the right type, found something else"
        ),
        ("num_attention_heads", "3", "dim: expected a multiple of n_heads = 3, found 16"),
        (
            "num_key_value_heads", "3",
            "n_heads: expected a multiple of n_kv_heads = 3, found 4"
        ),
        ("rms_norm_eps", "0", "rms_norm_eps: expected a small positive number, found 0.0"),
        ("rope_theta", "-1", "rope_theta: expected a positive number, found -1.0"),
        ("attention_bias", "1", "attention_bias: expected true or false, found another type"),
    ])
    func `another architecture or an invalid value is refused with the reason`(
        key: String, json: String?, sentence: String
    ) throws {
        let folder = try TemporaryFolder()
        var tiny = TinyHuggingFace()
        tiny.config[key] = .some(json)
        let path = try tiny.write(to: folder)
        #expect(errorText(reading: path) == "\(path)/config.json: " + sentence)
    }
}
