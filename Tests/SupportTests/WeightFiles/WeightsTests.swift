// WeightsTests: the format of a weight file is detected by its content, its tensors are views, and
// other files are refused.

import TestSupport
import Testing

@testable import Support

private let expected =
    "expected .lmw (magic number 0x696D756C), GGUF, .safetensors or llama2.c's legacy .bin, found "

@Suite struct WeightsTests {
    @Test func `the format is detected by content, not by name`() throws {
        let lmw = try WeightFile(LMWBytes().bytes, as: "model.bin").weights()
        let llama2c = try WeightFile(Llama2cBytes().bytes, as: "model.lmw").weights()
        for (name, _) in TinySizes().tensors { #expect(lmw[name].values == llama2c[name].values) }
    }

    @Test func `a .bin with 123 layers is not mistaken for JSON`() throws {
        // 123 layers: the ninth byte is a brace, the tenth 0
        let sizes: [Int32] = [2, 1, 123, 1, 1, 1, 1]
        let floats = 2 + 123 * (2 + 4 * 4 + 2 + 3 * 2) + 2 + 2
        let folder = try TemporaryFolder()
        let path = try folder.write(
            sizes.flatMap { littleEndian($0) } + Array(repeating: 0, count: floats * 4), as: "x.bin"
        )
        #expect(try Weights(contentsOf: path).format == .llama2c)
    }

    @Test func `tensors outlive their weights, and cannot change the file`() throws {
        let file = try WeightFile(LMWBytes().bytes)
        var norm = try file.weights()["norm.weight"]
        let values = TinySizes().randomValues()["norm.weight"]!
        #expect(norm.values == values)
        norm.append(Tensor([9]), axis: 0)
        #expect(norm.values == values + [9])
        #expect(try file.weights()["norm.weight"].values == values)
    }

    @Test func `values are viewed, not copied`() throws {
        let weights = try WeightFile(LMWBytes().bytes).weights()
        #expect(!weights["output.weight"].storage.isWritable)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `both files of a real model have equal values`() throws {
        let lmw = try Weights(contentsOf: TestData.model("stories260K.lmw"))
        let llama2c = try Weights(contentsOf: TestData.model("stories260K.bin"))
        #expect(lmw.config == llama2c.config)
        for (name, shape) in lmw.config.outerShapes + lmw.config.layerShapes(4) {
            #expect(lmw[name].shape == Shape(shape))
            #expect(lmw[name].values == llama2c[name].values, "\(name)")
        }
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
        #expect(
            error?.description.hasPrefix("\(folder.path): expected model.safetensors or ") == true)
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

    @Test func `a pipe is refused, and no writer is waited for`() throws {
        let path = try TemporaryFolder().path + ".pipe"
        #expect(mkfifo(path, 0o600) == 0)
        defer { unlink(path) }
        let error = #expect(throws: FileError.self) { try Weights(contentsOf: path) }
        #expect(error?.description == "\(path): expected a file, found something else")
    }

    @Test(arguments: [0, 19, 400]) func `a ZIP archive is named`(count: Int) throws {
        let bytes = Array("PK\u{3}\u{4}".utf8) + Array(repeating: UInt8(0x33), count: count)
        try Damage("", bytes, expected + "a ZIP archive, perhaps PyTorch's").expectError()
    }

    @Test func `a wrong magic number is refused`() throws {
        var file = LMWBytes()
        file.magic += 1
        let written = try WeightFile(file.bytes)
        let error = #expect(throws: WeightFileError.self) { try written.weights() }
        #expect(error?.description.hasPrefix("\(written.path): expected ") == true)
    }

    @Test func `a text file is refused`() throws {
        let file = try WeightFile(Array("Once upon a time, there was a little girl.\n".utf8))
        let error = #expect(throws: WeightFileError.self) { try file.weights() }
        #expect(error?.description.hasPrefix("\(file.path): \(expected)") == true)
    }
}
