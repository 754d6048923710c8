// WeightsForPeers: the file from which other programs take the weights.

import Foundation
import Support

extension Weights {
    /// Writes a `.bin` file, with a classifier of its own, in F32.
    /// - Throws: `FileError` if there is no place for it, `PeersError` if the format cannot say what
    ///   these weights need.
    func writeLlama2c(to path: String) throws {
        let fixed: [(String, Float, Float)] = [
            ("norm_eps", config.normEps, 1e-5), ("rope_theta", config.ropeTheta, 1e4),
        ]
        for (name, found, expected) in fixed where found != expected {
            throw PeersError.unsayable("\(name) = \(found)")
        }
        let sizes = try [
            config.dim, config.hiddenDim, config.nLayers, config.nHeads, config.nKvHeads,
            -config.vocabSize, config.maxSeqLen,  // negative, because a classifier follows
        ].map { size in
            guard let size = Int32(exactly: size) else { throw PeersError.unsayable("\(size)") }
            return size
        }
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw FileError.unwritable(path) }
        defer { try? file.close() }
        func write<Number>(_ numbers: [Number]) throws {
            do {
                try numbers.withUnsafeBytes { try file.write(contentsOf: Data($0)) }
            } catch { throw FileError.unwritable(path) }
        }
        try write(sizes)
        try write(self["tok_embeddings.weight"].values)
        for (name, _) in config.layerShapes(0) {
            for layer in 0..<config.nLayers {
                try write(self["layers.\(layer)" + name.dropFirst("layers.0".count)].values)
            }
        }
        try write(self["norm.weight"].values)
        let zeros = [Float](repeating: 0, count: config.headSize)
        for _ in 0..<config.maxSeqLen { try write(zeros) }  // RoPE's tables, which nobody reads
        try write(self["output.weight"].values)
    }
}
