// LMWFile: the `.lmw` format, version 1, of the Python original: a header of ten numbers, then
// named Float tensors in any order. `Weights` reads it, `OutputFormat` writes it.

enum LMWFile {
    private static let magic: UInt32 = 0x696D_756C  // "lumi"
    private static let version = 1
    private static let headerSize = 40

    // MARK: Reading

    static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 4 && bytes.number(at: 0) == magic
    }

    static func read(_ file: MappedFile) throws -> (Config, [String: Tensor]) {
        var config = try readHeader(file.bytes)
        let entries = try readEntries(file)
        // the header lacks hidden_dim; the shape of w1 gives it
        let w1 = "layers.0.feed_forward.w1.weight"
        guard let entry = entries[w1] else { throw Problem.missingTensor(w1) }
        config.hiddenDim = entry.shape[0]
        // files converted from Meta's also hold RoPE's frequencies, which RoPE computes itself
        let matched = try entries.matched(with: config) { $0 == "rope.freqs" }
        return (config, matched.mapValues(\.tensor))
    }

    private static func readHeader(_ bytes: UnsafeRawBufferPointer) throws -> Config {
        try bytes.require(headerSize, at: 0, reading: "the header")
        func field(_ index: Int) -> Int { Int(bytes.number(at: index * 4, as: Int32.self)) }
        try require(
            field(1) == version, "version \(version) of .lmw", found: "version \(field(1))")
        // Later layouts also say version 1, with one number more or less before this field. Here
        // they have a count, a base or a name's length; none is a small positive Float.
        let normEps = Float(bitPattern: bytes.number(at: 36))
        try require(
            normEps >= 1e-20 && normEps < 1, "the first layout of .lmw version 1",
            found: "norm_eps = \(normEps): the file is damaged or has a later layout, which also "
                + "says version 1; convert the model again")
        try require(field(6) > 0, "a positive number", as: "multiple_of", found: field(6))
        let config = Config(
            dim: field(2), hiddenDim: 0, nLayers: field(3), nHeads: field(4), nKvHeads: field(5),
            vocabSize: field(7), maxSeqLen: field(8), normEps: normEps)
        try config.validate()
        return config
    }

    private static func readEntries(_ file: MappedFile) throws -> [String: TensorEntry] {
        var entries: [String: TensorEntry] = [:]
        var offset = headerSize

        func next(_ count: Int, _ what: @autoclosure () -> String) throws -> UnsafeRawBufferPointer
        {
            try file.bytes.require(count, at: offset, reading: what())
            defer { offset += count }
            return UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + count])
        }

        while offset < file.bytes.count {
            let start = offset
            let length = Int(try next(4, "the length of a name").number(at: 0, as: UInt32.self))
            let expected = "a tensor name at offset \(start)"
            try require(length > 0 && length % 4 == 0, expected, found: "a length of \(length)")
            let bytes = try next(length, "a tensor name")
            let isName = length <= 256 && bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F }
            try require(isName, expected, found: "\(length) bytes that are not a name")
            var name = String(decoding: bytes, as: UTF8.self)
            while name.last == " " { name.removeLast() }

            let rank = Int(try next(4, "the shape of \(name)").number(at: 0, as: UInt32.self))
            try require(
                rank >= 1 && rank <= 4, "1 to 4", as: "the number of axes of \(name)", found: rank)
            let sizes = try next(rank * 4, "the shape of \(name)")
            let shape = (0..<rank).map { Int(sizes.number(at: $0 * 4, as: UInt32.self)) }
            try require(
                !shape.contains(0), "positive sizes", as: "the shape of \(name)", found: shape)
            guard let byteCount = (shape + [4]).checkedProduct else { throw Problem.overflow(name) }
            let entry = TensorEntry(file: file, shape: shape, offset: offset)
            _ = try next(byteCount, "the values of \(name)")
            guard entries.updateValue(entry, forKey: name) == nil else {
                throw Problem.repeatedTensor(name)
            }
        }
        return entries
    }

    // MARK: Writing

    /// - Throws: `WeightFileError.Problem` if the format cannot express these weights.
    static func contents(of weights: Weights) throws -> WeightFileContents {
        let config = weights.config
        try OutputFormat.lmw.require("rope_theta", config.ropeTheta, only: 10000)
        var contents = WeightFileContents()
        try contents.append([
            Int(magic), version, config.dim, config.nLayers, config.nHeads, config.nKvHeads,
            multipleOf(config), config.vocabSize, config.maxSeqLen,
        ])
        contents.append(config.normEps.bitPattern.littleEndianBytes)
        for (name, shape) in config.shapes {
            let padded = name + String(repeating: " ", count: 4 - name.utf8.count % 4)
            try contents.append([padded.utf8.count])
            contents.append(Array(padded.utf8))
            try contents.append([shape.count] + shape)
            contents.append(name, of: weights, as: .float32)
        }
        return contents
    }

    /// The header's multiple_of, from which the Python original computes `hiddenDim`: 8/3 · dim,
    /// rounded up to a multiple of it. It is 1 if no number gives this `hiddenDim`; readers take
    /// w1's shape.
    private static func multipleOf(_ config: Config) -> Int {
        let (unrounded, rounded) = (8 * config.dim / 3, config.hiddenDim)
        let multiples = [256, 128, 64, 32, 16, 8, 4, 2, 1, rounded]
        return multiples.first { (unrounded + $0 - 1) / $0 * $0 == rounded } ?? 1
    }
}
