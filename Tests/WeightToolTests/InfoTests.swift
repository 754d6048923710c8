// InfoTests: the output of llama-weights about a file, literally.

import Support
import TestSupport
import Testing

@testable import WeightTool

@Suite struct InfoTests {
    @Test func `the summary lists format, sizes and parameters`() throws {
        let folder = try TemporaryFolder()
        let weights = try Weights(
            contentsOf: TinyHuggingFace(type: "F16", isTied: true).write(to: folder, shards: 2))
        #expect(
            Info.summary(of: weights)
                == """
                format      Hugging Face's .safetensors, sharded
                parameters  2,848; the classifier shares the embeddings
                dim         16, hidden 12
                layers      2
                heads       4, key-value heads 2
                vocabulary  5
                positions   32
                norm_eps    1e-05
                rope_theta  10000.0
                """)
    }

    @Test func `columns are as narrow as possible`() {
        var table = Table(header: ["tensor", "size"], textColumns: 1)
        table.rows = [["a", "1,000"], ["longer name", "2"]]
        #expect(
            table.description == """
                tensor        size
                a            1,000
                longer name      2
                """)
    }

    @Test func `statistics count and exclude values that are not finite`() {
        #expect(Statistics(Tensor([1, -2, 4])).columns == ["-2.0", "1.0", "4.0"])
        #expect(Statistics(Tensor([0, 0])).columns == ["0", "0", "0"])
        #expect(
            Statistics(Tensor([1, .nan, 3, .infinity])).columns == [
                "1.0", "2.0", "3.0", "2 not finite",
            ])
        #expect(Statistics(Tensor([.nan])).columns == ["", "", "", "1 not finite"])
        #expect(
            Statistics(Tensor([0.000123456, 123456])).columns == [
                "0.0001235", "61730.0", "123500.0",
            ])
    }

    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB"),
        (2_200_121_568, "2.2 GB"),
    ])
    func `bytes are rounded`(bytes: Int, text: String) { #expect(byteText(bytes) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_056_540, "1,056,540")])
    func `digits are grouped`(number: Int, text: String) { #expect(grouped(number) == text) }

    @Test func `a damaged file is an error`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array("lumi".utf8), as: "x.lmw")
        let error = #expect(throws: WeightFileError.self) { try Info.parse([path]).run() }
        #expect(
            error?.description
                == "\(path): truncated in the header: expected 40 bytes at offset 0, found 4")
    }

    @Test func `help names the subcommands`() {
        let help = WeightTool.Command.helpMessage()
        #expect(
            help == """
                OVERVIEW: Shows and converts Llama 2 weights.

                Reads .lmw, GGUF, llama2.c's .bin (legacy or int8) and Hugging Face's
                .safetensors, whatever the file's name. Read on: docs/weights.md

                USAGE: llama-weights <subcommand>

                OPTIONS:
                  -h, --help              Show help information.

                SUBCOMMANDS:
                  info                    Shows a file's format, sizes and tensors, or what is
                                          wrong with it.
                  convert                 Converts weights to another format.

                  See 'llama-weights help <subcommand>' for detailed help.
                """)
    }

    @Test func `the subcommands' help fits one screen`() {
        for help in [
            WeightTool.Command.helpMessage(for: Info.self, columns: 80),
            WeightTool.Command.helpMessage(for: WeightTool.Convert.self, columns: 80),
        ] {
            let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.count <= 24)
            #expect(lines.allSatisfy { $0.count <= 80 })
        }
    }
}
