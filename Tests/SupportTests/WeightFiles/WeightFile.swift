// WeightFile and Damage: the weight files of tests, and the errors that damaged files must give.

import TestSupport
import Testing

@testable import Support

/// A weight file in a folder that is removed when the test ends.
struct WeightFile {
    let folder: TemporaryFolder
    let path: String

    init(_ bytes: [UInt8], as name: String = "model.lmw") throws {
        folder = try TemporaryFolder()
        path = try folder.write(bytes, as: name)
    }

    init(_ weights: Weights, as format: OutputFormat) throws {
        folder = try TemporaryFolder()
        path = folder.path + "/model" + format.rawValue
        try weights.write(as: format, to: path)
    }

    var bytes: [UInt8] {
        get throws { try [UInt8](readFile(path)) }
    }

    func weights() throws -> Weights { try Weights(contentsOf: path) }
}

/// Checks that every tensor of `sizes` has its shape, and `values` if they are given.
func expectComplete(_ weights: Weights, _ sizes: TinySizes, values: [String: [Float]]? = nil) {
    for (name, shape) in sizes.tensors {
        let tensor = weights[name]
        #expect(tensor.shape == Shape(shape), "\(name)")
        if let values { #expect(tensor.values == values[name], "\(name)") }
    }
}

extension TinySizes {
    /// One layer, two layers without shared key-value heads, and more heads than hidden elements.
    static let examples: [TinySizes] = {
        var twoLayers = TinySizes()
        (twoLayers.layers, twoLayers.kvHeads) = (2, 2)
        var wide = TinySizes(vocab: 3, dim: 16)
        (wide.heads, wide.kvHeads, wide.hidden) = (8, 4, 1)
        return [TinySizes(), twoLayers, wide]
    }()

    func config(normEps: Float) -> Config {
        Config(
            dim: dim, hiddenDim: hidden, nLayers: layers, nHeads: heads,
            nKvHeads: kvHeads, vocabSize: vocab, maxSeqLen: maxSeqLen,
            normEps: normEps)
    }
}

/// One kind of damage, and the error's text after "path: ".
struct Damage: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let message: String

    init(_ name: String, _ bytes: [UInt8], _ message: String) {
        (testDescription, self.bytes, self.message) = (name, bytes, message)
    }

    func expectError() throws {
        let file = try WeightFile(bytes)
        let error = #expect(throws: WeightFileError.self) { try file.weights() }
        #expect(error?.description == "\(file.path): \(message)")
        #expect(error?.path == file.path)
    }
}

/// The text of the error from reading a weight file.
func errorText(reading path: String) -> String {
    do {
        _ = try Weights(contentsOf: path)
        return "no error"
    } catch {
        return "\(error)"
    }
}
