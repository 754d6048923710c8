// Llama2cInt8File: version 2 of karpathy/llama2.c's `.bin`: int8 weights with a Float scale per
// group. `Weights` reads it as Q8_0 blocks in memory, about the file's size. Their scales are
// halves: a weight is within 0.05 % of the file's, or less close if its scale is below 6e-5.

import CIntrinsics

enum Llama2cInt8File {
    private static let headerSize = 256

    /// "ak42" as a little-endian number: versions 1 and 2.
    static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: "24ka".utf8)
    }

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        let (config, hasClassifier, groupSize) = try readHeader(file.bytes)
        let all = Llama2cFile.tensors(config)
        let (vectors, matrices) = (all.filter { $0.1.count == 1 }, all.filter { $0.1.count == 2 })

        var offset = headerSize
        var tensors: [String: Tensor] = [:]
        for (name, shape) in vectors {
            tensors[name] = file.tensor(at: offset, shape: Shape(shape))
            offset += shape[0] * 4
        }
        for (name, shape) in matrices + (hasClassifier ? [config.outerShapes[2]] : []) {
            let shape = Shape(shape)
            let storage = try blocks(name, of: file, at: offset, count: shape.count, groupSize)
            tensors[name] = Tensor(
                storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
            let end = offset + shape.count + shape.count / groupSize * 4
            file.release(offset..<end)
            offset = end
        }
        if !hasClassifier { tensors["output.weight"] = tensors["tok_embeddings.weight"] }
        return (config, tensors)
    }

    private static func readHeader(
        _ bytes: UnsafeRawBufferPointer
    ) throws -> (Config, hasClassifier: Bool, groupSize: Int) {
        try bytes.require(headerSize, at: 0, reading: "the header")
        func field(at offset: Int) -> Int { Int(bytes.number(at: offset, as: Int32.self)) }
        try require(
            field(at: 4) == 2, "version 0 or 2 of llama2.c's .bin", found: "version \(field(at: 4))"
        )
        let sizes = (0..<7).map { field(at: 8 + $0 * 4) }
        let config = Config(
            dim: sizes[0], hiddenDim: sizes[1], nLayers: sizes[2], nHeads: sizes[3],
            nKvHeads: sizes[4], vocabSize: sizes[5], maxSeqLen: sizes[6])
        try config.validate()
        try require(
            config.hiddenDim > 0, "a positive number", as: "hidden_dim", found: config.hiddenDim)
        try require(bytes[36] <= 1, "0 or 1", as: "shared_classifier", found: bytes[36])
        let groupSize = field(at: 37)
        try require(
            groupSize > 0 && groupSize % 32 == 0, "a multiple of 32", as: "group_size",
            found: groupSize)
        for (name, rowSize) in [("dim", config.dim), ("hidden_dim", config.hiddenDim)] {
            try require(
                rowSize % groupSize == 0, "a multiple of group_size = \(groupSize)", as: name,
                found: rowSize)
        }
        let hasClassifier = bytes[36] == 0
        let byteCount = byteCount(config, hasClassifier: hasClassifier, groupSize)
        guard byteCount < 0x1p63 else { throw Problem.overflow("all tensors") }
        try require(
            bytes.count == Int(byteCount), "\(Int(byteCount)) bytes for the sizes in its header",
            found: bytes.count)
        return (config, hasClassifier, groupSize)
    }

    /// The size of a file, as a Double, because a damaged header's sizes can overflow Int.
    private static func byteCount(
        _ config: Config, hasClassifier: Bool, _ groupSize: Int
    ) -> Double {
        func size(_ shapes: [(name: String, shape: [Int])]) -> Double {
            shapes.reduce(0) { sum, tensor in
                let count = tensor.shape.reduce(1.0) { $0 * Double($1) }
                return sum
                    + (tensor.shape.count == 1 ? 4 * count : count + count / Double(groupSize) * 4)
            }
        }
        return Double(headerSize) + size(config.outerShapes.dropLast(hasClassifier ? 0 : 1))
            + Double(config.nLayers) * size(config.layerShapes(0))
    }

    /// A matrix as blocks; all blocks of a group have its scale.
    private static func blocks(
        _ name: String, of file: MappedFile, at offset: Int, count: Int, _ groupSize: Int
    ) throws -> Storage {
        let storage = Storage(count: count, element: .q8)
        let integers = file.bytes.baseAddress! + offset
        for block in 0..<count / 32 {
            let group = block * 32 / groupSize
            let scale = Float(bitPattern: file.bytes.number(at: offset + count + group * 4))
            let half = narrow_half(scale)
            try require(
                widen_half(half).isFinite, "finite numbers in half precision",
                as: "the scales of \(name)", found: scale)
            let target = storage.start + block * ElementType.q8.blockByteCount
            target.storeBytes(of: half.littleEndian, as: UInt16.self)
            (target + 2).copyMemory(from: integers + block * 32, byteCount: 32)
        }
        return storage
    }
}
