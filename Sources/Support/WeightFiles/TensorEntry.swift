// TensorEntry: a tensor in a file, not yet checked. The readers of `.lmw`, GGUF and `.safetensors` list
// a file's entries; `matched` checks them against the tensors of a Llama.

/// A tensor in a file; its values begin at `offset`.
struct TensorEntry {
    let file: MappedFile
    var element = ElementType.float32
    let shape: [Int]
    let offset: Int

    /// A view of the file's memory, or a copy if the values are unaligned.
    var tensor: Tensor {
        offset % element.alignment == 0
            ? file.tensor(at: offset, shape: Shape(shape), element: element) : copied { $0 }
    }

    /// A copy with the same element type and its rows in another order. It releases the original's
    /// pages, so that at most one tensor is in memory twice.
    /// - Parameter source: maps a row of the copy to a row of the original.
    func copied(rows source: (Int) -> Int) -> Tensor {
        let (shape, rows) = (Shape(shape), shape[0])
        let rowSize = element.byteCount(shape.count / rows)
        let storage = Storage(count: shape.count, element: element)
        let (copy, original) = (storage.bytes.baseAddress!, file.bytes.baseAddress! + offset)
        ThreadPool.shared.run((rows + 63) / 64) { task in
            for row in task * 64..<min(rows, task * 64 + 64) {
                (copy + row * rowSize).copyMemory(
                    from: original + source(row) * rowSize, byteCount: rowSize)
            }
        }
        file.release(offset..<offset + rows * rowSize)
        return Tensor(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
    }
}

extension [String: TensorEntry] {
    /// The entries of all tensors of a Llama with these sizes, under Meta's names.
    /// - Parameters:
    ///   - nameInFile: maps one of Meta's names to the format's name.
    ///   - isIgnored: whether to accept and ignore a tensor of this name.
    /// - Throws: `WeightFileError` if a tensor is missing, has another shape or is unknown.
    func matched(
        with config: Config, nameInFile: (String) -> String = { $0 },
        ignoring isIgnored: (String) -> Bool
    ) throws -> [String: TensorEntry] {
        var (rest, matched) = (self, [String: TensorEntry]())
        func match(_ shapes: [(name: String, shape: [Int])]) throws {
            for (name, shape) in shapes {
                let key = nameInFile(name)
                guard let entry = rest.removeValue(forKey: key) else {
                    throw Problem.missingTensor(key)
                }
                try withPath(entry.file.path) {
                    let expected = "shape \(shape) for the tensor \(key)"
                    try require(entry.shape == shape, expected, found: entry.shape)
                }
                matched[name] = entry
            }
        }
        try match(config.outerShapes)
        // layer by layer, because a damaged file may claim billions of layers
        for layer in 0..<config.nLayers { try match(config.layerShapes(layer)) }
        if let name = rest.keys.filter({ !isIgnored($0) }).min() {
            throw WeightFileError(path: rest[name]!.file.path, problem: .unknownTensor(name))
        }
        return matched
    }
}
