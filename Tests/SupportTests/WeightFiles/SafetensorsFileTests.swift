// SafetensorsFileTests: .safetensors files are read and written like the hand-made TinyHuggingFace;
// a damaged header gives one sentence.

import Foundation
import TestSupport
import Testing

@testable import Support

@Suite struct SafetensorsFileTests {
    // MARK: Reading

    @Test(arguments: ["F32", "F16", "BF16"])
    func `unaligned values are copied`(type: String) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyHuggingFace(type: type)
        try tiny.write(to: folder)
        let path = try folder.write(
            TinyHuggingFace.file(tiny.entries, misalignment: 1), as: "model.safetensors")
        let weights = try Weights(contentsOf: path)
        for (name, _, values) in TinyHuggingFace.tensors {
            #expect(weights[name].values == values, "\(name)")
        }
    }

    // MARK: Writing

    @Test(arguments: ["F32", "F16", "BF16"], [false, true])
    func `a written file has the values of the hand-made one`(
        type: String, isTied: Bool
    ) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyHuggingFace(type: type, isTied: isTied)
        let weights = try Weights(contentsOf: tiny.write(to: folder))
        let file = try WeightFile(weights, as: .safetensors)
        let values = tiny.entries.flatMap(\.bytes)
        #expect(try file.bytes.suffix(values.count) == values[...])
        let read = try file.weights()
        #expect(read.config == weights.config && read.isTied == isTied)
        for (name, _) in weights.config.shapes {
            #expect(read[name].element.rawValue == type)
            #expect(haveEqualBits(read[name], weights[name]), "\(name)")
        }
    }

    // MARK: Damage

    private func message(_ bytes: [UInt8]) throws -> String {
        let folder = try TemporaryFolder()
        try TinyHuggingFace().write(to: folder)
        let path = try folder.write(bytes, as: "model.safetensors")
        return errorText(reading: path).replacingOccurrences(of: path, with: "FILE")
    }

    private func message(header: String, data: Int = 8) throws -> String {
        try message(
            TinyHuggingFace.file(header: header, data: Array(repeating: 0, count: data)))
    }

    // typed, which compiles faster
    private static let damagedHeaders: [(String, String)] = [
        (
            #"{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#,
            "the type of a: expected one of F32, F16, BF16, found I64"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#,
            "the shape of a: expected no negative size, found [-2]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#,
            "the sizes of a multiply to more than a file can hold"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            "data_offsets of a, F32 [2]: expected [0, 8], found [0, 4]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            "data_offsets of a, F32 [2]: expected [0, 8], found [8, 0]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
            "data_offsets of a, F32 [1]: expected [0, 4], found [-4, 0]"
        ),
        (  // overlapping
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#,
            "data_offsets of b, F32 [1]: expected [4, 8], found [2, 6]"
        ),
        (  // a gap
            #"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"#
                + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            "data_offsets of b, F32 [1]: expected [2, 6], found [4, 8]"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}"#,
            "truncated in the values of a: expected 12 bytes at offset 63, found 8"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            "expected 66 bytes for the sizes in its header, found 70"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}"#,
            "data_offsets of a: expected 2 numbers, found 1"
        ),
        (
            #"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#,
            "shape of a: expected a value, found nothing"
        ),
        (
            #"{"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}}"#,
            "dtype of a: expected a text, found another type"
        ),
        (
            #"{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}"#,
            "shape of a: expected a list, found another type"
        ),
        (
            #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#,
            "the header: expected valid JSON with numbers of the right type, found something else"
        ),
        (#"{"a":[1]}"#, "a: expected an object, found another type"),
        (
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
                + #""\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            "the header: expected every key once, found a twice"
        ),
        (
            #"{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}"#,
            "the header: expected every key once, found dtype twice"
        ),
        (  // a control character
            "{\"a\u{1}\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
            "the header: expected valid JSON with numbers of the right type, found something else"
        ),
        (  // an escape that ends as the string does
            #"{"\uabc\":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
            "the header: expected valid JSON with numbers of the right type, found something else"
        ),
        (
            #"{"a":"#,
            "the header: expected valid JSON with numbers of the right type, found something else"
        ),
        (
            #"{    "#,
            "the header: expected valid JSON with numbers of the right type, found something else"
        ),
        (
            #"{"a":"# + String(repeating: "[", count: 100_000),
            "the header: expected valid JSON with numbers of the right type, found something else"
        ),
    ]

    @Test(arguments: damagedHeaders)
    func `a damaged header gives one sentence`(header: String, sentence: String) throws {
        #expect(try message(header: header) == "FILE: " + sentence)
    }

    @Test(arguments: [
        (1 << 40, "truncated in the header: expected 1099511627776 bytes at offset 8, found 100"),
        (
            Int.min,
            "truncated in the header: expected 9223372036854775807 bytes at offset 8, found 100"
        ),
        (101, "truncated in the header: expected 101 bytes at offset 8, found 100"),
        (0, "the header: expected valid JSON with numbers of the right type, found something else"),
    ])
    func `the header's length is checked`(length: Int, sentence: String) throws {
        let bytes = littleEndian(length) + Array("{\"".utf8) + Array(repeating: 0x20, count: 98)
        #expect(try message(bytes) == "FILE: " + sentence)
    }

    @Test func `a header above the size limit is refused`() throws {
        let header = "{ " + String(repeating: " ", count: 10_000_000)
        #expect(
            try message(header: header)
                == "FILE: the length of the header: expected at most 10000000, found 10000002")
    }

    @Test func `a randomly changed header gives weights or one line, never a crash`() throws {
        let folder = try TemporaryFolder()
        let tiny = TinyHuggingFace()
        try tiny.write(to: folder)
        let whole = TinyHuggingFace.file(tiny.entries)
        let data = tiny.entries.reduce(0) { $0 + $1.bytes.count }
        var random = Random(seed: 1)
        for round in 0..<150 {
            var bytes = whole
            for _ in 0...round % 3 {
                let index = Int.random(in: 0..<whole.count - data, using: &random)
                switch round % 4 {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
                case 2: bytes.remove(at: index)
                default: bytes.insert(Array("{}[]\",:-9e\\".utf8).randomElement()!, at: index)
                }
            }
            let text = errorText(reading: try folder.write(bytes, as: "model.safetensors"))
            #expect(!text.contains("\n") && !text.isEmpty)
        }
        for count in stride(from: 1, to: whole.count, by: 61) {
            let text = errorText(
                reading: try folder.write(Array(whole[..<count]), as: "model.safetensors"))
            #expect(text != "no error" && !text.contains("\n"), "cut to \(count) bytes")
        }
    }
}
