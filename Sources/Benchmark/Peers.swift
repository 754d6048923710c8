// Peers: other programs on the same weights, measured by Benchmarks/peers.py.

import ArgumentParser
import Foundation
import Support
import Synchronization

struct Peers {
    /// A Python that has the packages of Benchmarks/requirements.txt, or some of them.
    let python: String
    private let script: String

    /// - Throws: `PeersError` if there is no Benchmarks/peers.py in a folder above the program or the
    ///   working directory.
    init(python: String) throws {
        guard let folder = folderAbove(holding: "Benchmarks/peers.py") else {
            throw PeersError.noScript
        }
        (self.python, script) = (python, folder + "/Benchmarks/peers.py")
    }

    /// What the other programs make of the tests that CompactLlama has just been measured with.
    /// - Parameters:
    ///   - weights: a file of llama2.c's legacy format.
    ///   - programs: by name; nil for all that are installed.
    func measure(
        weights: String, beside own: [TestResult], repeats: Int, programs: [String]?
    ) throws -> [TestResult] {
        struct Peer: Decodable {
            let program: String, test: String
            let rates: [Double]
            let peakMegabytes: Double
        }
        func numbers(_ kind: String) -> [String] {
            own.map(\.test).filter { $0.hasPrefix(kind) }.compactMap {
                $0.split(separator: " ").last
            }
            .flatMap { ["--" + (kind == "decode" ? "position" : "prefill"), String($0)] }
        }
        guard let first = own.first else { return [] }
        let output = try Child.output(
            of: URL(fileURLWithPath: "/usr/bin/env"),
            [python, script, "--weights", weights, "--element", first.element]
                + ["--threads", "\(first.threads)", "--repeats", "\(repeats)"]
                + numbers("decode") + numbers("prefill")
                + (programs ?? []).flatMap { ["--program", $0] })
        return try JSONDecoder().decode([Peer].self, from: output).compactMap { peer in
            own.first { $0.test == peer.test }.map { own in
                TestResult(
                    program: peer.program, model: own.model, element: own.element,
                    threads: own.threads, test: own.test, rates: peer.rates, unit: own.unit,
                    workPerToken: own.workPerToken, limits: peer.rates.map { _ in own.limit },
                    peakMegabytes: peer.peakMegabytes, firstTokenMilliseconds: nil)
            }
        }
    }
}

enum PeersError: Error, CustomStringConvertible {
    case noScript
    case unsayable(String)
    case ended(_ program: String, signal: Int32)

    var description: String {
        switch self {
        case .noScript:
            "no Benchmarks/peers.py in a folder above the program or the working directory"
        case .unsayable(let setting):
            "\(setting): other programs are given llama2.c's format, which cannot say that"
        case .ended(let program, let signal):
            "\(program), which measured, was ended by signal \(signal) (9: out of memory, perhaps)"
        }
    }
}

/// A process that measures.
enum Child {
    private static let id = Atomic<Int32>(0)

    /// What a program writes to standard output.
    /// - Throws: its exit code if that is not 0, when it has said why; `PeersError` if it was ended.
    static func output(of program: URL, _ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        id.store(process.processIdentifier, ordering: .relaxed)
        defer { id.store(0, ordering: .relaxed) }
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let status = process.terminationStatus
        if process.terminationReason == .uncaughtSignal {
            throw PeersError.ended(program.lastPathComponent, signal: status)
        }
        guard status == 0 else { throw ExitCode(status) }
        return data
    }

    /// Ctrl-C ends the process that measures, and this one cleans up after it.
    static func endOnInterrupt() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let id = Child.id.load(ordering: .relaxed)
                if id > 0 { kill(id, SIGTERM) } else { _exit(128 + number) }
            }
        }
    }
}
