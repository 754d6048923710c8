// SafetensorsFile: one `.safetensors` file: the length of a header, the header in JSON, which names
// every tensor's type, shape and place, and the values. What the tensors mean is in HuggingFace.swift.

enum SafetensorsFile {
    /// A tensor in the file, its values at `offset` from the file's beginning.
    struct Entry {
        let file: MappedFile
        let element: ElementType
        let shape: [Int]
        let offset: Int
    }

    /// A brace where the header begins. There, llama2.c's `.bin` has a number of layers, which has
    /// a zero behind a first byte that could be a brace.
    static func recognises(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 10 && bytes[8] == UInt8(ascii: "{") && bytes[9] != 0
    }

    /// All tensors of the file.
    /// - Throws: `WeightFileError.Problem` unless every one is of a known type and has the bytes that
    ///   its shape needs, and all together fill the file without gaps or overlaps.
    static func entries(of file: MappedFile) throws -> [String: Entry] {
        let available = file.bytes.count - 8
        let length = Int(clamping: file.bytes.number(at: 0, as: UInt64.self))
        guard length <= available else {
            throw WeightFileError.Problem.truncated(
                reading: "the header", at: 8, needed: length, available: available)
        }
        let json = UnsafeRawBufferPointer(rebasing: file.bytes[8..<8 + length])
        let places = try decodeJSON(Header.self, json, "the header").places
        let inOrder = places.sorted {
            ($0.value.offsets[0], $0.value.offsets[1], $0.key)
                < ($1.value.offsets[0], $1.value.offsets[1], $1.key)
        }

        var entries: [String: Entry] = [:]
        var end = 0  // of the tensor before
        for (name, place) in inOrder {
            guard let element = ElementType(rawValue: place.dtype) else {
                let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
                throw WeightFileError.Problem.badValue(
                    "the type of \(name)", place.dtype, expected: "one of \(known)")
            }
            try require(
                "no negative number", as: "a size of \(name)", found: "\(place.shape)",
                place.shape.allSatisfy { $0 >= 0 })
            guard let size = (place.shape + [element.size]).checkedProduct, size < Int.max - end
            else { throw WeightFileError.Problem.overflow(name) }
            try require(
                "\([end, end + size])", as: "the place of \(name), \(place.dtype) \(place.shape)",
                found: "\(place.offsets)", place.offsets == [end, end + size])
            entries[name] = Entry(
                file: file, element: element, shape: place.shape, offset: 8 + length + end)
            end += size
            guard end <= available - length else {
                throw WeightFileError.Problem.truncated(
                    reading: "the values of \(name)", at: 8 + length + end - size, needed: size,
                    available: available - length - (end - size))
            }
        }
        guard end == available - length else {
            throw WeightFileError.Problem.wrongFileSize(
                expected: 8 + length + end, found: file.bytes.count)
        }
        return entries
    }

    /// What the header says of a tensor.
    private struct Place: Decodable {
        let dtype: String
        let shape, offsets: [Int]

        init(from decoder: any Decoder) throws {
            let json = try decoder.container(keyedBy: JSONKey.self)
            dtype = try json.decode(String.self, forKey: "dtype")
            shape = try json.decode([Int].self, forKey: "shape")
            offsets = try json.decode([Int].self, forKey: "data_offsets")
            let name = json.codingPath.last?.stringValue ?? ""
            try require(
                "2 numbers", as: "data_offsets of \(name)", found: "\(offsets.count)",
                offsets.count == 2)
        }
    }

    private struct Header: Decodable {
        var places: [String: Place] = [:]

        init(from decoder: any Decoder) throws {
            let json = try decoder.container(keyedBy: JSONKey.self)
            for key in json.allKeys where key.stringValue != "__metadata__" {
                places[key.stringValue] = try json.decode(Place.self, forKey: key)
            }
        }
    }
}

extension SafetensorsFile.Entry {
    /// A tensor over the file's own memory, or a copy if values of this type cannot lie there.
    var tensor: Tensor {
        offset % element.size == 0
            ? file.tensor(at: offset, shape: Shape(shape), element: element) : copied { $0 }
    }

    /// A copy, as wide as the original, of the rows in another order. The original's memory goes
    /// back to the system, so that there is never much more than one of them.
    /// - Parameter source: the original's row that becomes this row of the copy.
    func copied(rows source: (Int) -> Int) -> Tensor {
        let (shape, rows) = (Shape(shape), shape[0])
        let rowSize = shape.count / rows * element.size
        let storage = Storage(count: shape.count, element: element)
        let (copy, original) = (storage.bytes.baseAddress!, file.bytes.baseAddress! + offset)
        ThreadPool.shared.run((rows + 63) / 64) { piece in
            for row in piece * 64..<min(rows, piece * 64 + 64) {
                (copy + row * rowSize).copyMemory(
                    from: original + source(row) * rowSize, byteCount: rowSize)
            }
        }
        file.release(offset..<offset + rows * rowSize)
        return Tensor(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
    }
}
