// Llama2cFileTests: llama2.c's .bin files are read and written like the hand-made Llama2cBytes;
// damaged files give an error with the expected and the found value.

import Foundation
import TestSupport
import Testing

@testable import Support

private let expected =
    "expected .lmw (magic number 0x696D756C), GGUF, .safetensors or llama2.c's legacy .bin, found "

@Suite struct Llama2cFileTests {
    // MARK: Reading

    @Test(arguments: 0..<3, [true, false])
    func `a .bin file gives its sizes and all tensors`(index: Int, hasClassifier: Bool) throws {
        let sizes = TinySizes.examples[index]
        let bytes = Llama2cBytes(sizes, hasClassifier: hasClassifier).bytes
        let weights = try WeightFile(bytes, as: "model.bin").weights()
        #expect(weights.config == sizes.config(normEps: 1e-5))
        var values = sizes.randomValues()
        if !hasClassifier { values["output.weight"] = values["tok_embeddings.weight"] }
        expectComplete(weights, sizes, values: values)
    }

    // MARK: Writing

    @Test(arguments: 0..<3, [true, false])
    func `a written file equals the hand-made one, except RoPE's tables`(
        index: Int, hasClassifier: Bool
    ) throws {
        let sizes = TinySizes.examples[index]
        let bytes = Llama2cBytes(sizes, hasClassifier: hasClassifier).bytes
        let weights = try WeightFile(bytes, as: "model.bin").weights()
        let written = try WeightFile(weights, as: .llama2c).bytes
        let end = bytes.count - (hasClassifier ? sizes.vocab * sizes.dim * 4 : 0)
        let tables = end - sizes.maxSeqLen * sizes.dim / sizes.heads * 4..<end
        #expect(written.count == bytes.count)
        #expect(written[..<tables.lowerBound] == bytes[..<tables.lowerBound])
        #expect(written[tables.upperBound...] == bytes[tables.upperBound...])
    }

    @Test func `RoPE's tables are cosines, then sines`() throws {
        let bytes = Llama2cBytes(hasClassifier: false).bytes  // 16 positions, two pairs a head
        let weights = try WeightFile(bytes, as: "model.bin").weights()
        let tables = try WeightFile(weights, as: .llama2c).bytes.suffix(2 * 16 * 2 * 4)
        let values = tables.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        for position in 0..<16 {
            for (pair, frequency) in [1, 0.01].enumerated() {
                let angle = Double(position) * frequency
                #expect(abs(values[position * 2 + pair] - Float(cos(angle))) < 1e-6)
                #expect(abs(values[32 + position * 2 + pair] - Float(sin(angle))) < 1e-6)
            }
        }
    }

    @Test func `a classifier equal to the embeddings is not written`() throws {
        var values = TinySizes().randomValues()
        values["output.weight"] = values["tok_embeddings.weight"]
        let untied = try WeightFile(LMWBytes(values: values).bytes).weights()
        #expect(!untied.isTied)
        let file = try WeightFile(untied, as: .llama2c)
        #expect(try file.weights().isTied)
        #expect(try file.bytes.count == Llama2cBytes(hasClassifier: false).bytes.count)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `a written real model equals the original, except RoPE's tables`() throws {
        let path = TestData.model("stories260K.bin")
        let original = try [UInt8](Data(contentsOf: URL(filePath: path)))
        let weights = try Weights(contentsOf: path)
        let written = try WeightFile(weights, as: .llama2c).bytes
        let tables = weights.config.maxSeqLen * weights.config.headSize * 4
        #expect(weights.isTied && written.count == original.count)
        #expect(written.dropLast(tables) == original.dropLast(tables))
    }

    // MARK: Damage

    static let fields = [
        "dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "", "max_seq_len",
    ]

    private func patched(
        _ field: Int, _ number: Int32, in file: Llama2cBytes = Llama2cBytes()
    ) -> [UInt8] {
        var bytes = file.bytes
        bytes.replaceSubrange(field * 4..<field * 4 + 4, with: littleEndian(number))
        return bytes
    }

    @Test(arguments: [0, 1, 2, 3, 4, 6], [0, -1, Int32.min])
    func `a size that is not positive is refused`(field: Int, size: Int32) throws {
        try Damage(
            "", patched(field, size),
            expected + "\(Self.fields[field]) = \(size) where .bin needs a positive number"
        ).expectError()
    }

    @Test func `an empty vocabulary is refused`() throws {
        try Damage(
            "", patched(5, 0), expected + "vocab_size = 0 where .bin needs a positive number"
        )
        .expectError()
    }

    @Test(
        arguments: [
            (3, 3, "dim = 8 where .bin needs a multiple of n_heads = 3"),
            (4, 3, "n_heads = 2 where .bin needs a multiple of n_kv_heads = 3"),
            (3, 8, "dim / n_heads = 1 where .bin needs an even number"),
        ] as [(Int, Int32, String)])
    func `sizes that are not multiples are refused`(field: Int, size: Int32, found: String) throws {
        try Damage("", patched(field, size), expected + found).expectError()
    }

    @Test(arguments: [0, 1, 2, 5, 6]) func `the largest sizes do not overflow`(field: Int) throws {
        let file = try WeightFile(patched(field, field == 0 ? .max - 7 : .max), as: "model.bin")
        #expect(throws: WeightFileError.self) { try file.weights() }
    }

    @Test func `sizes that are all too large are refused`() throws {
        let bytes = Array(repeating: littleEndian(Int32(0x7FFF_FFF8)), count: 7).flatMap { $0 }
        let file = try WeightFile(bytes + Llama2cBytes().bytes.dropFirst(28), as: "model.bin")
        #expect(throws: WeightFileError.self) { try file.weights() }
        let few =
            [0x7FFF_FFF8, 0x7FFF_FFF8, 0x7FFF_FFF8, 1, 1, 0x7FFF_FFF8, 0x7FFF_FFF8] as [Int32]
        try Damage("", few.flatMap { littleEndian($0) }, expected + "sizes that no file can hold")
            .expectError()
    }

    @Test(arguments: [-1, 1, -160, 4, -1000])
    func `a file size other than the header's is refused`(difference: Int) throws {
        let bytes = Llama2cBytes().bytes
        let changed =
            difference < 0
            ? bytes.dropLast(-difference) : bytes + Array(repeating: 0, count: difference)
        try Damage(
            "", Array(changed),
            "expected \(bytes.count) bytes for the sizes in its header, found \(bytes.count + difference)"
        ).expectError()
    }

    @Test func `a missing and an unexpected classifier are detected`()
        throws
    {
        var bytes = patched(5, -5, in: Llama2cBytes(hasClassifier: false))
        try Damage(
            "", bytes,
            "expected \(bytes.count + 160) bytes for the sizes in its header, found \(bytes.count)"
        ).expectError()
        bytes = patched(5, 5)
        try Damage(
            "", bytes,
            "expected \(bytes.count - 160) bytes for the sizes in its header, found \(bytes.count)"
        ).expectError()
    }

    @Test(arguments: [1, 3, 4, 27]) func `a file shorter than the header is refused`(count: Int)
        throws
    {
        let bytes = Array(Llama2cBytes().bytes.prefix(count))
        try Damage("", bytes, expected + "\(count) bytes").expectError()
    }
}
