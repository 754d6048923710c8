// WeightFileMutationTests: hundreds of weight files with random damage, the same in every run. Each
// is refused with a documented error, or gives complete tensors; none crashes.

import TestSupport
import Testing

@testable import Support

/// Ways to damage a file.
enum Mutation: CaseIterable, Sendable {
    case headerBit, anyBit, number, truncation, insertion, removal, swap, growth

    func apply(to bytes: [UInt8], headerSize: Int, _ random: inout Random) -> [UInt8] {
        var bytes = bytes
        let offset = random.below(bytes.count)
        switch self {
        case .headerBit: bytes[random.below(headerSize)] ^= 1 << random.below(8)
        case .anyBit: bytes[offset] ^= 1 << random.below(8)
        case .number:  // a number that reveals unchecked arithmetic, at an aligned offset
            let numbers: [UInt32] = [
                0, 1, 2, 3, 4, 5, 0x7F, 0xFF, 0xFFFF, 0x10000, 0x3FFF_FFFF, 0x4000_0000,
                0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, 0xFFFF_FFFC, 0xFFFF_FFFF, 0x7FC0_0000,
            ]
            // half of them in the first few records, where most numbers are sizes
            let end = random.below(2) == 0 ? min(160, bytes.count) : bytes.count
            let start = random.below(end / 4) * 4
            bytes.replaceSubrange(
                start..<start + 4, with: littleEndian(numbers[random.below(numbers.count)]))
        case .truncation: bytes.removeLast(bytes.count - offset)
        case .insertion:
            let new = (0..<1 + random.below(8)).map { _ in UInt8(random.below(256)) }
            bytes.insert(contentsOf: new, at: offset)
        case .removal:
            bytes.removeSubrange(offset..<min(bytes.count, offset + 1 + random.below(40)))
        case .swap:  // copies a part of the file to another offset
            let count = min(4 * (1 + random.below(50)), bytes.count - offset)
            let to = random.below(bytes.count - count + 1)
            bytes.replaceSubrange(to..<to + count, with: Array(bytes[offset..<offset + count]))
        case .growth:
            bytes += (0..<1 + random.below(200)).map { _ in UInt8(random.below(256)) }
        }
        return bytes
    }
}

/// The files to damage.
enum Original: CaseIterable, Sendable {
    case lmw, llama2c, llama2cInt8

    var bytes: [UInt8] {
        switch self {
        case .lmw: LMWBytes().bytes
        case .llama2c: Llama2cBytes().bytes
        case .llama2cInt8: Llama2cInt8Bytes(.blocks, groupSize: 32).bytes
        }
    }

    var headerSize: Int {
        switch self {
        case .lmw: LMWBytes.headerSize
        case .llama2c: 28
        case .llama2cInt8: 41
        }
    }
}

extension TinySizes {
    /// Rows of 64 and 128, which blocks of 32 fill.
    static let blocks: TinySizes = {
        var sizes = TinySizes(vocab: 5, dim: 64)
        sizes.hidden = 128
        return sizes
    }()
}

@Suite struct WeightFileMutationTests {
    private func expectErrorOrWeights(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> Bool {
        let path = try folder.write(bytes, as: "mutated")
        do {
            let weights = try Weights(contentsOf: path)
            let config = weights.config
            #expect(config.dim > 0 && config.dim % config.nHeads == 0)
            #expect(config.nHeads % config.nKvHeads == 0 && config.headSize % 2 == 0)
            let layers = (0..<config.nLayers).flatMap { config.layerShapes($0) }
            for (name, shape) in config.outerShapes + layers {
                let tensor = weights[name]
                #expect(tensor.shape == Shape(shape))
                #expect(tensor.values.count == shape.reduce(1, *))  // reads every value
            }
            return true
        } catch let error as WeightFileError {
            #expect(error.description.hasPrefix(path + ": "))
            #expect(!error.description.contains("\n"))
        } catch let error as FileError {
            #expect(error == .empty(path))
        }
        return false
    }

    @Test(arguments: Mutation.allCases, Original.allCases)
    func `a mutated file is refused or complete`(mutation: Mutation, of original: Original) throws {
        let folder = try TemporaryFolder()
        let (original, headerSize) = (original.bytes, original.headerSize)
        var random = Random(seed: UInt64(Mutation.allCases.firstIndex(of: mutation)!))
        for _ in 0..<60 {
            let bytes = mutation.apply(to: original, headerSize: headerSize, &random)
            _ = try expectErrorOrWeights(bytes, folder)
        }
    }

    @Test(arguments: Original.allCases)
    func `a file with several mutations is refused or complete`(original: Original) throws {
        let folder = try TemporaryFolder()
        let original = original.bytes
        var random = Random(seed: 99)
        for _ in 0..<150 {
            var bytes = original
            for _ in 0..<2 + random.below(4) where bytes.count >= 40 {
                let mutation = Mutation.allCases.randomElement(using: &random)!
                bytes = mutation.apply(to: bytes, headerSize: 28, &random)
            }
            _ = try expectErrorOrWeights(bytes, folder)
        }
    }

    @Test(arguments: Original.allCases)
    func `a file truncated at any byte is refused`(original: Original) throws {
        let folder = try TemporaryFolder()
        let original = original.bytes
        // every byte of the header and of the first record, then some
        let step = original.count < 5000 ? 7 : 501
        for count in 0..<original.count where count < 250 || count % step == 0 {
            let isAccepted = try expectErrorOrWeights(Array(original.prefix(count)), folder)
            #expect(!isAccepted, "\(count) of \(original.count) bytes")
        }
    }

    @Test(arguments: Original.allCases)
    func `the original files are accepted`(original: Original) throws {
        #expect(try expectErrorOrWeights(original.bytes, TemporaryFolder()))
    }
}
