// GGUFMetadata: the beginning of a GGUF file: keys with values of thirteen types. GGUFFile takes a
// Llama's sizes from it, GGUFTokenizer the vocabulary. Nothing in it is trusted.

/// A position in a file that may be damaged; reading moves it forward.
struct GGUFCursor {
    let bytes: UnsafeRawBufferPointer
    var offset = 0

    mutating func take(
        _ count: Int, _ what: @autoclosure () -> String
    ) throws -> UnsafeRawBufferPointer {
        try bytes.require(count, at: offset, reading: what())
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    mutating func number<Number: FixedWidthInteger>(
        _ what: @autoclosure () -> String, as type: Number.Type = Number.self
    ) throws -> Number {
        try take(MemoryLayout<Number>.size, what()).number(at: 0)
    }

    /// A number of things, compared with the bytes that remain before anything relies on it.
    /// - Parameter leastSize: the bytes that each of them has at least.
    mutating func count(
        _ what: @autoclosure () -> String, leastSize: Int
    ) throws -> Int {
        let count: UInt64 = try number(what())
        let room = (bytes.count - offset) / leastSize
        guard count <= room else {
            throw Problem.badValue(
                what(), "at most \(room), for the bytes that follow", found: "\(count)")
        }
        return Int(count)
    }

    mutating func string(_ what: @autoclosure () -> String) throws -> UnsafeRawBufferPointer {
        let count = try count("the length of \(what())", leastSize: 1)
        return try take(count, what())
    }

    /// A key or a tensor's name: printable ASCII.
    mutating func name(_ what: String) throws -> String {
        let start = offset
        let bytes = try string("\(what) at offset \(start)")
        let isName = !bytes.isEmpty && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F }
        try require(
            isName && bytes.count < 1 << 16, "\(what) at offset \(start)",
            found: bytes.isEmpty ? "an empty one" : "\(bytes.count) bytes that are not one")
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// The types of values, under their numbers in the file.
enum GGUFType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64
    case float64

    /// The bytes of a value; of a string and an array, the least that there can be.
    var leastSize: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }

    var isNumber: Bool { self != .bool && self != .string && self != .array }
}

/// Keys, and where their values are. Arrays stay in the file until somebody asks for them.
struct GGUFMetadata {
    private let bytes: UnsafeRawBufferPointer
    private var values: [String: (type: GGUFType, offset: Int)] = [:]
    let tensorCount: Int
    /// Where the tensors' descriptions begin.
    let end: Int

    private static let deepestNesting = 4

    /// - Throws: `WeightFileError.Problem` if any value is damaged, whether a Llama needs it or not.
    init(_ bytes: UnsafeRawBufferPointer) throws {
        self.bytes = bytes
        var cursor = GGUFCursor(bytes: bytes, offset: 4)
        let version: UInt32 = try cursor.number("the header")
        try require(
            version == 2 || version == 3, "version 2 or 3 of GGUF", found: "version \(version)")
        // a name of one letter, its length, axes, one size, a type and an offset
        tensorCount = try cursor.count("the number of tensors", leastSize: 33)
        // a key of one letter, its length, a type and a value of one byte
        let count = try cursor.count("the number of keys", leastSize: 14)
        for _ in 0..<count {
            let key = try cursor.name("a key")
            let type = try GGUFMetadata.type(&cursor, key)
            let value = (type, cursor.offset)
            try GGUFMetadata.skip(type, &cursor, key, depth: 0)
            guard values.updateValue(value, forKey: key) == nil else {
                throw Problem.repeatedKey(key)
            }
        }
        end = cursor.offset
    }

    private static func type(_ cursor: inout GGUFCursor, _ key: String) throws -> GGUFType {
        let number: UInt32 = try cursor.number("the type of \(key)")
        guard let type = GGUFType(rawValue: number) else {
            throw Problem.badValue("the type of \(key)", "0 to 12", found: "\(number)")
        }
        return type
    }

    private static func skip(
        _ type: GGUFType, _ cursor: inout GGUFCursor, _ key: String, depth: Int
    ) throws {
        switch type {
        case .string: _ = try cursor.string("the value of \(key)")
        case .bool:
            let value: UInt8 = try cursor.number("the value of \(key)")
            try require(value <= 1, "0 or 1", as: key, found: value)
        case .array:
            try require(
                depth < deepestNesting, "at most \(deepestNesting) arrays within each other",
                as: key, found: "more")
            let element = try self.type(&cursor, key)
            let count = try cursor.count(
                "the number of elements of \(key)", leastSize: element.leastSize)
            if element.isNumber {
                _ = try cursor.take(count * element.leastSize, "the value of \(key)")
            } else {
                for _ in 0..<count { try skip(element, &cursor, key, depth: depth + 1) }
            }
        default: _ = try cursor.take(type.leastSize, "the value of \(key)")
        }
    }

