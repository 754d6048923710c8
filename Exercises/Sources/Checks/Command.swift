// Command: `exercise N` runs the checks of chapter N, prints what each found, and exits with 0 if
// all pass. `make exercise N=…` builds and runs it.

import Foundation
import Support

@main
struct Command {
    static func main() {
        let argument = CommandLine.arguments.dropFirst().first ?? ""
        let chapters = Chapter.all
        guard let number = Int(argument), chapters.indices.contains(number - 1) else {
            printNote("N: expected a chapter from 1 to \(chapters.count), found \"\(argument)\"")
            exit(64)
        }
        do {
            let allPass = try chapters[number - 1].run(Model(), print: TextOutput().write)
            exit(allPass ? 0 : 1)
        } catch {
            printNote("Error: \(error)")
            exit(1)
        }
    }
}
