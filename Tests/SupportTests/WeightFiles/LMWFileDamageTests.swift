// LMWFileDamageTests: each kind of damage to a .lmw file has an error with the file's path, the
// expected and the found value.

import TestSupport
import Testing

@testable import Support

extension Damage {
    /// Damages a file before it is written.
    fileprivate init(_ name: String, _ message: String, change: (inout LMWBytes) -> Void) {
        var file = LMWBytes()
        change(&file)
        self.init(name, file.bytes, message)
    }
}

private let whole = LMWBytes()
/// The offsets of the parts of the first record, tok_embeddings.weight [5, 8].
private let (nameOffset, rankOffset, sizesOffset, valuesOffset) = (44, 68, 72, 80)

@Suite struct LMWFileDamageTests {
    static let headers: [Damage] = [
        Damage("unknown version", "expected version 1 of .lmw, found version 2") { $0.version = 2 },
        Damage("version 0", "expected version 1 of .lmw, found version 0") { $0.version = 0 },
        Damage("negative version", "expected version 1 of .lmw, found version -1") {
            $0.version = -1
        },
        Damage("dim 0", "dim: expected a positive number, found 0") { $0.sizes.dim = 0 },
        Damage("negative dim", "dim: expected a positive number, found -8") { $0.sizes.dim = -8 },
        Damage("no layers", "n_layers: expected a positive number, found 0") {
            $0.sizes.layers = 0
        },
        Damage("no heads", "n_heads: expected a positive number, found 0") { $0.sizes.heads = 0 },
        Damage("negative key-value heads", "n_kv_heads: expected a positive number, found -1") {
            $0.sizes.kvHeads = -1
        },
        Damage("multiple_of 0", "multiple_of: expected a positive number, found 0") {
            $0.multipleOf = 0
        },
        Damage("empty vocabulary", "vocab_size: expected a positive number, found 0") {
            $0.sizes.vocab = 0
        },
        Damage("no positions", "max_seq_len: expected a positive number, found -2147483648") {
            $0.sizes.maxSeqLen = Int(Int32.min)
        },
        Damage("dim not a multiple of n_heads", "dim: expected a multiple of n_heads = 3, found 8")
        {
            $0.sizes.heads = 3
        },
        Damage(
            "n_heads not a multiple of n_kv_heads",
            "n_heads: expected a multiple of n_kv_heads = 3, found 2"
        ) {
            $0.sizes.kvHeads = 3
        },
        Damage("odd head size", "dim / n_heads: expected an even number, found 1") {
            $0.sizes.heads = 8
        },
    ]

    @Test(arguments: headers) func `an invalid header is refused`(damage: Damage) throws {
        try damage.expectError()
    }

    static let truncations: [Damage] = [
        ("after the magic number", 4, "the header: expected 40 bytes at offset 0, found 4"),
        ("in the header", 39, "the header: expected 40 bytes at offset 0, found 39"),
        ("in a name's length", 43, "the length of a name: expected 4 bytes at offset 40, found 3"),
        ("before a name", 44, "a tensor name: expected 24 bytes at offset 44, found 0"),
        ("in a name", 60, "a tensor name: expected 24 bytes at offset 44, found 16"),
        (
            "in the number of axes", rankOffset + 2,
            "the shape of tok_embeddings.weight: expected 4 bytes at offset 68, found 2"
        ),
        (
            "in the sizes", sizesOffset + 4,
            "the shape of tok_embeddings.weight: expected 8 bytes at offset 72, found 4"
        ),
        (
            "in the values", valuesOffset + 159,
            "the values of tok_embeddings.weight: expected 160 bytes at offset 80, found 159"
        ),
        (
            "one byte before the end", whole.bytes.count - 1,
            "the values of output.weight: expected 160 bytes at offset "
                + "\(whole.bytes.count - 160), found 159"
        ),
        (
            "after one more byte", whole.bytes.count + 1,
            "the length of a name: expected 4 bytes at offset \(whole.bytes.count), found 1"
        ),
    ].map { name, count, what in
        Damage(name, Array((whole.bytes + [0]).prefix(count)), "truncated in \(what)")
    }

    @Test(arguments: truncations) func `a truncated file is refused with its offset`(damage: Damage)
        throws
    {
        try damage.expectError()
    }

