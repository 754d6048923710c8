// RandomWeights: a model of any size with random weights, for the benchmark.

extension Weights {
    /// Creates small random weights in memory; the same seed gives the same weights.
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

    /// The matrices that take part in computing every token: all except the embeddings.
    public var matrices: [Tensor] {
        let shapes = (0..<config.nLayers).flatMap { config.layerShapes($0) }
        return (shapes.filter { $0.shape.count == 2 }.map(\.name) + ["output.weight"]).map {
            self[$0]
        }
    }
}

private final class RandomBuffer {
    let bytes: UnsafeMutableRawPointer

    /// Random numbers of either sign with a magnitude between 1/256 and 1/32.
    init(count: Int, element: ElementType, seed: UInt64) {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: count * element.size, alignment: 64)
        self.bytes = bytes
        let taskSize = 1 << 20
        ThreadPool.shared.run((count + taskSize - 1) / taskSize) { task in
            var state = seed &+ UInt64(task + 1) &* 0x9E37_79B9_7F4A_7C15
            for i in task * taskSize..<min(count, (task + 1) * taskSize) {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                // a random sign and fraction, and an exponent of -8 to -6
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
