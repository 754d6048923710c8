// RandomWeights: a model of any size out of nothing, for measurements.

extension Weights {
    /// Small random weights, the same for the same seed, in memory of this process.
    public init(random config: Config, element: ElementType, seed: UInt64) {
        let shapes = config.outerShapes + (0..<config.nLayers).flatMap { config.layerShapes($0) }
        let count = shapes.reduce(0) { $0 + Shape($1.shape).count }
        let buffer = RandomBuffer(count: count, element: element, seed: seed)
        var tensors: [String: Tensor] = [:]
        var offset = 0
        for (name, sizes) in shapes {
            let shape = Shape(sizes)
            let storage = Storage(
                borrowing: buffer.bytes + offset * element.size, count: shape.count,
                element: element, owner: buffer)
            tensors[name] = Tensor(
                storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
            offset += shape.count
        }
        self.init(path: "random weights", config: config, tensors: tensors)
    }

    /// The matrices that every token is multiplied with: all but the embeddings.
    public var matrices: [Tensor] {
        let shapes = (0..<config.nLayers).flatMap { config.layerShapes($0) }
        return (shapes.filter { $0.shape.count == 2 }.map(\.name) + ["output.weight"]).map {
            self[$0]
        }
    }
}

private final class RandomBuffer {
    let bytes: UnsafeMutableRawPointer

    /// Numbers of either sign between 1/256 and 1/32.
    init(count: Int, element: ElementType, seed: UInt64) {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: count * element.size, alignment: 64)
        self.bytes = bytes
        let pieceSize = 1 << 20
        ThreadPool.shared.run((count + pieceSize - 1) / pieceSize) { piece in
            var state = seed &+ UInt64(piece + 1) &* 0x9E37_79B9_7F4A_7C15
            for i in piece * pieceSize..<min(count, (piece + 1) * pieceSize) {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                // a random sign and fraction around an exponent of -8 to -6
                let exponent = UInt32(state >> 40) % 3 + 119
                let single = UInt32(truncatingIfNeeded: state) & 0x807F_FFFF | exponent << 23
                switch element {
                case .float32: bytes.storeBytes(of: single, toByteOffset: i * 4, as: UInt32.self)
                case .bfloat16:
                    bytes.storeBytes(
                        of: UInt16(single >> 16), toByteOffset: i * 2, as: UInt16.self)
                case .float16:
                    let sign = UInt16(single >> 16) & 0x8000
                    let half = sign | UInt16(exponent - 112) << 10 | UInt16(single >> 13 & 0x3FF)
                    bytes.storeBytes(of: half, toByteOffset: i * 2, as: UInt16.self)
                }
            }
        }
    }

    deinit { bytes.deallocate() }
}
