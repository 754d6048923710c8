// WeightFileContents: writes weights to a file. Each format lists the contents as sections, which
// are generated as they are written. `OutputFormat` names the formats; llama-weights uses it.

/// A format that weights can be written in; the raw value is the ending of its files.
package enum OutputFormat: String, CaseIterable, Sendable {
    case lmw = ".lmw"
    case llama2c = ".bin"
    case safetensors = ".safetensors"
    case gguf = ".gguf"

    /// - Parameters:
    ///   - type: the type of the matrices, nil for their own. Only GGUF heeds it.
    ///   - tokenizer: a `tokenizer.model`, or a GGUF file with a vocabulary. Only GGUF stores it.
    /// - Throws: `WeightFileError.Problem` if the format cannot express these weights. With a
    ///   tokenizer, `FileError` if it cannot be read, `TokenizerError` or `WeightFileError` if it
    ///   does not fit.
    package func contents(
        of weights: Weights, type: ElementType? = nil, tokenizer: String? = nil
    ) throws -> WeightFileContents {
        switch self {
        case .lmw: try LMWFile.contents(of: weights)
        case .llama2c: try Llama2cFile.contents(of: weights)
        case .safetensors: try SafetensorsFile.contents(of: weights)
        case .gguf: try GGUFFile.contents(of: weights, type: type, tokenizer: tokenizer)
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
        if format == .safetensors { try ConfigFile(self).written(nextTo: path).keep() }
    }
}

/// The bytes of a file, in sections that are generated as they are written.
package struct WeightFileContents {
    package typealias Bytes = (_ rows: Range<Int>) throws -> [UInt8]
    private var sections: [(rowCount: Int, byteCount: Int, bytes: Bytes)] = []
    package var byteCount: Int { sections.reduce(0) { $0 + $1.byteCount } }
    /// Sentences for the user about what the file does not have.
    package var notes: [String] = []

    /// Appends rows of equal size; `bytes` generates a range of rows.
    mutating func append(rows: Int, byteCount: Int, bytes: @escaping Bytes) {
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

    /// Appends a tensor's elements. If the type is not their own, writing throws
    /// `WeightFileError` where the type cannot hold a value.
    /// - Parameter source: maps a row of the file to a row of the tensor.
    mutating func append(
        _ name: String, of weights: Weights, as element: ElementType,
        rows source: @escaping (Int) -> Int = { $0 }
    ) {
        let tensor = weights[name]
        let byteCount = element.byteCount(tensor.shape.count)
        append(rows: tensor.shape[0], byteCount: byteCount) { rows in
            var bytes: [UInt8] = []
            for row in rows {
                let row = tensor[source(row)]
                if element == tensor.element {
                    row.withBytes { bytes += $0 }
                } else if let encoded = element.bytes(of: row.values) {
                    bytes += encoded
                } else {
                    let found =
                        row.values.first { !$0.isFinite } ?? row.values.max { abs($0) < abs($1) }!
                    let expected = "finite numbers in \(element.rawValue)'s range"
                    throw WeightFileError(
                        path: weights.path,
                        problem: .badValue("the values of \(name)", expected, found: "\(found)"))
                }
            }
            return bytes
        }
    }

    /// Writes the whole file.
    /// - Parameters:
    ///   - path: the file's path for the error.
    ///   - progress: called with the number of bytes written so far.
    /// - Throws: `FileError` if a write fails, `WeightFileError` if a type cannot hold a value.
    package func write(
        to file: UnsafeMutablePointer<FILE>, path: String, progress: (Int) -> Void = { _ in }
    ) throws {
        var written = 0
        for (rowCount, byteCount, bytes) in sections {
            let step = max(1, rowCount / (1 + (byteCount >> 22)))  // about 4 MB
            for row in stride(from: 0, to: rowCount, by: step) {
                let bytes = try bytes(row..<min(rowCount, row + step))
                guard fwrite(bytes, 1, bytes.count, file) == bytes.count else {
                    throw FileError.unwritable(path, systemError)
                }
                written += bytes.count
                progress(written)
            }
        }
        // a pipe has nothing to synchronise
        guard fflush(file) == 0, fsync(fileno(file)) == 0 || errno == EINVAL else {
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
