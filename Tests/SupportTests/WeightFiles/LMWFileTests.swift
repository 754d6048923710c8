// LMWFileTests: .lmw files, read and written, are the bytes that LMWBytes describes by hand; other
// layouts, which also say version 1, are recognised.

import Foundation
import TestSupport
import Testing

@testable import Support

private let whole = LMWBytes()

@Suite struct LMWFileTests {
    // MARK: Reading

    @Test(arguments: 0..<3) func `a .lmw file gives its sizes and all tensors`(index: Int) throws {
        let sizes = TinySizes.examples[index]
        var file = LMWBytes(sizes)
        file.normEps = 1e-6
        let weights = try WeightFile(file.bytes).weights()
        #expect(weights.config == sizes.config(normEps: 1e-6))
        #expect(weights.config.headSize == sizes.dim / sizes.heads)
        expectComplete(weights, sizes, values: sizes.randomValues())
    }

    @Test func `records may come in any order, and RoPE's frequencies are passed over`() throws {
        var file = LMWBytes()
        file.records.reverse()
        file.records.insert(.init(name: "rope.freqs", shape: [2], values: [1, 2]), at: 3)
        let weights = try WeightFile(file.bytes).weights()
        expectComplete(weights, TinySizes(), values: TinySizes().randomValues())
    }

    // MARK: Writing

    @Test(arguments: 0..<3) func `what is written is what is described by hand`(index: Int) throws {
        var file = LMWBytes(TinySizes.examples[index])
        file.multipleOf = 1  // no number gives these hidden sizes
        file.normEps = 1e-6
        let weights = try WeightFile(file.bytes).weights()
        #expect(try WeightFile(weights, as: .lmw).bytes == file.bytes)
    }

    @Test func `the hidden size of a trained model is written as its multiple`() throws {
        var sizes = TinySizes()
        sizes.hidden = 32  // 8/3 of 8, rounded up to a multiple of 32
        var file = LMWBytes(sizes)
        file.multipleOf = 32
        let weights = try WeightFile(file.bytes).weights()
        #expect(try WeightFile(weights, as: .lmw).bytes == file.bytes)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `a real model's records are written as they were read`() throws {
        let path = TestData.model("stories260K.lmw")
        let original = try Data(contentsOf: URL(filePath: path))
        let written = try WeightFile(Weights(contentsOf: path), as: .lmw).bytes
        #expect(written.count == original.count)
        let read = try WeightFile(written).weights()
        let weights = try Weights(contentsOf: path)
        #expect(read.config == weights.config)
        for (name, _) in weights.config.shapes {
            #expect(haveEqualBits(read[name], weights[name]), "\(name)")
        }
    }

    // MARK: Other layouts

    private func expectOtherLayout(_ bytes: [UInt8], normEps: Float) throws {
        try Damage(
            "", bytes,
            "expected the first layout of .lmw version 1, found norm_eps = \(normEps): the file is "
                + "damaged or has a later layout, which also says version 1; convert the model again"
        ).expectError()
    }

    @Test func `a layout with one number more is not misread`() throws {
        // model version 2 before dim, and theta behind norm_eps
        let records = whole.records.flatMap(LMWBytes.bytes(of:))
        var bytes = whole.header
        bytes.insert(contentsOf: littleEndian(Int32(2)), at: 8)
        bytes += littleEndian(Float(10000).bitPattern)
        try expectOtherLayout(bytes + records, normEps: Float(bitPattern: 16))
    }

    @Test func `a layout with one number less is not misread`() throws {
        var bytes = whole.bytes  // without n_kv_heads, as the first files had it
        bytes.removeSubrange(20..<24)
        try expectOtherLayout(bytes, normEps: Float(bitPattern: 24))
    }

    @Test(arguments: [0, -1e-5, 1, 1e30, .nan, .infinity] as [Float])
    func `a norm_eps that no model has is refused`(normEps: Float) throws {
        var file = LMWBytes()
        file.normEps = normEps
        try expectOtherLayout(file.bytes, normEps: normEps)
    }
}
