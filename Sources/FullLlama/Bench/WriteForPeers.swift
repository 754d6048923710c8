// WriteForPeers: a shim for `Weights.write(as:to:)`, until Support has it. Then this file goes.

import Foundation
import Support

extension Weights {
    /// Writes llama2.c's legacy `.bin` in F32, with a classifier of its own.
    func write(as format: WeightFormat, to path: String) throws {
        let c = config
        guard c.normEps == 1e-5, c.ropeTheta == 1e4 else { throw FileError.unwritable(path) }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw FileError.unwritable(path) }
        func write<Number>(_ numbers: [Number]) throws {
            try numbers.withUnsafeBytes { try file.write(contentsOf: Data($0)) }
        }
        let layerSizes = [c.dim, c.hiddenDim, c.nLayers, c.nHeads, c.nKvHeads]
        try write((layerSizes + [-c.vocabSize, c.maxSeqLen]).map(Int32.init))
        try write(self["tok_embeddings.weight"].values)
        for (name, _) in c.layerShapes(0) {
            for layer in 0..<c.nLayers {
                try write(self["layers.\(layer)" + name.dropFirst("layers.0".count)].values)
            }
        }
        try write(self["norm.weight"].values)
        try write([Float](repeating: 0, count: c.headSize * c.maxSeqLen))  // RoPE's tables
        try write(self["output.weight"].values)
    }
}
