// CommandTests: compact-llama as a user runs it: text on standard output, everything else on
// standard error.

import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: CommandRunner.executable != nil, "needs the built compact-llama"))
struct CommandTests {
    private func run(_ model: ChainModel, _ prompt: String, _ more: String...) throws
        -> CommandRunner.Result
    {
        try CommandRunner.run(
            CommandRunner.executable!,
            ["-t", model.tokenizerPath, "-w", model.weightsPath, "-i", prompt] + more)
    }

    private func fox() throws -> ChainModel {
        try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos))
    }

    @Test func `the text goes to standard output, one line about speed to standard error`() throws {
        let result = try run(fox(), "a")
        #expect(result.output == "a🦊b\n")
        #expect(result.status == 0)
        let pattern =
            /prompt: 2 tokens, prefill [0-9.]+ tok\/s; generated: 5 tokens, decode [0-9.]+ tok\/s\n/
        #expect(result.error.wholeMatch(of: pattern) != nil, "\(result.error)")
    }

    @Test func `long options equal short ones`() throws {
        let model = try fox()
        let result = try CommandRunner.run(
            "--tokenizer", model.tokenizerPath, "--weights", model.weightsPath, "--input", "a",
            "--seqlength", "6")
        #expect(result.output == "a🦊b\n")
        #expect(result.status == 0)
    }

    #if os(Linux)
        @Test func `only FoundationEssentials is loaded, not all of Foundation`() throws {
            // with this variable, the dynamic loader lists the libraries and exits
            let libraries = try CommandRunner.run(
                CommandRunner.executable!, [], environment: ["LD_TRACE_LOADED_OBJECTS": "1"]
            ).output
            #expect(libraries.contains("libFoundationEssentials.so"))
            #expect(!libraries.contains("libFoundation.so"))
        }
    #endif

    @Test func `an incomplete character at the end is replaced`() throws {
        let result = try run(fox(), "a", "--seqlength", "3")
        #expect(result.output == "a\u{FFFD}\u{FFFD}\n")
        #expect(result.status == 0)
    }

    @Test(arguments: ["", "-5", "--help", " a ", "é🦊", "a\nb"])
    func `the output begins with the prompt`(prompt: String) throws {
        // a model that ends every text immediately
        let model = try ChainModel([:]) { values in
            for token in 0..<263 { values["output.weight"]![TinyTokenizer.eos * 264 + token] = 1 }
        }
        let result = try run(model, prompt)
        #expect(result.output == prompt + "\n")
        #expect(result.status == 0)
    }

    @Test func `a length above the trained one gives a warning`() throws {
        let result = try run(fox(), "a", "--seqlength", "129")
        #expect(result.output == "a🦊b\n")
        #expect(result.status == 0)
        #expect(
            String(result.errorLines[0])
                == "Warning: --seqlength 129 exceeds the 128 positions that the model was trained on; "
                + "the text beyond them may be incoherent.")
        #expect(result.errorLines.count == 3 && result.errorLines[2] == "")
        #expect(try run(fox(), "a", "--seqlength", "128").errorLines.count == 2)
    }

    @Test func `the warning about the length comes before the text`() throws {
        let model = try fox()
        let program = CommandRunner.executable!.path
        let options = ["-t", model.tokenizerPath, "-w", model.weightsPath, "-i", "a"]
        let result = try CommandRunner.run(
            URL(filePath: "/bin/sh"),
            ["-c", "exec \"$@\" 2>&1", "sh", program] + options + ["--seqlength", "129"])
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[0].hasPrefix("Warning: --seqlength 129 exceeds"))
        #expect(lines[1] == "a🦊b")
        #expect(lines[2].hasPrefix("prompt: 2 tokens, "))
    }

    @Test func `Ctrl-C ends the line and exits with code 130`() throws {
        // "b" follows "b" until the length is reached
        let b = TinyTokenizer().token("b")
        let model = try ChainModel([TinyTokenizer().token("\u{2581}a"): b, b: b])
        let result = try CommandRunner.run(
            CommandRunner.executable!,
            ["-t", model.tokenizerPath, "-w", model.weightsPath, "-i", "a"]
                + ["--seqlength", "8000"], afterOutput: { kill($0, SIGINT) })
        #expect(result.status == 130)
        #expect(result.output.wholeMatch(of: /ab*\n/) != nil)
        #expect(result.errorLines.count == 2)  // the warning about the length
    }

    @Test(arguments: ["--help", "-h"]) func `help fits one screen`(option: String) throws {
        let result = try CommandRunner.run(option)
        #expect(result.status == 0)
        #expect(result.error == "")
        #expect(
            result.output == """
                OVERVIEW: Continues a text with a Llama 2 model.

                Example: compact-llama -i "Lily wanted to" --seqlength 256
                Read on: README.md; docs/model.md for other models, docs/weights.md for formats

                USAGE: compact-llama [--tokenizer <file>] [--weights <path>] [--input <prompt>] \
                [--seqlength <n>]

                OPTIONS:
                  -t, --tokenizer <file>  The tokenizer.model for these weights. GGUF files and
                                          Hugging Face folders have their own.
                  -w, --weights <path>    A .lmw, GGUF, llama2.c .bin or .safetensors file, or
                                          a Hugging Face folder. (default: the bundled model)
                  -i, --input <prompt>    The text to continue. (default: none; the model
                                          begins a text)
                  --seqlength <n>         Stop after this many positions, BOS and prompt
                                          included. (default: 128)
                  -h, --help              Show help information.


                """)
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `real weights in both formats give the reference texts`() throws {
        for story in try TestData.greedyTexts() {
            for file in ["stories260K.lmw", "stories260K.bin"] {
                let result = try CommandRunner.run(
                    "-t", TestData.model("tok512.model"), "-w", TestData.model(file), "-i",
                    story.prompt, "--seqlength", "\(story.seqLength)")
                #expect(result.output == story.text + "\n", "\(file)")
                #expect(result.status == 0)
                #expect(result.errorLines.count == 2)
            }
        }
    }

    @Test(
        .enabled(
            if: TestData.isPresent
                && FileManager.default.isExecutableFile(atPath: "/usr/bin/taskset"),
            "needs LLAMA_TEST_DATA, and taskset to choose the cores"))
    func `one core gives the same text as all cores`() throws {
        let story = try TestData.greedyTexts()[3]
        let arguments = [
            "-t", TestData.model("tok512.model"), "-w", TestData.model("stories260K.bin"), "-i",
            story.prompt, "--seqlength", "\(story.seqLength)",
        ]
        let result = try CommandRunner.run(
            URL(filePath: "/usr/bin/taskset"),
            ["-c", "0", CommandRunner.executable!.path] + arguments)
        #expect(result.output == story.text + "\n")
    }
}
