// GGUFFileTests: GGUF files are recognised by content, viewed and not copied, in any mixture of types.

import TestSupport
import Testing

@testable import Support

@Suite struct GGUFFileTests {
    @Test(arguments: [2, 3] as [UInt32], TinySizes.examples)
    func `sizes, names and values are those of the file`(version: UInt32, sizes: TinySizes) throws {
        let values = sizes.randomValues()
        var file = TinyGGUF(sizes, values: values)
        file.version = version
        let written = try WeightFile(file.bytes, as: "model.bin")
        let weights = try written.weights()
        #expect(weights.format == .gguf)
        #expect(weights.config == sizes.config(normEps: 1e-5))
        expectComplete(weights, sizes, values: values)
        #expect(!weights["output.weight"].storage.isWritable)
        #expect(!weights.isTied)
    }

    @Test func `settings that are there are read`() throws {
        var file = TinyGGUF()
        file["llama.rope.freq_base"] = .float(500_000)
        file["llama.attention.layer_norm_rms_epsilon"] = .float(1e-6)
        file["llama.rope.dimension_count"] = .uint32(4)
        file["llama.attention.key_length"] = .uint64(4)
        file["llama.vocab_size"] = .uint32(5)
        file["llama.rope.scaling.type"] = .string("none")
        file["llama.expert_count"] = .uint32(0)
        file["tokenizer.ggml.model"] = .string("gpt2")  // -t may name one that fits
        let config = try WeightFile(file.bytes).weights().config
        #expect(config.ropeTheta == 500_000 && config.normEps == 1e-6)
    }

    @Test func `numbers of every type are read, alone and in arrays`() throws {
        let ones: [(type: UInt32, width: Int, number: Int)] = [
            (0, 1, 0xFF), (1, 1, -1), (2, 2, 0xFFFF), (3, 2, -1), (4, 4, 0xFFFF_FFFF), (5, 4, -1),
            (10, 8, .max), (11, 8, -1),
        ]
        var file = TinyGGUF()
        for (type, width, _) in ones {
            let one = [UInt8](repeating: 0xFF, count: width)
            let zero = [UInt8](repeating: 0, count: width)
            file["number.\(type)"] = .init(type, one)
            file["array.\(type)"] = .array(type, [one, zero, one])
        }
        let double = littleEndian((-1.5).bitPattern)
        file["double"] = .init(12, double)
        file["doubles"] = .array(12, [double, double])
        try file.bytes.withUnsafeBytes {
            let metadata = try GGUFMetadata($0)
            for (type, _, number) in ones {
                #expect(try metadata.integer("number.\(type)") == number)
                #expect(try metadata.integers("array.\(type)") == [number, 0, number])
            }
            #expect(try metadata.float("double") == -1.5)
            #expect(try metadata.floats("doubles") == [-1.5, -1.5])
        }
    }

    @Test func `without key-value heads there are as many as heads`() throws {
        var sizes = TinySizes()
        sizes.kvHeads = 2
        var file = TinyGGUF(sizes)
        file["llama.attention.head_count_kv"] = nil
        #expect(try WeightFile(file.bytes).weights().config.nKvHeads == 2)
    }

    @Test func `without a classifier it is the embeddings' memory`() throws {
        var file = TinyGGUF()
        file.tensors.removeAll { $0.name == "output.weight" }
        let weights = try WeightFile(file.bytes).weights()
        #expect(weights.isTied)
        #expect(weights["output.weight"].values == weights["tok_embeddings.weight"].values)
    }

    /// A file in which every matrix has another type.
    static let mixed: TinyGGUF = {
        var sizes = TinySizes(vocab: 263, dim: 256)
        sizes.hidden = 512
        var file = TinyGGUF(sizes)
        var random = Random(seed: 3)
        let types: [(number: UInt32, block: Int, bytes: Int)] = [
            (14, 256, 210), (8, 32, 34), (2, 32, 18), (12, 256, 144), (13, 256, 176), (30, 1, 2),
            (1, 1, 2),
        ]
        var next = 0
        for i in file.tensors.indices where file.tensors[i].sizes.count == 2 {
            let type = types[next % types.count]
            next += 1
            let count = Int(file.tensors[i].sizes[0] * file.tensors[i].sizes[1])
            // small scales: no exponent of a half or of a BFloat16 is large in bytes below 0x20
            file.tensors[i].bytes = (0..<count / type.block * type.bytes).map { _ in
                UInt8(random.below(0x20))
            }
            file.tensors[i].type = type.number
        }
        return file
    }()

    @Test func `types may be mixed`() throws {
        let weights = try WeightFile(GGUFFileTests.mixed.bytes).weights()
        #expect(weights["tok_embeddings.weight"].element == .q6K)
        #expect(weights["layers.0.attention.wq.weight"].element == .q8)
        #expect(weights["layers.0.attention.wk.weight"].element == .q4)
        #expect(weights["layers.0.attention.wv.weight"].element == .q4K)
        #expect(weights["layers.0.attention.wo.weight"].element == .q5K)
        #expect(weights["layers.0.feed_forward.w1.weight"].element == .bfloat16)
        #expect(weights["layers.0.feed_forward.w2.weight"].element == .float16)
        #expect(weights["layers.0.feed_forward.w3.weight"].element == .q6K)
        for (name, _) in weights.config.shapes {
            let tensor = weights[name]
            #expect(!tensor.storage.isWritable, "\(name)")
            #expect(!tensor.values.contains { !$0.isFinite }, "\(name)")
        }
    }

    @Test(arguments: [OutputFormat.lmw, .llama2c, .safetensors])
    func `quantised weights are written as Floats`(format: OutputFormat) throws {
        let weights = try WeightFile(GGUFFileTests.mixed.bytes).weights()
        let written = try WeightFile(weights, as: format).weights()
        for (name, _) in weights.config.shapes {
            #expect(haveEqualBits(written[name], weights[name]), "\(name)")
            #expect(!written[name].element.isQuantized, "\(name)")
        }
    }
}
