// Peers: the weight file that other programs read holds the same weights.

import Foundation
import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct PeersTests {
    private let config = Config(
        dim: 32, hiddenDim: 48, nLayers: 2, nHeads: 4, nKvHeads: 2, vocabSize: 50, maxSeqLen: 16)

    @Test(arguments: ElementType.allCases)
    func `written as llama2.c's file they are read back the same`(element: ElementType) throws {
        let weights = Weights(random: config, element: element, seed: 3)
        let folder = try TemporaryFolder()
        let path = folder.path + "/weights.bin"
        try weights.write(as: .llama2c, to: path)
        let read = try Weights(contentsOf: path)
        for (name, _) in config.outerShapes + (0..<2).flatMap({ config.layerShapes($0) }) {
            #expect(read[name].values == weights[name].values, "\(name)")
        }
    }

    @Test func `what llama2.c's file cannot say is refused, and nothing is written`() throws {
        var other = config
        other.ropeTheta = 500_000
        let path = try TemporaryFolder().path + "/weights.bin"
        let weights = Weights(random: other, element: .float32, seed: 1)
        #expect(throws: (any Error).self) { try weights.write(as: .llama2c, to: path) }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
