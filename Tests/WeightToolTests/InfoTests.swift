// InfoTests: what llama-weights says of a file, literally.

import Support
import TestSupport
import Testing

@testable import WeightTool

@Suite struct InfoTests {
    @Test func `the summary says format, sizes and parameters`() throws {
        let folder = try TemporaryFolder()
        let weights = try Weights(
            contentsOf: TinyHuggingFace(type: "F16", isTied: true).write(to: folder, shards: 2))
        #expect(
            Info.summary(of: weights)
                == """
                format      Hugging Face's .safetensors, by an index
                parameters  2,848; the embeddings are the classifier too
                dim         16, hidden 12
                layers      2
                heads       4, for keys and values 2
                vocabulary  5
                positions   32
                norm_eps    1e-05
                rope_theta  10000.0
                """)
    }

    @Test func `columns are as wide as they must be`() {
        var table = Table(header: ["tensor", "size"], columnsOfText: 1)
        table.rows = [["a", "1,000"], ["longer name", "2"]]
        #expect(
            table.description == """
                tensor        size
                a            1,000
                longer name      2
                """)
    }

    @Test func `statistics leave out what is not finite, and say so`() {
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

    @Test func `a damaged file is said to be so`() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array("lumi".utf8), as: "x.lmw")
        let error = #expect(throws: WeightFileError.self) { try Info.parse([path]).run() }
        #expect(
            error?.description
                == "\(path): cut off in the header: expected 40 bytes at offset 0, found 4")
    }

    @Test func `help names the subcommands`() {
        let help = WeightTool.Command.helpMessage()
        #expect(
            help == """
                OVERVIEW: Looks into files of Llama 2 weights and converts them.

                Reads .lmw files, GGUF files, legacy .bin files of llama2.c, and Hugging Face's
                .safetensors (a file, an index, or the folder). For PyTorch's files there is
                Training/convert.py.

                USAGE: llama-weights <subcommand>

                OPTIONS:
                  -h, --help              Show help information.

                SUBCOMMANDS:
                  info                    Shows the format, the sizes and every tensor, or what
                                          is wrong with the file.
                  convert                 Writes weights in another format.

                  See 'llama-weights help <subcommand>' for detailed help.
                """)
    }
}
