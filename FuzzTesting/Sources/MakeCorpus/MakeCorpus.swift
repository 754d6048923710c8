// MakeCorpus: `MakeCorpus FOLDER` writes small valid inputs of every kind into FOLDER/KIND, from which
// the fuzzers begin.

import Foundation
import TestSupport

@main struct MakeCorpus {
    static func main() throws {
        let root = URL(fileURLWithPath: CommandLine.arguments[1])
        func write(_ bytes: [UInt8], _ kind: String, _ name: String) throws {
            let folder = root.appending(path: kind)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(bytes).write(to: folder.appending(path: name))
        }

        let tied = TinyHuggingFace(isTied: true)
        for (i, sizes) in [TinySizes(), TinySizes(vocab: 263, dim: 4)].enumerated() {
            try write(LMWBytes(sizes).bytes, "LMW", "\(i)")
            try write(Llama2cBytes(sizes).bytes, "Llama2c", "\(i)")
            try write(Llama2cBytes(sizes, hasClassifier: false).bytes, "Llama2c", "tied-\(i)")
        }
        for groupSize in [32, 64] {
            var sizes = TinySizes(vocab: 3, dim: 64)
            sizes.hidden = 64
            let file = Llama2cInt8Bytes(sizes, groupSize: groupSize, hasClassifier: groupSize == 32)
            try write(file.bytes, "Llama2c", "int8-\(groupSize)")
        }
        var gguf = TinyGGUF(TinySizes(vocab: 263, dim: 4))
        try write(gguf.bytes, "GGUF", "all")
        gguf.tensors.removeAll { $0.name == "output.weight" }
        gguf["llama.rope.freq_base"] = .float(10000)
        gguf["tokenizer.ggml.add_space_prefix"] = .bool(1)
        try write(gguf.bytes, "GGUF", "tied")
        // a small file, where mutations meet numbers: all kinds of them, and keys that have defaults
        gguf = TinyGGUF(TinySizes(vocab: 4, dim: 4))
        gguf["general.alignment"] = .uint32(32)
        gguf["llama.rope.scaling.type"] = .string("none")
        gguf["nested"] = .array(9, [TinyGGUF.Value.array(1, [[1]]).bytes])
        gguf["tokenizer.ggml.tokens"] = .strings(["<unk>", "<s>", "</s>", "a"])
        gguf["tokenizer.ggml.scores"] = .array(
            12, Array(repeating: littleEndian(0.5.bitPattern), count: 4))
        gguf["tokenizer.ggml.token_type"] = .array(1, [[2], [3], [3], [1]])
        gguf["tokenizer.ggml.bos_token_id"] = .init(3, [1, 0])
        gguf["tokenizer.ggml.eos_token_id"] = .uint64(2)
        try write(gguf.bytes, "GGUF", "small")
        // every quantised type, in w2, whose rows are a block long
        for (type, elements, bytes) in [
            (8, 32, 34), (2, 32, 18), (12, 256, 144), (13, 256, 176), (14, 256, 210),
        ] {
            var sizes = TinySizes(vocab: 263, dim: 4)
            sizes.hidden = elements
            var file = TinyGGUF(sizes)
            file[tensor: "blk.0.ffn_down.weight"].type = UInt32(type)
            file[tensor: "blk.0.ffn_down.weight"].bytes = Array(repeating: 0x11, count: 4 * bytes)
            try write(file.bytes, "GGUF", "type-\(type)")
        }
        for type in ["F32", "F16", "BF16"] {
            let file = TinyHuggingFace(type: type)
            try write(TinyHuggingFace.file(file.entries), "Safetensors", type)
        }
        try write(TinyHuggingFace.file(tied.entries), "Safetensors", "tied")
        try write(Array(TinyHuggingFace().configJSON.utf8), "Config", "all")
        try write(Array(tied.configJSON.utf8), "Config", "tied")
        let folder = try TemporaryFolder()
        try TinyHuggingFace().write(to: folder, shards: 2)
        let index = try Data(
            contentsOf: URL(fileURLWithPath: folder.file("model.safetensors.index.json")))
        try write(Array(index), "Index", "all")
        var tokenizer = TinyTokenizer()
        try write(tokenizer.bytes, "Tokenizer", "tiny")
        tokenizer.characterMap = TinyTokenizer.characterMap()
        try write(tokenizer.bytes, "Tokenizer", "map")
        let records = """
            {"position": 0, "stage": "embedding", "shape": [2], "values": [0.5, -1.25e-3]}
            {"position": 0, "stage": "logits", "shape": [2], "values": ["nan", "-inf"]}

            """
        try write(Array(records.utf8), "Trace", "two")
        try write(Array("Once, \u{4F60}\u{1F600}\u{E9}\n".utf8), "Decoder", "valid")
        try write([0xE4, 0xFB, 0xF0, 0x9F, 0xFF, 0x98, 0xF9, 0x80, 0xC3], "Decoder", "invalid")
    }
}
