// LMWFileTests: .lmw files are read and written like the hand-made LMWBytes; other layouts, which
// also say version 1, are refused.

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

    @Test func `records may be in any order, and RoPE's frequencies are ignored`() throws {
        var file = LMWBytes()
        file.records.reverse()
        file.records.insert(.init(name: "rope.freqs", shape: [2], values: [1, 2]), at: 3)
        let weights = try WeightFile(file.bytes).weights()
        expectComplete(weights, TinySizes(), values: TinySizes().randomValues())
    }

    // MARK: Writing

    @Test(arguments: 0..<3) func `a written file equals the hand-made one`(index: Int) throws {
        var file = LMWBytes(TinySizes.examples[index])
        file.multipleOf = 1  // no multiple_of gives these hidden sizes
        file.normEps = 1e-6
        let weights = try WeightFile(file.bytes).weights()
        #expect(try WeightFile(weights, as: .lmw).bytes == file.bytes)
    }

    @Test func `the hidden size is written as its multiple_of`() throws {
        var sizes = TinySizes()
        sizes.hidden = 32  // 8/3 of 8, rounded up to a multiple of 32
        var file = LMWBytes(sizes)
        file.multipleOf = 32
        let weights = try WeightFile(file.bytes).weights()
        #expect(try WeightFile(weights, as: .lmw).bytes == file.bytes)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `a real model is written with equal values`() throws {
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

    @Test func `a layout with an additional number is refused`() throws {
        // model version 2 before dim, and theta after norm_eps
        let records = whole.records.flatMap(LMWBytes.bytes(of:))
        var bytes = whole.header
        bytes.insert(contentsOf: littleEndian(Int32(2)), at: 8)
        bytes += littleEndian(Float(10000).bitPattern)
        try expectOtherLayout(bytes + records, normEps: Float(bitPattern: 16))
    }

    @Test func `a layout with a missing number is refused`() throws {
        var bytes = whole.bytes  // without n_kv_heads, like the first files
        bytes.removeSubrange(20..<24)
        try expectOtherLayout(bytes, normEps: Float(bitPattern: 24))
    }

    @Test(arguments: [0, -1e-5, 1, 1e30, .nan, .infinity] as [Float])
    func `an invalid norm_eps is refused`(normEps: Float) throws {
        var file = LMWBytes()
        file.normEps = normEps
        try expectOtherLayout(file.bytes, normEps: normEps)
    }
}
