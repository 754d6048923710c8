// PeerRun: the options of llama-bench and run.c for a test, and the speeds in their output. Peer
// uses it.

import Foundation

enum PeerRun {
    static func llamaBench(_ test: BenchTest, threads: Int, repeats: Int) -> [String] {
        let isDecode = test.kind == .decode
        return ["-t", "\(threads)", "-r", "\(repeats)", "-ngl", "0", "-o", "json"]
            + ["-p", isDecode ? "0" : "\(test.count)", "-n", isDecode ? "\(BenchTest.steps)" : "0"]
            + ["-d", isDecode ? "\(test.count)" : "0"]
    }

    static func llamaBenchRates(_ json: Data) -> [Double]? {
        let runs = try? JSONSerialization.jsonObject(with: json) as? [[String: Any]]
        return runs?.first?["samples_ts"] as? [Double]
    }

    /// A prompt as long as the text, so that no token is drawn and none can end the text.
    static func run(_ test: BenchTest, repeats: Int) -> [String] {
        let steps = steps(test, repeats)
        return ["-n", "\(steps)", "-t", "0", "-i", String(repeating: "a", count: steps)]
    }

    /// run.c reports one speed for the whole text, but writes every token at once: byte `k` follows
    /// position `k + 1`, and a newline ends the text. The first repeat is a warm-up.
    /// - Returns: nil if the text is shorter.
    static func runRates(_ test: BenchTest, repeats: Int, times: [UInt64]) -> [Double]? {
        guard times.count == steps(test, repeats) else { return nil }
        let durations = (1...repeats).map { i in
            let start = test.count + BenchTest.steps * i - 2
            return times[start + BenchTest.steps] - times[start]
        }
        // the tokens of a small model may arrive together: then only the mean of all repeats counts
        let total = durations.reduce(0, +)
        guard total > 0 else { return nil }
        let mean = Double(BenchTest.steps * repeats) * 1e9 / Double(total)
        return durations.map { nanoseconds in
            durations.contains(0) ? mean : Double(BenchTest.steps) * 1e9 / Double(nanoseconds)
        }
    }

    private static func steps(_ test: BenchTest, _ repeats: Int) -> Int {
        test.count + BenchTest.steps * (repeats + 1)
    }
}
