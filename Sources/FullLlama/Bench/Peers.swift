// Peers: measures other programs on the same weights with Benchmarks/peers.py, for `--peers`.

import Foundation
import Support

struct Peers {
    /// A Python with some or all packages of Benchmarks/requirements.txt.
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

    /// Measures the other programs with the tests that CompactLlama has just been measured with.
    /// - Parameters:
    ///   - weights: a file of llama2.c's legacy format.
    ///   - programs: by name; nil for all that are installed.
    func measure(
        weights: String, nextTo own: [BenchResult], repeats: Int, programs: [String]?
    ) throws -> [BenchResult] {
        struct Peer: Decodable {
            let program: String, test: String
            let rates: [Double]
            let peakMegabytes: Double
        }
        func options(_ name: String, for kind: String) -> [String] {
            own.map(\.test).filter { $0.hasPrefix(kind) }
                .compactMap { $0.split(separator: " ").last }.flatMap { [name, String($0)] }
        }
        guard let first = own.first else { return [] }
        let output = try WorkerProcess.output(
            of: URL(fileURLWithPath: "/usr/bin/env"),
            [python, script, "--weights", weights, "--element", first.element]
                + ["--threads", "\(first.threads)", "--repeats", "\(repeats)"]
                + options("--position", for: "decode") + options("--prefill", for: "prefill")
                + (programs ?? []).flatMap { ["--program", $0] })
        return try JSONDecoder().decode([Peer].self, from: output).compactMap { peer in
            own.first { $0.test == peer.test }.map { own in
                BenchResult(
                    program: peer.program, model: own.model, element: own.element,
                    threads: own.threads, test: own.test, rates: peer.rates, unit: own.unit,
                    workPerToken: own.workPerToken, limits: peer.rates.map { _ in own.limit },
                    peakMegabytes: peer.peakMegabytes, firstTokenMilliseconds: nil)
            }
        }
    }
}

/// Why the other programs cannot be measured.
enum PeersError: Error, CustomStringConvertible {
    case noScript

    var description: String {
        switch self {
        case .noScript:
            "no Benchmarks/peers.py in a folder above the program or the working directory"
        }
    }
}
