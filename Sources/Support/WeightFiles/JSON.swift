// JSON: decodes JSON without repeated keys, and describes errors in sentences for a user. The
// readers of `.safetensors`, of its index and of `config.json` use it.

/// A key with any name.
struct JSONKey: CodingKey, ExpressibleByStringLiteral {
    let stringValue: String
    var intValue: Int? { nil }
    var name: String { stringValue }

    init(stringLiteral: String) { stringValue = stringLiteral }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// The longest accepted JSON in bytes. A large model's header has 0.1 MB.
private let jsonLimit = 10_000_000

/// Decodes JSON, and refuses repeated keys.
/// - Parameter what: a description of the JSON for messages.
/// - Throws: `WeightFileError.Problem` if the JSON is invalid or has repeated keys.
func decodeJSON<Value: Decodable>(
    _ type: Value.Type, _ bytes: UnsafeRawBufferPointer, _ what: String
) throws -> Value {
    let count = bytes.count
    try require(
        count <= jsonLimit, "at most \(jsonLimit)", as: "the length of \(what)", found: count)
    // Foundation of Swift 6.0 stops the program at other bytes, and at keys that are no JSON string
    let isUTF8 = String(validating: bytes, as: UTF8.self) != nil
    try require(isUTF8, "UTF-8", as: what, found: "other bytes")
    do {
        let key = try repeatedKey(bytes)
        try require(key == nil, "every key once", as: what, found: "\(key ?? "") twice")
        return try JSONDecoder().decode(type, from: Data(bytes))
    } catch let error as DecodingError {
        throw error.problem(what)
    }
}

/// A key that occurs twice in one object of JSON, which may be invalid.
/// - Throws: `DecodingError` if one of its strings is invalid.
private func repeatedKey(_ json: UnsafeRawBufferPointer) throws -> String? {
    var keys: [Set<String>] = []  // of each object around the current byte
    var text = ""  // the last string
    var i = 0
    while i < json.count {
        switch Unicode.Scalar(json[i]) {
        case "{": keys.append([])
        case "}": _ = keys.popLast()
        case ":" where !keys.isEmpty:
            if !keys[keys.count - 1].insert(text).inserted { return text }
        case "\"":
            let start = i
            repeat {
                i += json[i] == UInt8(ascii: "\\") ? 2 : 1
            } while i < json.count && json[i] != UInt8(ascii: "\"")
            let string = json[start..<min(i + 1, json.count)]
            let isPlain = string.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\\") }
            if !isPlain || i >= json.count {
                // escapes allow several spellings of one key
                text = try JSONDecoder().decode(String.self, from: Data(string))
            } else {
                text = String(decoding: string.dropFirst().dropLast(), as: UTF8.self)
            }
        default: break
        }
        i += 1
    }
    return nil
}

extension DecodingError {
    fileprivate func problem(_ what: String) -> Problem {
        func key(_ path: [any CodingKey]) -> String {
            path.isEmpty ? what : path.reversed().map(\.stringValue).joined(separator: " of ")
        }
        switch self {
        case .keyNotFound(let missing, let context):
            return .badValue(key(context.codingPath + [missing]), "a value", found: "nothing")
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            let kinds = [
                "Int": "a whole number", "Float": "a number", "String": "a text",
                "Bool": "true or false", "Array<Any>": "a list",
            ]
            let expected = kinds["\(type)"] ?? "an object"
            return .badValue(key(context.codingPath), expected, found: "another type")
        default:
            let expected = "valid JSON with numbers of the right type"
            return .badValue(what, expected, found: "something else")
        }
    }
}
