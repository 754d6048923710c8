// WeightFileContents: writes weights to a file. Each format lists the contents as sections, which
// are generated as they are written. `OutputFormat` names the formats; llama-weights uses it.

/// A format that weights can be written in; the raw value is the ending of its files.
package enum OutputFormat: String, CaseIterable, Sendable {
    case lmw = ".lmw"
    case llama2c = ".bin"
    case safetensors = ".safetensors"

    /// - Throws: `WeightFileError.Problem` if the format cannot express these weights.
    package func contents(of weights: Weights) throws -> WeightFileContents {
        switch self {
        case .lmw: try LMWFile.contents(of: weights)
        case .llama2c: try Llama2cFile.contents(of: weights)
        case .safetensors: try SafetensorsFile.contents(of: weights)
        }
    }

    /// - Throws: `WeightFileError.Problem` unless the value is the one that the format's readers
    ///   assume.
    func require(_ name: String, _ value: Float, only expected: Float) throws {
        guard value == expected else {
            throw Problem.inexpressible(rawValue, name, value, only: expected)
        }
    }
}

extension Weights {
    /// Writes a file, and `config.json` next to a `.safetensors` file.
    /// - Throws: `WeightFileError.Problem` if the format cannot express these weights, `FileError` if
    ///   the file cannot be written.
    package func write(as format: OutputFormat, to path: String) throws {
        let contents = try format.contents(of: self)
        guard let file = fopen(path, "w") else { throw FileError.unwritable(path, systemError) }
        defer { fclose(file) }
        try contents.write(to: file, path: path)
        if format == .safetensors { try ConfigFile(self).write(nextTo: path) }
    }
}

/// The bytes of a file, in sections that are generated as they are written.
package struct WeightFileContents {
    private var sections: [(rowCount: Int, byteCount: Int, bytes: (Range<Int>) -> [UInt8])] = []
    package var byteCount: Int { sections.reduce(0) { $0 + $1.byteCount } }

    /// Appends rows of equal size; `bytes` generates a range of rows.
    mutating func append(rows: Int, byteCount: Int, bytes: @escaping (Range<Int>) -> [UInt8]) {
        sections.append((rows, byteCount, bytes))
    }

    mutating func append(_ bytes: [UInt8]) {
        append(rows: 1, byteCount: bytes.count) { _ in bytes }
    }

    /// Appends 32-bit integers.
    /// - Throws: `WeightFileError.Problem` if a number does not fit.
    mutating func append(_ numbers: [Int]) throws {
        for number in numbers {
            guard let word = Int32(exactly: number) else { throw Problem.tooLarge(number) }
            append(word.littleEndianBytes)
        }
    }

    /// Appends a tensor's elements in their own element type.
    /// - Parameter source: maps a row of the file to a row of the tensor.
    mutating func append(_ tensor: Tensor, rows source: @escaping (Int) -> Int) {
        let byteCount = tensor.element.byteCount(tensor.shape.count)
        append(rows: tensor.shape[0], byteCount: byteCount) { rows in
            var bytes: [UInt8] = []
            for row in rows { tensor[source(row)].withBytes { bytes += $0 } }
            return bytes
        }
    }

    /// Appends a tensor's elements, widened to Float.
    mutating func append(floats tensor: Tensor) {
        append(rows: tensor.shape[0], byteCount: tensor.shape.count * 4) { rows in
            tensor[rows].values.withUnsafeBytes { Array($0) }
        }
    }

    /// Writes the whole file.
    /// - Parameters:
    ///   - path: the file's path for the error.
    ///   - progress: called with the number of bytes written so far.
    /// - Throws: `FileError` if a write fails.
    package func write(
        to file: UnsafeMutablePointer<FILE>, path: String, progress: (Int) -> Void = { _ in }
    ) throws {
        var written = 0
        for (rowCount, byteCount, bytes) in sections {
            let step = max(1, rowCount / (1 + (byteCount >> 22)))  // about 4 MB
            for row in stride(from: 0, to: rowCount, by: step) {
                let bytes = bytes(row..<min(rowCount, row + step))
                guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
                    throw FileError.unwritable(path, systemError)
                }
                written += bytes.count
                progress(written)
            }
        }
        guard fflush(file) == 0 && fsync(fileno(file)) == 0 else {
            throw FileError.unwritable(path, systemError)
        }
    }
}

extension FixedWidthInteger {
    /// The bytes in little-endian order.
    var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

/// Whether two tensors of the same shape have equal bits after widening to Float.
package func haveEqualBits(_ a: Tensor, _ b: Tensor) -> Bool {
    (0..<a.shape[0]).allSatisfy { row in
        let (x, y) = (a[row].values, b[row].values)
        return memcmp(x, y, x.count * 4) == 0
    }
}