    // MARK: Values

    /// A value of the wanted type, or nil if there is no such key.
    /// - Throws: `WeightFileError.Problem` if it has another type.
    private func value<Value>(
        _ key: String, _ expected: String, _ read: (GGUFType, Int) throws -> Value?
    ) throws -> Value? {
        guard let (type, offset) = values[key] else { return nil }
        guard let value = try read(type, offset) else {
            throw Problem.badValue(key, expected, found: "a value of type \(type)")
        }
        return value
    }

    /// All keys that begin with `prefix`, in the order of the file.
    func values(under prefix: String) throws -> GGUFValues {
        var copied = GGUFValues()
        for (key, (type, offset)) in values.sorted(by: { $0.value.offset < $1.value.offset })
        where key.hasPrefix(prefix) {
            var cursor = GGUFCursor(bytes: bytes, offset: offset)
            try GGUFMetadata.skip(type, &cursor, key, depth: 0)
            copied.append(key, type, Array(bytes[offset..<cursor.offset]))
        }
        return copied
    }

    func contains(_ key: String) -> Bool { values[key] != nil }

    /// A whole number of any width.
    func integer(_ key: String) throws -> Int? {
        try value(key, "a whole number", integer)
    }

    func float(_ key: String) throws -> Float? { try value(key, "a number", float) }

    func bool(_ key: String) throws -> Bool? {
        try value(key, "true or false") { type, offset in type == .bool ? bytes[offset] == 1 : nil }
    }

    func string(_ key: String) throws -> String? {
        try value(key, "a string") { type, offset in
            guard type == .string else { return nil }
            var cursor = GGUFCursor(bytes: bytes, offset: offset)
            return String(decoding: try cursor.string(key), as: UTF8.self)
        }
    }

    /// The number of elements.
    func count(_ key: String) throws -> Int {
        guard let array = try array(key) else { throw Problem.missingKey(key) }
        return array.count
    }

    func integers(_ key: String) throws -> [Int] { try elements(key, "whole numbers", integer) }
    func floats(_ key: String) throws -> [Float] { try elements(key, "numbers", float) }

    func strings(_ key: String) throws -> [UnsafeRawBufferPointer] {
        guard let (type, count, offset) = try array(key) else { throw Problem.missingKey(key) }
        try require(type == .string, "strings", as: "the elements of \(key)", found: "\(type)")
        var cursor = GGUFCursor(bytes: bytes, offset: offset)
        return try (0..<count).map { _ in try cursor.string(key) }
    }

    private func elements<Value>(
        _ key: String, _ expected: String, _ read: (GGUFType, Int) -> Value?
    ) throws -> [Value] {
        guard let (type, count, offset) = try array(key) else { throw Problem.missingKey(key) }
        return try (0..<count).map { i in
            guard let value = read(type, offset + i * type.leastSize) else {
                throw Problem.badValue("the elements of \(key)", expected, found: "\(type)")
            }
            return value
        }
    }

    private func array(_ key: String) throws -> (type: GGUFType, count: Int, offset: Int)? {
        try value(key, "an array") { type, offset in
            guard type == .array else { return nil }
            var cursor = GGUFCursor(bytes: bytes, offset: offset)
            let element = try GGUFMetadata.type(&cursor, key)
            let count = try cursor.count(key, leastSize: element.leastSize)
            return (element, count, cursor.offset)
        }
    }

    private func integer(_ type: GGUFType, at offset: Int) -> Int? {
        switch type {
        case .uint8: Int(bytes[offset])
        case .int8: Int(Int8(bitPattern: bytes[offset]))
        case .uint16: Int(bytes.number(at: offset, as: UInt16.self))
        case .int16: Int(bytes.number(at: offset, as: Int16.self))
        case .uint32: Int(bytes.number(at: offset, as: UInt32.self))
        case .int32: Int(bytes.number(at: offset, as: Int32.self))
        case .uint64: Int(clamping: bytes.number(at: offset, as: UInt64.self))
        case .int64: Int(bytes.number(at: offset, as: Int64.self))
        case .float32, .float64, .bool, .string, .array: nil
        }
    }

    private func float(_ type: GGUFType, at offset: Int) -> Float? {
        switch type {
        case .float32: Float(bitPattern: bytes.number(at: offset))
        case .float64: Float(Double(bitPattern: bytes.number(at: offset)))
        default: nil
        }
    }
}
