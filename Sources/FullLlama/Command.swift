// Command: full-llama and its two subcommands. `full-llama -i …` means `full-llama generate -i …`.

import ArgumentParser

@main
struct Command: ParsableCommand {
    // no help flags here, so that `full-llama --help` prints the help of `generate`
    static let configuration = CommandConfiguration(
        commandName: "full-llama", abstract: "Experiments with a Llama 2 model.",
        subcommands: [Generate.self, Bench.self], defaultSubcommand: Generate.self, helpNames: [])
}
