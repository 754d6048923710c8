// Worker: measures one model with one number of threads. Bench runs it in a process of its own.

import Foundation
import Support

struct Worker {
    let name: String
    let weights: Weights
    let positions: [Int]
    let prefills: [Int]
    let repeats: Int
    /// From the start of the process to the first token, without the making of random weights.
    let firstTokenMilliseconds: Double

    /// Something to measure, and the machine's limit for it.
    private struct Test {
        let name: String
        /// Computes the tokens of one repeat; their number.
        let run: () -> Void
        let tokens: Int
        /// Bytes to read, or operations, for a token.
        let workPerToken: Double
        let unit: BenchResult.Unit
        var rates: [Double] = [], limits: [Double] = []
    }

    /// Every repeat runs all tests in turn, so that a slow moment of the machine affects all of them.
    func run() -> [BenchResult] {
        func fits(_ test: String, _ end: Int) -> Bool {
            if end <= weights.config.maxSeqLen { return true }
            printNote(
                "left out: \(test), which the model's \(weights.config.maxSeqLen) positions end")
            return false
        }
        var tests = positions.filter { fits("decode at \($0)", $0 + repeats + 1) }.map(decode)
        tests += prefills.filter { fits("prefill of \($0)", $0) }.map(prefill)
        let limits = MachineLimits(reading: weights.matrices)
        for repetition in 0...repeats {
            for i in tests.indices {
                let seconds = ContinuousClock().measure(tests[i].run).inSeconds
                let limit = tests[i].unit == .bytes ? limits.bandwidth() : limits.multiplyAdds()
                if repetition == 0 { continue }  // a warm-up
                tests[i].rates.append(Double(tests[i].tokens) / seconds)
                tests[i].limits.append(limit / 1e9)
            }
        }
        return tests.map { test in
            BenchResult(
                program: "CompactLlama", model: name,
                element: weights["output.weight"].element.rawValue, threads: ThreadCount.current,
                test: test.name, rates: test.rates, unit: test.unit,
                workPerToken: test.workPerToken, limits: test.limits,
                peakMegabytes: Double(MemoryUsage.current.peak) / 1e6,
                firstTokenMilliseconds: firstTokenMilliseconds)
        }
    }

    /// One token at a time, from `position` on. A token reads all matrices and the KV cache.
    private func decode(position: Int) -> Test {
        let model = Transformer(weights)
        _ = model(tokens(position), startPos: 0)
        let config = weights.config
        let steps = min(8, max(1, (config.maxSeqLen - position) / (repeats + 1)))
        var next = position
        let cached = position + steps * (repeats + 2) / 2  // on average
        let cacheBytes = 2 * config.nLayers * config.nKvHeads * config.headSize * cached * 4
        let matrixBytes = weights.matrices.reduce(0) { $0 + $1.element.byteCount($1.shape.count) }
        return Test(
            name: "decode at \(position)",
            run: {
                for _ in 0..<steps {
                    _ = model([3], startPos: next)
                    next += 1
                }
            }, tokens: steps, workPerToken: Double(matrixBytes + cacheBytes), unit: .bytes)
    }

    /// `count` tokens as one sequence. A multiplication and an addition are two operations.
    private func prefill(count: Int) -> Test {
        let model = Transformer(weights)
        let prompt = tokens(count)
        let run = { _ = model(prompt, startPos: 0) }
        let before = MatmulWork.sinceStart.products
        run()
        let products = MatmulWork.sinceStart.products - before
        return Test(
            name: "prefill of \(count)", run: run, tokens: count,
            workPerToken: 2 * Double(products) / Double(count), unit: .operations)
    }

    private func tokens(_ count: Int) -> [Int] {
        (0..<count).map { 1 + $0 * 7919 % (weights.config.vocabSize - 1) }
    }
}
