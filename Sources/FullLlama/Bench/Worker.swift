// Worker: runs one test on one model with one number of threads. Bench runs it in a process of its
// own.

import Foundation
import Support

struct Worker {
    let name: String
    let weights: Weights
    let test: BenchTest
    let repeats: Int
    /// From the start of the process to the first token, without the making of random weights.
    let firstTokenMilliseconds: Double

    /// Runs the test once to warm up, then `repeats` times, and measures the machine's limit next to
    /// every repeat.
    /// - Returns: nil if the model has too few positions.
    func run() -> BenchResult? {
        let isDecode = test.kind == .decode
        let capacity = weights.config.maxSeqLen
        guard test.count + (isDecode ? repeats + 1 : 0) <= capacity else {
            printNote("left out: \(test.name), because the model ends at position \(capacity)")
            return nil
        }
        let run =
            isDecode
            ? decode() : { [model = Transformer(weights)] in _ = model(prompt, startPos: 0) }
        let products = MatmulWork.sinceStart.products
        run()
        let operations = 2 * Double(MatmulWork.sinceStart.products - products)

        let limits = MachineLimits(reading: weights.matrices)
        var (measuredRates, measuredLimits): ([Double], [Double]) = ([], [])
        for _ in 0..<repeats {
            let seconds = ContinuousClock().measure(run).inSeconds
            let limit = isDecode ? limits.bandwidth() : limits.multiplyAdds()
            measuredRates.append(Double(isDecode ? steps : test.count) / seconds)
            measuredLimits.append(limit / 1e9)
        }
        return BenchResult(
            program: "CompactLlama", model: name,
            element: weights["output.weight"].element.rawValue, threads: ThreadCount.current,
            test: test.name, rates: measuredRates, unit: isDecode ? .bytes : .operations,
            workPerToken: isDecode ? bytesPerToken : operations / Double(test.count),
            limits: measuredLimits, firstTokenMilliseconds: firstTokenMilliseconds)
    }

    /// One token at a time; the next repeat continues where the last one ended.
    private func decode() -> () -> Void {
        let model = Transformer(weights)
        _ = model(prompt, startPos: 0)
        var next = test.count
        return {
            for _ in 0..<steps {
                _ = model([3], startPos: next)
                next += 1
            }
        }
    }

    private var prompt: [Int] {
        (0..<test.count).map { 1 + $0 * 7919 % (weights.config.vocabSize - 1) }
    }

    /// Tokens in one repeat of decode: fewer where the model's positions end.
    private var steps: Int {
        min(BenchTest.steps, max(1, (weights.config.maxSeqLen - test.count) / (repeats + 1)))
    }

    /// A token of decode reads all matrices and the KV cache, whose length is an average here.
    private var bytesPerToken: Double {
        let config = weights.config
        let cached = test.count + steps * (repeats + 2) / 2
        let cacheBytes = 2 * config.nLayers * config.nKvHeads * config.headSize * cached * 4
        let matrixBytes = weights.matrices.reduce(0) { $0 + $1.element.byteCount($1.shape.count) }
        return Double(matrixBytes + cacheBytes)
    }
}
