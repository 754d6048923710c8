// ConvertToGGUFTests: the options of conversions to GGUF, the tokenizer that is stored, and the errors
// of rounding that --verify shows.

import Foundation
import TestSupport
import Testing

@testable import Support
@testable import WeightTool

@Suite(.serialized) struct ConvertToGGUFTests: ConvertSuite {
    let folder: TemporaryFolder

    init() throws { folder = try Self.makeFolder() }

    @Test(arguments: [
        (
            ["a", "b.lmw", "--type", "F16"],
            "--type: expected an output that ends in .gguf, found b.lmw"
        ),
        (["a", "b.bin", "-t", "x"], "-t: expected an output that ends in .gguf, found b.bin"),
        (
            ["a", "b.gguf", "--type", "Q4_K"],
            """
            The value 'Q4_K' is invalid for '--type <type>': expected one of F32, F16, BF16, Q8_0, \
            Q4_0, found Q4_K
            """
        ),
    ])
    func `types and tokenizers are for GGUF`(arguments: [String], sentence: String) throws {
        let error = #expect(throws: (any Error).self) { try WeightTool.Convert.parse(arguments) }
        #expect(WeightTool.Convert.message(for: error!) == sentence)
    }

    @Test func `a tokenizer_model in the folder is stored, unless -t names another`() throws {
        let tokenizer = TinyTokenizer(pieces: [])
        var sizes = TinySizes()
        sizes.vocab = tokenizer.vocabSize
        _ = try folder.write(LMWBytes(sizes).bytes, as: "x.lmw")
        try convert(folder.file("x.lmw"), folder.file("in") + "/model.safetensors")
        try Data(tokenizer.bytes).write(to: URL(filePath: folder.file("in") + "/tokenizer.model"))
        try convert(folder.file("in"), folder.file("x.gguf"))
        #expect(
            try Tokenizer(contentsOf: folder.file("x.gguf"), vocabSize: sizes.vocab).encode("a")
                == [1, 3 + 0xE2, 3 + 0x96, 3 + 0x81, 3 + 0x61])
        let other = try folder.write(TinyTokenizer().bytes, as: "other.model")
        #expect(
            message { try convert(folder.file("in"), folder.file("y.gguf"), "-t", other) }
                == "FOLDER/other.model: expected 259 tokens (the model's vocab_size), found 263")
        #expect(try files == ["in", "other.model", "x.gguf", "x.lmw"])
    }

    @Test func `a value that the type cannot hold leaves no output`() throws {
        var sizes = TinySizes(vocab: 5, dim: 32)
        sizes.hidden = 64
        var values = sizes.randomValues()
        values["output.weight"]![3] = .infinity
        _ = try folder.write(LMWBytes(sizes, values: values).bytes, as: "x.lmw")
        #expect(
            message { try convert(folder.file("x.lmw"), folder.file("x.gguf"), "--type", "Q8_0") }
                == """
                FOLDER/x.lmw: the values of output.weight: expected finite numbers in Q8_0's range, \
                found inf
                """)
        #expect(try files == ["in", "x.lmw"])
    }

    @Test func `verification shows the errors of rounding`() throws {
        let program = try #require(CommandRunner.find("llama-weights"))
        var sizes = TinySizes(vocab: 5, dim: 32)
        sizes.hidden = 48
        var values = sizes.randomValues().mapValues { $0.map { _ in Float(127) } }
        // scale 1 with 127: 0.25 becomes 0, an error of 0.25 in one of 160 values
        values["output.weight"]![0] = 0.25
        _ = try folder.write(LMWBytes(sizes, values: values).bytes, as: "x.lmw")
        let arguments = [
            "convert", folder.file("x.lmw"), folder.file("x.gguf"), "--type", "Q8_0", "--verify",
        ]
        let result = try CommandRunner.run(program, arguments)
        #expect(result.status == 0)
        let lines = result.output.split(separator: "\n")
        #expect(lines.first == "tensor                           type  largest error  mean error")
        #expect(lines.last == "output.weight                    Q8_0           0.25    0.001563")
        #expect(lines.contains { $0.hasPrefix("layers.0.feed_forward.w2.weight  F16 ") })
        #expect(lines.count == 10)  // nine matrices
        #expect(
            result.error.replacingOccurrences(of: folder.path, with: "FOLDER") == """
                1 of 12 tensors are F16: their rows are no multiple of 32 numbers
                the file has no tokenizer: -t names one to store
                verified: 96 values are equal, 8,000 are rounded
                wrote FOLDER/x.gguf, 11.6 kB

                """)
    }
}
