// Damaged .bin files of llama2.c, and files that are neither of the two formats.

import TestSupport
import Testing

@testable import Support

private let expected =
    "expected .lmw (magic number 0x696D756C), .safetensors or llama2.c's legacy .bin, found "

@Suite struct DamagedLlama2cTests {
    static let fields = [
        "dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "", "max_seq_len",
    ]

    private func patched(_ field: Int, _ number: Int32) -> [UInt8] {
        var bytes = Llama2cBytes().bytes
        bytes.replaceSubrange(field * 4..<field * 4 + 4, with: littleEndian(number))
        return bytes
    }

    @Test(arguments: [0, 1, 2, 3, 4, 6], [0, -1, Int32.min])
    func `a size that is not positive is refused`(field: Int, size: Int32) throws {
        try Damage(
            "", patched(field, size),
            expected + "\(Self.fields[field]) = \(size) where the latter has a positive number"
        ).expectError()
    }

    @Test func `a vocabulary of none is refused`() throws {
        try Damage(
            "", patched(5, 0), expected + "vocab_size = 0 where the latter has a positive number"
        )
        .expectError()
    }

    @Test(
        arguments: [
            (3, 3, "dim = 8 where the latter has a multiple of n_heads = 3"),
            (4, 3, "n_heads = 2 where the latter has a multiple of n_kv_heads = 3"),
            (3, 8, "dim / n_heads = 1 where the latter has an even number"),
        ] as [(Int, Int32, String)])
    func `sizes that do not divide are refused`(field: Int, size: Int32, found: String) throws {
        try Damage("", patched(field, size), expected + found).expectError()
    }

    @Test(arguments: [0, 1, 2, 5, 6]) func `the largest sizes do not overflow`(field: Int) throws {
        let file = try WeightFile(patched(field, field == 0 ? .max - 7 : .max), as: "model.bin")
        #expect(throws: WeightFileError.self) { try file.weights() }
    }

    @Test func `all sizes as large as they go are refused`() throws {
        let bytes = Array(repeating: littleEndian(Int32(0x7FFF_FFF8)), count: 7).flatMap { $0 }
        let file = try WeightFile(bytes + Llama2cBytes().bytes.dropFirst(28), as: "model.bin")
        #expect(throws: WeightFileError.self) { try file.weights() }
        let few =
            [0x7FFF_FFF8, 0x7FFF_FFF8, 0x7FFF_FFF8, 1, 1, 0x7FFF_FFF8, 0x7FFF_FFF8] as [Int32]
        try Damage("", few.flatMap { littleEndian($0) }, expected + "sizes that no file holds")
            .expectError()
    }

    @Test(arguments: [-1, 1, -160, 4, -1000])
    func `a size other than the header's is refused`(difference: Int) throws {
        let bytes = Llama2cBytes().bytes
        let changed =
            difference < 0
            ? bytes.dropLast(-difference) : bytes + Array(repeating: 0, count: difference)
        try Damage(
            "", Array(changed),
            "expected \(bytes.count) bytes for the sizes in its header, found \(bytes.count + difference)"
        ).expectError()
    }

    @Test func `a classifier that is announced and missing is noticed, and the other way round`()
        throws
    {
        var file = Llama2cBytes(hasClassifier: false)
        file.hasClassifier = true
        var bytes = file.bytes
        bytes.removeLast(160)
        try Damage(
            "", bytes,
            "expected \(bytes.count + 160) bytes for the sizes in its header, found \(bytes.count)"
        ).expectError()
        bytes = Llama2cBytes().bytes
        bytes.replaceSubrange(20..<24, with: littleEndian(Int32(5)))
        try Damage(
            "", bytes,
            "expected \(bytes.count - 160) bytes for the sizes in its header, found \(bytes.count)"
        ).expectError()
    }

    @Test(arguments: [1, 3, 4, 27]) func `a file shorter than a header is refused`(count: Int)
        throws
    {
        let bytes = Array(Llama2cBytes().bytes.prefix(count))
        try Damage("", bytes, expected + "\(count) bytes").expectError()
    }
}

@Suite struct OtherFileTests {
    @Test func `a missing file is refused`() throws {
        let path = try TemporaryFolder().path + "/none.lmw"
        let error = #expect(throws: FileError.self) { try Weights(contentsOf: path) }
        #expect(error?.description == "\(path): cannot be read: No such file or directory")
    }

    @Test func `a folder is refused`() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: WeightFileError.self) { try Weights(contentsOf: folder.path) }
        #expect(error?.description.hasPrefix("\(folder.path): expected a file, or model.") == true)
    }

    @Test func `an empty file is refused`() throws {
        let file = try WeightFile([])
        let error = #expect(throws: FileError.self) { try file.weights() }
        #expect(error?.description == "\(file.path): the file is empty")
    }

    @Test func `a device is refused`() throws {
        let error = #expect(throws: FileError.self) { try Weights(contentsOf: "/dev/zero") }
        #expect(error?.description == "/dev/zero: expected a file, found something else")
    }

    @Test(arguments: [
        ("GGUF", "GGUF, llama.cpp's format"), ("PK\u{3}\u{4}", "a ZIP archive, perhaps PyTorch's"),
        ("24ka", "llama2.c's later .bin; export with version 0"),
    ])
    func `files of other programs are named`(start: String, name: String) throws {
        for count in [0, 19, 400] {
            let bytes = Array(start.utf8) + Array(repeating: UInt8(0x33), count: count)
            try Damage("", bytes, expected + name).expectError()
        }
    }

    @Test func `a wrong magic number is refused`() throws {
        var file = LMWBytes()
        file.magic += 1
        let written = try WeightFile(file.bytes)
        let error = #expect(throws: WeightFileError.self) { try written.weights() }
        #expect(error?.description.hasPrefix("\(written.path): expected ") == true)
    }

    @Test func `a text is refused`() throws {
        let file = try WeightFile(Array("Once upon a time, there was a little girl.\n".utf8))
        let error = #expect(throws: WeightFileError.self) { try file.weights() }
        #expect(error?.description.hasPrefix("\(file.path): \(expected)") == true)
    }
}
