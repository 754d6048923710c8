// QuantizedLogitsTests: the logits of whole models with quantised matrices, from GGUF files, against
// the network in double precision with the values of the same blocks.

import TestSupport
import Testing

@testable import CompactLlama
@testable import Support

/// A type of GGUF: its number, and the half-precision scales of a block that give weights around
/// 1/32, by their places in it.
private struct BlockType: CustomTestStringConvertible {
    let element: ElementType, number: UInt32
    let scales: [Int: UInt16]

    var testDescription: String { element.rawValue }

    static let all = [
        BlockType(element: .q8, number: 8, scales: [0: 0x1000]),
        BlockType(element: .q4, number: 2, scales: [0: 0x2000]),
        BlockType(element: .q4K, number: 12, scales: [0: 0x0800, 2: 0x1400]),
        BlockType(element: .q5K, number: 13, scales: [0: 0x0400, 2: 0x1400]),
        BlockType(element: .q6K, number: 14, scales: [208: 0x0200]),
    ]

    /// Blocks of random integers.
    func bytes(_ count: Int, using random: inout Random) -> [UInt8] {
        var bytes = (0..<element.byteCount(count)).map { _ in UInt8(random.below(256)) }
        for block in stride(from: 0, to: bytes.count, by: element.blockByteCount) {
            for (place, scale) in scales {
                bytes.replaceSubrange(block + place..<block + place + 2, with: littleEndian(scale))
            }
        }
        return bytes
    }
}

@Suite struct QuantizedLogitsTests {
    @Test(arguments: BlockType.all)
    private func `logits are within 3 % of double precision, in decode and prefill`(
        type: BlockType
    ) throws {
        var sizes = TinySizes(vocab: TinyTokenizer().vocabSize, dim: 256)
        (sizes.hidden, sizes.layers, sizes.heads, sizes.kvHeads) = (512, 2, 4, 2)
        var random = Random(seed: 11)
        var file = TinyGGUF(sizes)
        for i in file.tensors.indices where file.tensors[i].sizes.count == 2 {
            file.tensors[i].type = type.number
            file.tensors[i].bytes = type.bytes(
                Int(file.tensors[i].sizes.reduce(1, *)), using: &random)
        }
        let folder = try TemporaryFolder()
        let weights = try Weights(contentsOf: folder.write(file.bytes, as: "model.gguf"))
        #expect(weights["output.weight"].element == type.element)

        // the values of the blocks have tests of their own
        let names = sizes.tensors.map(\.name)
        let values = Dictionary(uniqueKeysWithValues: names.map { ($0, weights[$0].values) })
        let tokens = (0..<12).map { _ in random.below(sizes.vocab) }
        let expected = NaiveLlama(sizes: sizes, weights: values, eps: 1e-5).logits(tokens)
        func error(_ logits: Tensor, after position: Int) -> Double {
            let pairs = zip(logits.values, expected[position])
            let difference = pairs.reduce(0) { $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1) }
            let norm = expected[position].reduce(0) { $0 + $1 * $1 }
            return (difference / norm).squareRoot()
        }

        let decode = Transformer(weights)
        for (position, token) in tokens.enumerated() {
            let logits = decode([token], startPos: position)
            #expect(error(logits, after: position) <= 0.03, "decode at \(position)")
        }
        for count in [3, 12] {  // few rows and many have kernels of their own
            let logits = Transformer(weights)(Array(tokens[..<count]), startPos: 0)
            #expect(error(logits, after: count - 1) <= 0.03, "prefill of \(count)")
        }
    }
}
