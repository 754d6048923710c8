// CommandErrorTests: errors of compact-llama give one line on standard error, and no text on
// standard output.

import Foundation
import TestSupport
import Testing

@Suite(.enabled(if: CommandRunner.executable != nil, "needs the built compact-llama"))
struct CommandErrorTests {
    let model: ChainModel

    init() throws { model = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos)) }

    private func run(
        tokenizer: String? = nil, weights: String? = nil, prompt: String = "a", _ more: String...
    ) throws -> CommandRunner.Result {
        try CommandRunner.run(
            CommandRunner.executable!,
            [
                "-t", tokenizer ?? model.tokenizerPath, "-w", weights ?? model.weightsPath,
                "-i", prompt,
            ] + more)
    }

    private func expectFailure(_ result: CommandRunner.Result, _ message: String) {
        #expect(result.error == "Error: \(message)\n")
        #expect(result.output == "")
        #expect(result.status == 1)
    }

    @Test func `a missing file is named`() throws {
        let none = model.folder.path + "/none"
        let message = none + ": cannot be read: No such file or directory"
        expectFailure(try run(weights: none), message)
        expectFailure(try run(tokenizer: none), message)
    }

    @Test func `missing weights are named, also without a tokenizer`() throws {
        let none = model.folder.path + "/none.gguf"
        let result = try CommandRunner.run(CommandRunner.executable!, ["-w", none])
        expectFailure(result, none + ": cannot be read: No such file or directory")
    }

    @Test func `a folder is named`() throws {
        let message = model.folder.path + ": expected a file, found a directory"
        expectFailure(
            try run(weights: model.folder.path),
            model.folder.path
                + ": expected model.safetensors or model.safetensors.index.json in this folder, found neither"
        )
        expectFailure(try run(tokenizer: model.folder.path), message)
    }

    @Test func `an empty file is named`() throws {
        let empty = try model.folder.write([], as: "empty")
        expectFailure(try run(weights: empty), empty + ": the file is empty")
        expectFailure(try run(tokenizer: empty), empty + ": the file is empty")
    }

    @Test func `a file without read permission is named`() throws {
        let secret = try model.folder.write([1], as: "secret")
        try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: secret)
        // root can read the file, and then reports damage
        let result = try run(weights: secret)
        #expect(result.error.hasPrefix("Error: \(secret): "))
        #expect(result.output == "" && result.status == 1)
    }

    @Test func `a file that is not a tokenizer is named`() throws {
        let text = try model.folder.write(Array("hello, hello, hello".utf8), as: "text.model")
        expectFailure(
            try run(tokenizer: text),
            text + ": expected a SentencePiece model (tokenizer.model), found something else")
        expectFailure(
            try run(tokenizer: model.weightsPath),
            model.weightsPath
                + ": expected a SentencePiece model (tokenizer.model), found something else")
    }

    @Test func `a tokenizer of another size is named`() throws {
        let bytes = TinyTokenizer(pieces: ["\u{2581}", "a"]).bytes
        let other = try model.folder.write(bytes, as: "other.model")
        expectFailure(
            try run(tokenizer: other),
            other + ": expected 263 tokens (the model's vocab_size), found 261")
    }

    @Test func `a file that is not a weight file is named`() throws {
        let path = model.tokenizerPath
        let result = try run(weights: path)
        #expect(
            result.error.hasPrefix(
                "Error: \(path): expected .lmw (magic number 0x696D756C), GGUF, .safetensors or "
                    + "llama2.c's legacy .bin, found "
            ))
        #expect(result.errorLines.count == 2)
        #expect(result.output == "" && result.status == 1)
    }

    @Test func `damaged weights are named`() throws {
        var file = LMWBytes()
        file.version = 3
        let newer = try model.folder.write(file.bytes, as: "newer.lmw")
        expectFailure(
            try run(weights: newer), newer + ": expected version 1 of .lmw, found version 3")
        let bytes = LMWBytes().bytes
        let short = try model.folder.write(bytes.dropLast(), as: "short.lmw")
        expectFailure(
            try run(weights: short),
            short + ": truncated in the values of output.weight: expected 160 bytes at offset "
                + "\(bytes.count - 160), found 159")
    }

    @Test func `weights that are not finite fail before any text`() throws {
        let damaged = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos)) {
            $0["layers.0.ffn_norm.weight"]![0] = .nan
            $0["layers.0.feed_forward.w2.weight"]![0] = 1
        }
        expectFailure(
            try run(weights: damaged.weightsPath),
            "the logits at position 1 are not finite: the weights are damaged")
    }

    @Test func `an error within a text begins on a new line`() throws {
        let b = model.tiny.token("b")
        let damaged = try ChainModel(ChainModel.foxStory(last: TinyTokenizer.eos)) {
            $0["tok_embeddings.weight"]![b * 264] = .nan
        }
        let result = try run(weights: damaged.weightsPath)
        #expect(result.output == "a🦊b\n")
        #expect(
            result.error
                == "Error: the logits at position 6 are not finite: the weights are damaged\n")
        #expect(result.status == 1)
    }

    @Test func `a prompt that is too long is refused`() throws {
        expectFailure(
            try run(prompt: "abb", "--seqlength", "3"),
            "the prompt has 4 tokens, but --seqlength allows only 3")
        #expect(try run(prompt: "ab", "--seqlength", "3").status == 0)
    }

    @Test(arguments: [
        ("0", "--seqlength must be at least 1, found 0"),
        ("-1", "--seqlength must be at least 1, found -1"),
        ("abc", "The value 'abc' is invalid for '--seqlength <n>'"),
        ("", "The value '' is invalid for '--seqlength <n>'"),
        ("1.5", "The value '1.5' is invalid for '--seqlength <n>'"),
        (
            "99999999999999999999",
            "The value '99999999999999999999' is invalid for '--seqlength <n>'"
        ),
    ])
    func `an invalid length is wrong usage`(length: String, message: String) throws {
        let result = try run("--seqlength", length)
        #expect(result.errorLines.first == "Error: \(message)")
        #expect(result.output == "")
        #expect(result.status == 64)
    }

    @Test(arguments: [["--nonsense"], ["-i"], ["-t"], ["-w"], ["--seqlength"], ["superfluous"]])
    func `an invalid option is wrong usage`(more: [String]) throws {
        let arguments =
            ["-t", model.tokenizerPath, "-w", model.weightsPath, "-i", "a"] + more
        let result = try CommandRunner.run(CommandRunner.executable!, arguments)
        #expect(result.error.hasPrefix("Error: "))
        #expect(result.error.contains(more[0]))
        #expect(result.output == "")
        #expect(result.status == 64)
    }
}
