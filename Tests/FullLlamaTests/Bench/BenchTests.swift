// Bench: results computed from measurements, and whole runs of `full-llama bench`.

import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import FullLlama

@Suite struct BenchTests {
    private func result(
        _ program: String, _ rates: [Double], _ limits: [Double], first: Double? = nil
    ) -> BenchResult {
        BenchResult(
            program: program, model: "15M", element: "F32", threads: 1, test: "decode at 16",
            rates: rates, unit: .bytes, workPerToken: 1e8, limits: limits, peakMegabytes: 10,
            firstTokenMilliseconds: first)
    }

    @Test func `rate and share are medians, each repeat beside its own limit`() {
        // 10, 20 and 30 GB/s; of 20, 80 and 40 that is 50, 25 and 75 %
        let one = result("CompactLlama", [100, 200, 300], [20, 80, 40])
        #expect(one.rate == 200 && one.reached == 20)
        #expect(one.limit == 40 && one.share == 0.5)
    }

    @Test func `shapes go by the stories' names, too`() {
        #expect(ModelShape.config("stories15M")?.dim == 288 && ModelShape.config("15M")?.dim == 288)
        #expect(
            ModelShape.config("stories260K")?.dim == 64
                && ModelShape.config("storiesstories") == nil)
    }

    @Test func `a program that fails or is ended is not taken for one that measured`() throws {
        func run(_ script: String) throws -> Data {
            try WorkerProcess.output(of: "sh", ["-c", script]).data
        }
        #expect(try run("echo a") == Data("a\n".utf8))
        #expect(throws: ExitCode(3)) { _ = try run("exit 3") }
        let ended = #expect(throws: BenchError.self) { _ = try run("kill -9 $$") }
        #expect("\(ended!)" == "sh was ended by signal 9 (9: out of memory, perhaps)")
        let missing = #expect(throws: BenchError.self) {
            _ = try WorkerProcess.output(of: "/missing/program", [])
        }
        #expect("\(missing!)" == "/missing/program: cannot be started: No such file or directory")
    }

    @Test func `a peer that is no program is named`() throws {
        for path in [".", "/", "/missing/program"] {
            let error = #expect(throws: BenchError.self) { try Peer.find(path) }
            #expect("\(error!)".hasPrefix("\(path): expected llama.cpp's llama-bench"))
        }
    }

    @Test func `peak memory is that of the process`() throws {
        // dd holds its block in memory; 40 MB are more than this process had when it started
        func peak(_ megabytes: Int) throws -> Double {
            try WorkerProcess.output(
                of: "dd",
                ["if=/dev/zero", "of=/dev/null", "count=1", "status=none"]
                    + ["bs=\(megabytes)000000"]
            ).peakMegabytes
        }
        let large = try peak(400)
        #expect(large > 400 && large < 420)
    }

    @Test func `an option takes several values, and can be repeated`() throws {
        let bench = try Bench.parse([
            "--prefill", "256", "1000", "--position", "16", "--prefill", "2000", "--shape", "15M",
            "42M", "--element", "F32", "BF16", "--threads", "1", "2", "--peers", "a", "b", "--json",
        ])
        #expect(bench.prefill == [256, 1000, 2000] && bench.position == [16])
        #expect(bench.shape == ["15M", "42M"] && bench.element == ["F32", "BF16"])
        #expect(bench.threads == [1, 2] && bench.peers == ["a", "b"] && bench.json)
    }

    @Test func `every shape has room for position 4096`() {
        for (name, config) in ModelShape.all { #expect(config.maxSeqLen >= 4096 + 256, "\(name)") }
    }

    @Test func `help fits a screen, and ends with a document`() throws {
        let program = try #require(CommandRunner.find("full-llama"))
        let result = try CommandRunner.run(
            program, ["bench", "--help"], environment: ["COLUMNS": "80"])
        let lines = result.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(result.status == 0 && lines.count <= 24 && lines.allSatisfy { $0.count <= 80 })
        #expect(result.output.contains("docs/speed.md.\n"))
    }

    @Test func `the table names what measured, and fits 120 columns`() {
        let row = BenchResult(
            program: "llama.cpp", binding: "llama-bench", model: "110M", element: "BF16",
            threads: 2, test: "prefill of 4000", rates: [1000, 3000], unit: .operations,
            workPerToken: 1e8, limits: [400, 400], peakMegabytes: 1234)
        let own = BenchResult(
            program: "CompactLlama", model: "110M", element: "BF16", threads: 2,
            test: "prefill of 4000", rates: [2000], unit: .operations, workPerToken: 1e8,
            limits: [400], peakMegabytes: 600, firstTokenMilliseconds: 12)
        let lines = ResultTable([own, row]).text.split(separator: "\n")
        #expect(lines.count == 3 && lines.allSatisfy { $0.count <= 120 })
        #expect(
            lines[1].hasPrefix(
                "CompactLlama               110M BF16  2        prefill of 4000  2000"))
        #expect(lines[2].contains("llama.cpp     llama-bench  110M BF16"))
        #expect(lines[2].contains("300/400 GFLOP/s  75 %   1234 MB"))
    }

    @Test func `rounds of a program become one measurement`() {
        let merged = BenchResult.merged([
            result("CompactLlama", [100], [20], first: 9), result("numpy", [10], [20]),
            result("CompactLlama", [300, 200], [40, 30], first: 11),
            result("numpy", [30], [40]),
        ])
        #expect(merged.map(\.program) == ["CompactLlama", "numpy"])
        #expect(merged[0].rates == [100, 300, 200] && merged[0].rate == 200)
        #expect(merged[0].limits == [20, 40, 30])
        #expect(merged[0].firstTokenMilliseconds == 11 && merged[1].firstTokenMilliseconds == nil)
    }

    @Test(arguments: ["F32", "F16", "BF16"])
    func `the smallest shape is measured in every format`(element: String) throws {
        let program = try #require(CommandRunner.find("full-llama"))
        let result = try CommandRunner.run(
            program,
            [
                "bench", "--shape", "stories260K", "--element", element, "--threads", "2",
                "--repeats", "2",
            ]
                + ["--position", "5", "--prefill", "7", "9", "--json"])
        #expect(result.status == 0)
        let lines = try JSONDecoder().decode([BenchResult].self, from: Data(result.output.utf8))
        #expect(lines.map(\.test) == ["decode at 5", "prefill of 7", "prefill of 9"])
        for line in lines {
            #expect(line.element == element && line.threads == 2 && line.rates.count == 2)
            #expect(line.rates.allSatisfy { $0 > 0 } && line.limits.allSatisfy { $0 > 0 })
            #expect(line.firstTokenMilliseconds! > 0 && line.peakMegabytes > 1)
        }
        // two operations for every weight of the layers, and for the classifier behind the last token
        let layer = 64 * 64 * 2 + 64 * 32 * 2 + 3 * 64 * 172
        let operations = Double(2 * (5 * layer + 512 * 64 / 7))
        #expect(abs(lines[1].workPerToken / operations - 1) < 0.05)
    }

    @Test(arguments: [
        (["--shape", "13B"], "no shape 13B"), (["--element", "Q4"], "--element must be"),
        (["--threads", "0"], "--threads must be"), (["--repeats", "0"], "--repeats must be"),
        (["--weights", "missing.bin"], "missing.bin: cannot be read"),
        (["--weights", "a.bin", "--shape", "15M"], "--weights are real"),
    ])
    func `wrong input gets one line`(arguments: [String], message: String) throws {
        let program = try #require(CommandRunner.find("full-llama"))
        let result = try CommandRunner.run(program, ["bench"] + arguments)
        #expect(result.status != 0 && result.output.isEmpty)
        #expect(result.error.contains("Error: " + message))
    }
}
