// Command: llama-weights, which shows the contents of weight files and converts them.

import ArgumentParser

@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llama-weights",
        abstract: "Shows and converts Llama 2 weights.",
        discussion: """
            Reads .lmw, GGUF, llama2.c's .bin (legacy or int8) and Hugging Face's .safetensors, \
            whatever the file's name. Read on: docs/weights.md
            """,
        subcommands: [Info.self, Convert.self])
}
