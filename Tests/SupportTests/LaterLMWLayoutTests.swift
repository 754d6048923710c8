// Later and earlier layouts of .lmw also say version 1: they are recognised as another layout.

import TestSupport
import Testing

@testable import Support

private let whole = LMWBytes()

@Suite struct LaterLMWLayoutTests {
    private func expectOtherLayout(_ bytes: [UInt8], normEps: Float) throws {
        try Damage(
            "", bytes,
            "expected version 1's first layout of .lmw, found norm_eps = \(normEps): either damage or "
                + "a later layout, which also says version 1; convert the model again"
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
