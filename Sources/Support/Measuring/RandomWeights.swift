// RandomWeights: a model of any size with random weights, for the benchmark.

extension Weights {
    /// Creates small random weights in memory; the same seed gives the same weights.
    public init(random config: Config, element: ElementType, seed: UInt64) {
        var tensors: [String: Tensor] = [:]
        for (i, (name, sizes)) in config.shapes.enumerated() {
            let shape = Shape(sizes)
            let storage = Storage(count: shape.count, element: element.fitting(sizes))
            storage.fillRandomly(seed: seed &+ UInt64(i) << 32)
            tensors[name] = Tensor(
                storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
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

extension ElementType {
    /// This type, or the next that a tensor of these sizes can have: vectors are never quantised, and
    /// a row is a whole number of blocks.
    fileprivate func fitting(_ sizes: [Int]) -> ElementType {
        if !isQuantized { return self }
        let fits = { (type: ElementType) in sizes.count > 1 && sizes.last! % type.blockSize == 0 }
        return fits(self) ? self : fits(.q8) ? .q8 : .float32
    }
}

extension Storage {
    /// Random numbers of either sign with a magnitude between 1/256 and 1/32, or blocks of such.
    fileprivate func fillRandomly(seed: UInt64) {
        let (units, perTask) = (count / element.blockSize, 1 << 16)
        ThreadPool.shared.run((units + perTask - 1) / perTask) { task in
            var state = (seed &+ UInt64(task + 1)) &* 0x9E37_79B9_7F4A_7C15 | 1
            func random() -> UInt64 {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return state
            }
            for unit in task * perTask..<min(units, (task + 1) * perTask) {
                let target = start + unit * element.blockByteCount
                func store(_ number: UInt16, at offset: Int = 0) {
                    target.storeBytes(of: number, toByteOffset: offset, as: UInt16.self)
                }
                let bits = random()
                // a random sign and fraction around an exponent of -8 to -6
                let exponent = UInt32(bits >> 40) % 3 + 119
                let single = UInt32(truncatingIfNeeded: bits) & 0x807F_FFFF | exponent << 23
                switch element {
                case .float32: target.storeBytes(of: single, as: UInt32.self)
                case .bfloat16: store(UInt16(single >> 16))
                case .float16:
                    let sign = UInt16(single >> 16) & 0x8000
                    store(sign | UInt16(exponent - 112) << 10 | UInt16(single >> 13 & 0x3FF))
                case .q8, .q4, .q4K, .q5K, .q6K:
                    for offset in 0..<element.blockByteCount {
                        target.storeBytes(
                            of: UInt8(truncatingIfNeeded: random() >> 32), toByteOffset: offset,
                            as: UInt8.self)
                    }
                    // the scales, in half precision
                    switch element {
                    case .q8: store(0x0C00)
                    case .q4: store(0x1C00)
                    case .q6K: store(0x0200, at: 208)
                    default:
                        store(0x0800)
                        store(0x1400, at: 2)
                    }
                }
            }
        }
    }
}
