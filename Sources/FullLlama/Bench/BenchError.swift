// BenchError: why Bench cannot measure a program.

enum BenchError: Error, CustomStringConvertible {
    case notStarted(_ program: String, _ reason: String)
    case ended(_ program: String, signal: Int32)
    case unknownProgram(_ path: String)
    case noScript(_ name: String)
    case noPackages(_ python: String)
    case output(_ path: String, _ test: String)

    var description: String {
        switch self {
        case .notStarted(let program, let reason):
            "\(program.printable): cannot be started: \(reason)"
        case .ended(let program, let signal):
            "\(program.printable) was ended by signal \(signal) (9: out of memory, perhaps)"
        case .unknownProgram(let path):
            "\(path.printable): expected llama.cpp's llama-bench, llama2.c's run or a Python"
        case .noScript(let name):
            "no Benchmarks/\(name) in a folder above the program or the working directory"
        case .noPackages(let python):
            "\(python.printable): it has neither numpy nor llama-cpp-python"
        case .output(let path, let test): "\(path.printable): no speed of every repeat of \(test)"
        }
    }
}