    @Test func `a file truncated between two records lacks a tensor`() throws {
        try Damage("", "the tensor output.weight is missing") { $0.records.removeLast() }
            .expectError()
        try Damage(
            "", Array(whole.bytes.prefix(40)),
            "the tensor layers.0.feed_forward.w1.weight is missing"
        ).expectError()
    }

    private static func patched(_ offset: Int, _ numbers: UInt32...) -> [UInt8] {
        var bytes = whole.bytes
        let patch = numbers.flatMap { littleEndian($0) }
        bytes.replaceSubrange(offset..<offset + patch.count, with: patch)
        return bytes
    }

    static let records: [Damage] = [
        Damage(
            "a name of length 0", patched(40, 0),
            "expected a tensor name at offset 40, found a length of 0"),
        Damage(
            "a name that is not padded", patched(40, 23),
            "expected a tensor name at offset 40, found a length of 23"),
        Damage(
            "a name longer than the file", patched(40, 0xFFFF_FFFC),
            "truncated in a tensor name: expected 4294967292 bytes at offset 44, "
                + "found \(whole.bytes.count - 44)"),
        Damage(
            "a name that is not text", patched(nameOffset, 0xFF80_0041),
            "expected a tensor name at offset 40, found 24 bytes that are not a name"),
        Damage(
            "no axes", patched(rankOffset, 0),
            "the number of axes of tok_embeddings.weight: expected 1 to 4, found 0"),
        Damage(
            "too many axes", patched(rankOffset, 0xFFFF_FFFF),
            "the number of axes of tok_embeddings.weight: expected 1 to 4, found 4294967295"),
        Damage(
            "a size of 0", patched(sizesOffset, 0),
            "the shape of tok_embeddings.weight: expected positive sizes, found [0, 8]"),
        Damage(
            "sizes beyond the file", patched(sizesOffset, 5000),
            "truncated in the values of tok_embeddings.weight: expected 160000 bytes at offset 80, "
                + "found \(whole.bytes.count - 80)"),
        Damage(
            "sizes whose product overflows", patched(sizesOffset, 0xFFFF_FFFF, 0xFFFF_FFFF),
            "the sizes of tok_embeddings.weight multiply to more than a file can hold"),
        Damage(
            "four huge sizes", patched(rankOffset, 4, 0x8000_0000, 0x8000_0000, 2, 1),
            "the sizes of tok_embeddings.weight multiply to more than a file can hold"),
        Damage("a tensor missing", "the tensor layers.0.ffn_norm.weight is missing") {
            $0.records.remove(at: $0.index(of: "layers.0.ffn_norm.weight"))
        },
        Damage("a tensor twice", "the tensor norm.weight occurs twice") {
            $0.records.append($0["norm.weight"])
        },
        Damage("an unknown tensor", "unexpected tensor layers.0.attention.bias") {
            $0.records.append(.init(name: "layers.0.attention.bias", shape: [1], values: [0]))
        },
        Damage("one layer too many", "unexpected tensor layers.1.ffn_norm.weight") {
            $0.records.append(.init(name: "layers.1.ffn_norm.weight", shape: [1], values: [0]))
        },
        Damage("one layer too few", "the tensor layers.1.attention_norm.weight is missing") {
            $0.sizes.layers = 2
        },
        Damage("millions of layers", "the tensor layers.1.attention_norm.weight is missing") {
            $0.sizes.layers = Int(Int32.max)
        },
        Damage(
            "transposed shape", "expected shape [5, 8] for the tensor output.weight, found [8, 5]"
        ) {
            $0["output.weight"].shape = [8, 5]
        },
        Damage("flat shape", "expected shape [5, 8] for the tensor output.weight, found [40]") {
            $0["output.weight"].shape = [40]
        },
        Damage("deep shape", "expected shape [8] for the tensor norm.weight, found [1, 8]") {
            $0["norm.weight"].shape = [1, 8]
        },
        Damage(
            "another vocabulary",
            "expected shape [6, 8] for the tensor tok_embeddings.weight, found [5, 8]"
        ) { $0.sizes.vocab = 6 },
        Damage(
            "another hidden size in w2",
            "expected shape [8, 12] for the tensor layers.0.feed_forward.w2.weight, found [8, 6]"
        ) {
            $0["layers.0.feed_forward.w2.weight"].shape = [8, 6]
            $0["layers.0.feed_forward.w2.weight"].values.removeLast(48)
        },
    ]

    @Test(arguments: records) func `a damaged record is refused`(damage: Damage) throws {
        try damage.expectError()
    }
}
