// Worker: measures one model with one number of threads, in a process of its own.

import Foundation
import Support

/// One line of the table.
struct Measurement: Codable {
    var model: String
    var element: String
    var threads: Int
    /// "decode at 256" or "prefill of 64".
    var test: String
    /// Tokens per second: the median, the slowest and the fastest repeat.
    var rate: Double, slowest: Double, fastest: Double
    /// Of weights and cache read, for decode; of operations, for prefill.
    var gigabytesPerSecond: Double?, gigaflops: Double?
    /// The machine's limit in the same unit, measured in the same process.
    var limit: Double
    var peakMegabytes: Double

    /// The share of the limit that was reached.
    var share: Double { (gigabytesPerSecond ?? gigaflops ?? 0) / limit }
}

struct Worker {
    let name: String
    let weights: Weights
    let element: ElementType
    let positions: [Int]
    let prefills: [Int]
    let repeats: Int
    private let clock = ContinuousClock()

    func run() -> [Measurement] {
        let model = Transformer(weights)
        let config = weights.config
        let tokens = { (count: Int) in (0..<count).map { 1 + $0 * 7919 % (config.vocabSize - 1) } }
        var results: [Measurement] = []
        let kvDim = config.nKvHeads * config.headSize

        let bandwidth = MachineLimits.readBandwidth(bytes: weights.bytesPerToken) / 1e9
        for position in positions where position < config.maxSeqLen {
            model.forget(room: 0)
            for start in stride(from: 0, to: position, by: 256) {
                _ = model(tokens(min(256, position - start)), startPos: start)
            }
            var next = position
            let steps = min(8, max(1, (config.maxSeqLen - position) / (repeats + 1)))
            let rates = rates(amount: Double(steps)) {
                for _ in 0..<steps {
                    _ = model([3], startPos: next)
                    next += 1
                }
            }
            let bytes = weights.bytesPerToken + 2 * config.nLayers * kvDim * position * 4
            results.append(
                measurement("decode at \(position)", rates, limit: bandwidth) {
                    $0.gigabytesPerSecond = $0.rate * Double(bytes) / 1e9
                })
        }

        let peak = MachineLimits.multiplyAddPeak() / 1e9
        for count in prefills where count <= config.maxSeqLen {
            let before = MatmulWork.sinceStart.products
            let rates = rates(amount: Double(count)) {
                model.forget(room: 0)
                _ = model(tokens(count), startPos: 0)
            }
            let products = (MatmulWork.sinceStart.products - before) / (repeats + 1)
            results.append(
                measurement("prefill of \(count)", rates, limit: peak) {
                    $0.gigaflops = $0.rate / Double(count) * 2 * Double(products) / 1e9
                })
        }
        return results
    }

    /// How much per second, sorted; after one run to warm up.
    private func rates(amount: Double, _ body: () -> Void) -> [Double] {
        body()
        return (0..<repeats).map { _ in amount / (clock.measure(body) / .seconds(1)) }.sorted()
    }

    private func measurement(
        _ test: String, _ rates: [Double], limit: Double, _ fill: (inout Measurement) -> Void
    ) -> Measurement {
        var result = Measurement(
            model: name, element: element.rawValue, threads: ThreadCount.current, test: test,
            rate: rates[rates.count / 2], slowest: rates.first!, fastest: rates.last!,
            limit: limit, peakMegabytes: Double(Memory.now.peak) / 1e6)
        fill(&result)
        return result
    }
}
