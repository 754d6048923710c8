// Command: full-llama and its two subcommands. `full-llama -i …` is `full-llama generate -i …`.

import ArgumentParser

@main
struct Command: ParsableCommand {
    // without help flags of its own, `full-llama --help` is the help of `generate`
    static let configuration = CommandConfiguration(
        commandName: "full-llama", abstract: "Experiments with a Llama 2 model.",
        subcommands: [Generate.self, Bench.self], defaultSubcommand: Generate.self, helpNames: [])
}
