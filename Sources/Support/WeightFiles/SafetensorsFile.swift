// SafetensorsFile: Hugging Face's `.safetensors` format: the header's length, a JSON header with
// every tensor's type, shape and offsets, then the values. `HuggingFace` reads one or more files,
// `OutputFormat` writes one.

enum SafetensorsFile {
    /// A tensor's entry in the header; the offsets count from the header's end.
    private struct HeaderEntry: Codable {
        let dtype: String
        let shape, offsets: [Int]
        enum CodingKeys: String, CodingKey {
            case dtype, shape
            case offsets = "data_offsets"
        }
    }

    private struct Header: Decodable {
        var entries: [String: HeaderEntry] = [:]

        init(from decoder: any Decoder) throws {
            let json = try decoder.container(keyedBy: JSONKey.self)
            for key in json.allKeys where key.name != "__metadata__" {
                let entry = try json.decode(HeaderEntry.self, forKey: key)
                let count = entry.offsets.count
                try require(
                    count == 2, "2 numbers", as: "data_offsets of \(key.name)", found: count)
                entries[key.name] = entry
            }
        }
    }

    // MARK: Reading

    /// Byte 8 is the opening brace of the header. In llama2.c's `.bin`, byte 8 belongs to the
    /// number of layers: it may equal a brace, but then byte 9 is 0.
    static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 10 && bytes[8] == UInt8(ascii: "{") && bytes[9] != 0
    }

    /// All tensors of the file.
    /// - Throws: `WeightFileError.Problem` unless every tensor has a known type and the size of its
    ///   shape, and the tensors fill the file without gaps or overlaps.
    static func entries(of file: MappedFile) throws -> [String: TensorEntry] {
        let length = Int(clamping: file.bytes.number(at: 0, as: UInt64.self))
        try file.bytes.require(length, at: 8, reading: "the header")
        let json = UnsafeRawBufferPointer(rebasing: file.bytes[8..<8 + length])
        let header = try decodeJSON(Header.self, json, "the header").entries
        let inOrder = header.sorted {
            ($0.value.offsets[0], $0.value.offsets[1], $0.key)
                < ($1.value.offsets[0], $1.value.offsets[1], $1.key)
        }

        var entries: [String: TensorEntry] = [:]
        var end = 0  // of the previous tensor
        for (name, entry) in inOrder {
            let (dtype, shape, offsets) = (entry.dtype, entry.shape, entry.offsets)
            guard let element = ElementType.numbers.first(where: { $0.rawValue == dtype }) else {
                let known = ElementType.numbers.map(\.rawValue).joined(separator: ", ")
                throw Problem.badValue("the type of \(name)", "one of \(known)", found: dtype)
            }
            let hasSizes = shape.allSatisfy { $0 >= 0 }
            try require(hasSizes, "no negative size", as: "the shape of \(name)", found: shape)
            guard let size = (shape + [element.blockByteCount]).checkedProduct, size < Int.max - end
            else { throw Problem.overflow(name) }
            try require(
                offsets == [end, end + size], "\([end, end + size])",
                as: "data_offsets of \(name), \(dtype) \(shape)", found: offsets)
            let start = 8 + length + end
            try file.bytes.require(size, at: start, reading: "the values of \(name)")
            entries[name] = TensorEntry(file: file, element: element, shape: shape, offset: start)
            end += size
        }
        let byteCount = 8 + length + end
        try require(
            byteCount == file.bytes.count, "\(byteCount) bytes for the sizes in its header",
            found: file.bytes.count)
        return entries
    }

    // MARK: Writing

    /// A file with Hugging Face's names and row order. Tensors keep their element types, but
    /// quantised ones become F32.
    static func contents(of weights: Weights) throws -> WeightFileContents {
        let names = weights.config.shapes.map(\.name).dropLast(weights.isTied ? 1 : 0)
        var (header, end) = ([String: HeaderEntry](), 0)
        for name in names {
            let (element, shape) = (weights[name].element.number, weights[name].shape)
            let start = end
            end += element.byteCount(shape.count)
            header[HuggingFace.name(of: name)] = HeaderEntry(
                dtype: element.rawValue, shape: shape.array, offsets: [start, end])
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var json = Array(try encoder.encode(header))
        while json.count % 8 != 0 { json.append(UInt8(ascii: " ")) }

        var contents = WeightFileContents()
        contents.append(UInt64(json.count).littleEndianBytes + json)
        for name in names {
            let order = HuggingFace.rowOrder(of: name, weights.config, toHuggingFace: true)
            contents.append(
                name, of: weights, as: weights[name].element.number, rows: order ?? { $0 })
        }
        return contents
    }
}
