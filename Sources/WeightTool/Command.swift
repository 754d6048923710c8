// Command: llama-weights, the program that shows what is in weight files and converts them.

import ArgumentParser

@main
struct Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llama-weights",
        abstract: "Looks into files of Llama 2 weights and converts them.",
        discussion: """
            Reads .lmw files, GGUF files, legacy .bin files of llama2.c, and Hugging Face's \
            .safetensors (a file, an index, or the folder). For PyTorch's files there is Training/convert.py.
            """,
        subcommands: [Info.self, Convert.self])
}
