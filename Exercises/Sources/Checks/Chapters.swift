// Chapters: the exercises of the course, with their stubs. Command runs one of them.

import Support

struct Chapter {
    let number: Int, title: String
    let checks: (Model) -> [Check]

    static var all: [Chapter] {
        let cache = Chapter4(heads: 1, headSize: 1)
        return [
            Chapter(number: 1, title: "tokens and embeddings", checks: Chapter1().checks),
            Chapter(number: 2, title: "attention", checks: Chapter2().checks),
            Chapter(number: 3, title: "RoPE", checks: Chapter3().checks),
            Chapter(number: 4, title: "the KV cache", checks: cache.checks),
            Chapter(number: 5, title: "a layer", checks: Chapter5().checks),
            Chapter(number: 6, title: "sampling", checks: Chapter6().checks),
        ]
    }

    /// Runs the checks, and prints a line for each.
    /// - Parameter print: writes at once: a wrong shape in an operator ends the program, and the
    ///   name of the check must be on the screen then.
    /// - Returns: whether all pass.
    func run(_ model: Model, print: (String) throws -> Void) throws -> Bool {
        try print("Chapter \(number): \(title)\n")
        let checks = checks(model)
        var differing: [Check] = []
        for check in checks {
            try print("  \(check.name): ")
            let difference = check.difference()
            try print("\(difference ?? "ok")\n")
            if difference != nil { differing.append(check) }
        }
        try print("\(checks.count - differing.count) of \(checks.count) checks pass.\n")
        guard let first = differing.first else { return true }
        try print(
            "The first that differs: \(first.name). "
                + "Your turn in Exercises/Sources/Stubs/Chapter\(number).swift\n")
        return false
    }
}
