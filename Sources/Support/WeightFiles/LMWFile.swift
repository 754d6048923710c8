// LMWFile: the `.lmw` format, version 1, of the Python original: a header of ten numbers, then named
// tensors in any order up to the end of the file.

enum LMWFile {
    private static let magic: UInt32 = 0x696D_756C  // "lumi"
    private static let headerSize = 40

    static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 4 && bytes.number(at: 0) == magic
    }

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        var config = try readHeader(file.bytes)
        let records = try readRecords(file)
        // the header does not say hidden_dim: w1 does
        let w1 = "layers.0.feed_forward.w1.weight"
        guard let hidden = records[w1] else { throw WeightFileError.Problem.missingTensor(w1) }
        config.hiddenDim = hidden.shape[0]
        return (config, try check(records, against: config, file))
    }

    private static func readHeader(_ bytes: UnsafeRawBufferPointer) throws -> Config {
        guard bytes.count >= headerSize else {
            throw WeightFileError.Problem.truncated(
                reading: "the header", at: 0, needed: headerSize, available: bytes.count)
        }
        func field(_ index: Int) -> Int { Int(bytes.number(at: index * 4, as: Int32.self)) }
        guard field(1) == 1 else { throw WeightFileError.Problem.unsupportedVersion(field(1)) }
        // The later layouts also say 1, with a number more or less before this field: what stands
        // here then is a count, a wavelength or a name's length, none of them small and positive.
        let normEps = Float(bitPattern: bytes.number(at: 36))
        guard normEps >= 1e-20 && normEps < 1 else {
            throw WeightFileError.Problem.otherLayout(normEps: normEps)
        }
        guard field(6) > 0 else {
            throw WeightFileError.Problem.badSize(
                "multiple_of", "\(field(6))", expected: "a positive number")
        }
        let config = Config(
            dim: field(2), hiddenDim: 0, nLayers: field(3), nHeads: field(4), nKvHeads: field(5),
            vocabSize: field(7), maxSeqLen: field(8), normEps: normEps)
        try config.validate()
        return config
    }

    private struct Record {
        let shape: [Int]
        let offset: Int
    }

    private static func readRecords(_ file: MappedFile) throws -> [String: Record] {
        let bytes = file.bytes
        var records: [String: Record] = [:]
        var offset = headerSize

        /// Steps over `count` bytes, if there are as many.
        func take(_ count: Int, _ what: @autoclosure () -> String) throws -> Int {
            guard count <= bytes.count - offset else {
                throw WeightFileError.Problem.truncated(
                    reading: what(), at: offset, needed: count, available: bytes.count - offset)
            }
            defer { offset += count }
            return offset
        }

        while offset < bytes.count {
            let start = offset
            let length = Int(bytes.number(at: try take(4, "a name's length"), as: UInt32.self))
            guard length > 0 && length % 4 == 0 else {
                throw WeightFileError.Problem.badName("a length of \(length)", at: start)
            }
            let nameBytes = bytes[try take(length, "a tensor's name")..<offset]
            guard nameBytes.count <= 256, let padded = String(validating: nameBytes, as: UTF8.self),
                padded.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
            else {
                throw WeightFileError.Problem.badName("\(length) bytes that are not one", at: start)
            }
            let name = String(padded.reversed().drop { $0 == " " }.reversed())

            let rank = Int(
                bytes.number(at: try take(4, "the shape of \(name)"), as: UInt32.self))
            guard rank >= 1 && rank <= 4 else {
                throw WeightFileError.Problem.badSize(
                    "the number of axes of \(name)", "\(rank)", expected: "1 to 4")
            }
            let sizes = try take(rank * 4, "the shape of \(name)")
            let shape = (0..<rank).map { Int(bytes.number(at: sizes + $0 * 4, as: UInt32.self)) }
            guard !shape.contains(0) else {
                throw WeightFileError.Problem.badSize(
                    "every size of \(name)", "\(shape)", expected: "a positive number")
            }
            guard let byteCount = (shape + [4]).checkedProduct else {
                throw WeightFileError.Problem.overflow(name)
            }
            let record = Record(shape: shape, offset: try take(byteCount, "the values of \(name)"))
            guard records.updateValue(record, forKey: name) == nil else {
                throw WeightFileError.Problem.repeatedTensor(name)
            }
        }
        return records
    }

    /// What Meta's files hold besides the weights: RoPE's frequencies, which are computed here.
    private static let ignored: Set = ["rope.freqs"]

    private static func check(
        _ records: [String: Record], against config: Config, _ file: MappedFile
    ) throws -> [String: Tensor] {
        var rest = records
        var tensors: [String: Tensor] = [:]
        func take(_ shapes: [(name: String, shape: [Int])]) throws {
            for (name, shape) in shapes {
                guard let record = rest.removeValue(forKey: name) else {
                    throw WeightFileError.Problem.missingTensor(name)
                }
                guard record.shape == shape else {
                    throw WeightFileError.Problem.wrongShape(
                        name, expected: shape, found: record.shape)
                }
                tensors[name] = file.tensor(at: record.offset, shape: Shape(shape))
            }
        }
        try take(config.outerShapes)
        for layer in 0..<config.nLayers { try take(config.layerShapes(layer)) }
        if let unknown = rest.keys.filter({ !ignored.contains($0) }).min() {
            throw WeightFileError.Problem.unknownTensor(unknown)
        }
        return tensors
    }
}
