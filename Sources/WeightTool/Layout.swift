// Layout: what a weight file consists of in each format, from the first byte to the last.

import Foundation
import Support

/// A file in pieces.
struct Layout {
    enum Piece {
        case bytes([UInt8])
        /// A tensor's values in a type of their own, its rows in the order that `row` says.
        case tensor(Tensor, ElementType, row: ((Int) -> Int)? = nil)
        /// Numbers that are made when they are written, a row at a time.
        case floats(rows: Int, rowSize: Int, (Int) -> [Float])

        var byteCount: Int {
            switch self {
            case .bytes(let bytes): bytes.count
            case .tensor(let tensor, let element, _): tensor.shape.count * element.size
            case .floats(let rows, let rowSize, _): rows * rowSize * 4
            }
        }
    }

    private(set) var pieces: [Piece] = []
    var byteCount: Int { pieces.reduce(0) { $0 + $1.byteCount } }

    private mutating func add(_ numbers: Int...) throws {
        let words = try numbers.map { number in
            guard let word = Int32(exactly: number) else { throw ConversionError.tooLarge(number) }
            return word
        }
        pieces.append(.bytes(words.flatMap { littleEndian($0) }))
    }

    // MARK: .lmw

    /// Version 1: ten numbers, then records with a name each; Floats only.
    static func lmw(_ weights: Weights) throws -> Layout {
        let config = weights.config
        try config.demandTheta(for: ".lmw")
        var layout = Layout()
        try layout.add(
            0x696D_756C, 1, config.dim, config.nLayers, config.nHeads, config.nKvHeads,
            config.multipleOf, config.vocabSize, config.maxSeqLen)
        layout.pieces.append(.bytes(littleEndian(config.normEps.bitPattern)))
        for (name, shape) in config.shapes {
            let padding = 4 - name.utf8.count % 4
            try layout.add(name.utf8.count + padding)
            layout.pieces.append(.bytes(Array(name.utf8) + Array(repeating: 0x20, count: padding)))
            try layout.add(shape.count)
            for size in shape { try layout.add(size) }
            layout.pieces.append(.tensor(weights[name], .float32))
        }
        return layout
    }

    // MARK: .bin

    /// llama2.c's legacy format: seven numbers, then the tensors kind by kind; Floats only.
    static func llama2c(_ weights: Weights) throws -> Layout {
        let config = weights.config
        try config.demandTheta(for: ".bin")
        guard config.normEps == 1e-5 else {
            throw ConversionError.inexpressible(".bin", "norm_eps", config.normEps, only: 1e-5)
        }
        let isTied = weights.hasEqualClassifier
        var layout = Layout()
        try layout.add(
            config.dim, config.hiddenDim, config.nLayers, config.nHeads, config.nKvHeads,
            isTied ? config.vocabSize : -config.vocabSize, config.maxSeqLen)

        let names = config.shapes.map(\.name)
        let kinds = names.filter { $0.hasPrefix("layers.0.") }.map {
            $0.dropFirst("layers.0.".count)
        }
        layout.pieces.append(.tensor(weights["tok_embeddings.weight"], .float32))
        for kind in kinds {
            for layer in 0..<config.nLayers {
                layout.pieces.append(.tensor(weights["layers.\(layer).\(kind)"], .float32))
            }
        }
        layout.pieces.append(.tensor(weights["norm.weight"], .float32))
        // nobody reads RoPE's tables any more, but their place is kept
        for function in [cos, sin] as [(Double) -> Double] {
            let half = config.headSize / 2
            layout.pieces.append(
                .floats(rows: config.maxSeqLen, rowSize: half) { position in
                    (0..<half).map { i in
                        let frequency = pow(10000, -2 * Double(i) / Double(config.headSize))
                        return Float(function(Double(position) * frequency))
                    }
                })
        }
        if !isTied { layout.pieces.append(.tensor(weights["output.weight"], .float32)) }
        return layout
    }

    // MARK: .safetensors

    /// Hugging Face's format, names and order of rows; every type as it is.
    static func safetensors(_ weights: Weights) throws -> Layout {
        struct Place: Encodable {
            let dtype: String
            let shape, dataOffsets: [Int]
        }
        let config = weights.config
        var (places, end) = ([String: Place](), 0)
        var layout = Layout()
        for (name, shape) in config.shapes where !(name == "output.weight" && weights.isTied) {
            let tensor = weights[name]
            let rows = HuggingFace.rows(of: name, config, inTheirOrder: true)
            let piece = Piece.tensor(tensor, tensor.element, row: rows)
            places[HuggingFace.name(of: name)] = Place(
                dtype: tensor.element.rawValue, shape: shape,
                dataOffsets: [end, end + piece.byteCount])
            layout.pieces.append(piece)
            end += piece.byteCount
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = .sortedKeys
        var header = Array(try encoder.encode(places))
        while header.count % 8 != 0 { header.append(0x20) }
        layout.pieces.insert(.bytes(littleEndian(UInt64(header.count)) + header), at: 0)
        return layout
    }
}

extension Config {
    /// What .lmw states in place of `hiddenDim`: the Python original rounds 8/3 · dim up to a
    /// multiple of it. If no number gives this `hiddenDim`, only w1's shape says it.
    var multipleOf: Int {
        let least = 8 * dim / 3
        func gives(_ multiple: Int) -> Bool {
            (least + multiple - 1) / multiple * multiple == hiddenDim
        }
        return ([256, 128, 64, 32, 16, 8, 4, 2, 1] + [hiddenDim]).first(where: gives) ?? 1
    }

    fileprivate func demandTheta(for format: String) throws {
        guard ropeTheta == 10000 else {
            throw ConversionError.inexpressible(format, "rope_theta", ropeTheta, only: 10000)
        }
    }
}

extension Weights {
    /// Whether the classifier is equal to the embeddings, be it in a place of its own.
    var hasEqualClassifier: Bool {
        let (embeddings, output) = (self["tok_embeddings.weight"], self["output.weight"])
        return isTied
            || embeddings.element == output.element
                && embeddings.withBytes { a in
                    output.withBytes { b in
                        a.count == b.count && memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0
                    }
                }
    }
}

/// The bytes of a number, lowest first.
func littleEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
