// Llama2cInt8FileTests: llama2.c's int8 files are read like the hand-made Llama2cInt8Bytes; damaged
// files give an error with the expected and the found value.

import TestSupport
import Testing

@testable import Support

@Suite struct Llama2cInt8FileTests {
    @Test(arguments: [32, 64], [true, false])
    func `weights are integers times the scale of their group`(
        groupSize: Int, hasClassifier: Bool
    ) throws {
        var sizes = TinySizes.blocks
        sizes.layers = 2
        let file = Llama2cInt8Bytes(sizes, groupSize: groupSize, hasClassifier: hasClassifier)
        let weights = try WeightFile(file.bytes, as: "model.lmw").weights()
        #expect(weights.format == .llama2cInt8)
        #expect(weights.config == sizes.config(normEps: 1e-5))
        #expect(weights.isTied != hasClassifier)
        #expect(weights["layers.1.feed_forward.w2.weight"].element == .q8)
        expectComplete(weights, sizes, values: file.values)
    }

    @Test func `a scale is rounded to half precision`() throws {
        let file = Llama2cInt8Bytes(.blocks, groupSize: 64)
        let changed = patched(
            file.scaleOffsets["output.weight"]!, littleEndian(Float(0.1).bitPattern))
        let row = try WeightFile(changed).weights()["output.weight"][0].values
        let original = file.values["output.weight"]!
        let oldScale = Float(
            bitPattern: file.bytes.withUnsafeBytes {
                $0.loadUnaligned(
                    fromByteOffset: file.scaleOffsets["output.weight"]!, as: UInt32.self)
            })
        // 0.1 is 0.0999755859375 in half precision
        #expect(row == original.prefix(64).map { $0 / oldScale * 0.0999755859375 })
    }

    // MARK: Damage

    private func patched(_ offset: Int, _ bytes: [UInt8]) -> [UInt8] {
        var file = Llama2cInt8Bytes(.blocks, groupSize: 64).bytes
        file.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return file
    }

    @Test(
        arguments: [
            (4, 1, "expected version 0 or 2 of llama2.c's .bin, found version 1"),
            (8, 0, "dim: expected a positive number, found 0"),
            (12, -1, "hidden_dim: expected a positive number, found -1"),
            (12, 96, "hidden_dim: expected a multiple of group_size = 64, found 96"),
            (20, 3, "dim: expected a multiple of n_heads = 3, found 64"),
            (37, 0, "group_size: expected a multiple of 32, found 0"),
            (37, -32, "group_size: expected a multiple of 32, found -32"),
            (37, 16, "group_size: expected a multiple of 32, found 16"),
            (37, 96, "dim: expected a multiple of group_size = 96, found 64"),
            (28, 6, "expected 41008 bytes for the sizes in its header, found 40872"),
        ] as [(Int, Int32, String)])
    func `a header that cannot be right is refused`(
        offset: Int, number: Int32, message: String
    ) throws {
        try Damage("", patched(offset, littleEndian(number)), message).expectError()
    }

    @Test func `a flag other than 0 and 1 is refused`() throws {
        try Damage("", patched(36, [2]), "shared_classifier: expected 0 or 1, found 2")
            .expectError()
    }

    @Test func `sizes that overflow are refused`() throws {
        let large = littleEndian(Int32(0x7FFF_FFC0))
        let sizes = large + large + large + littleEndian(Int32(1)) + littleEndian(Int32(1)) + large
        try Damage(
            "", patched(8, sizes),
            "the sizes of all tensors multiply to more than a file can hold"
        ).expectError()
    }

    @Test(arguments: [(Float.nan, "nan"), (-Float.infinity, "-inf"), (65536, "65536.0")])
    func `a scale that is not finite in half precision is refused`(
        scale: Float, found: String
    ) throws {
        let offsets = Llama2cInt8Bytes(.blocks, groupSize: 64).scaleOffsets
        let name = "layers.0.attention.wk.weight"
        try Damage(
            "", patched(offsets[name]! + 4, littleEndian(scale.bitPattern)),
            "the scales of \(name): expected finite numbers in half precision, found \(found)"
        ).expectError()
    }

    @Test func `a header that ends early is refused`() throws {
        try Damage(
            "", Array("24ka".utf8),
            "truncated in the header: expected 256 bytes at offset 0, found 4"
        ).expectError()
    }
}
