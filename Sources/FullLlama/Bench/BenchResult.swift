// BenchResult: one line of the table. Worker and Peers make it, ResultTable prints it, and it is
// `--json`.

/// How fast one program did one test.
struct BenchResult: Codable {
    enum Unit: String, Codable {
        case bytes = "GB/s"
        case operations = "GFLOP/s"
    }

    let program: String
    let model: String
    let element: String
    let threads: Int
    /// "decode at 256" or "prefill of 64".
    let test: String
    /// Tokens per second in every repeat, and their median.
    let rates: [Double], rate: Double
    let unit: Unit
    /// Bytes to read (weights and KV cache), or operations, for one token.
    let workPerToken: Double
    /// The machine's limit in the unit, measured next to every repeat; for other programs, its
    /// median. `share` is the median share of the limit.
    let limits: [Double], limit: Double, share: Double
    let peakMegabytes: Double
    /// From the start of the process; nil if not known.
    let firstTokenMilliseconds: Double?

    init(
        program: String, model: String, element: String, threads: Int, test: String,
        rates: [Double], unit: Unit, workPerToken: Double, limits: [Double],
        peakMegabytes: Double, firstTokenMilliseconds: Double?
    ) {
        (self.program, self.model, self.element) = (program, model, element)
        (self.threads, self.test, self.rates, self.unit) = (threads, test, rates, unit)
        (self.workPerToken, self.limits) = (workPerToken, limits)
        (self.peakMegabytes, self.firstTokenMilliseconds) = (peakMegabytes, firstTokenMilliseconds)
        rate = median(rates)
        limit = median(limits)
        share = median(zip(rates, limits).map { $0 * workPerToken / 1e9 / $1 })
    }

    /// Merges rounds of the same program and test, in the order of the first round.
    static func merged(_ rounds: [BenchResult]) -> [BenchResult] {
        let key = { (result: BenchResult) in result.test + " by " + result.program }
        let groups = Dictionary(grouping: rounds, by: key)
        var order: [String] = []
        for name in rounds.map(key) where !order.contains(name) { order.append(name) }
        return order.map { key in
            let (group, first) = (groups[key]!, groups[key]![0])
            return BenchResult(
                program: first.program, model: first.model, element: first.element,
                threads: first.threads, test: first.test, rates: group.flatMap(\.rates),
                unit: first.unit, workPerToken: first.workPerToken, limits: group.flatMap(\.limits),
                peakMegabytes: group.map(\.peakMegabytes).max()!,
                firstTokenMilliseconds: first.firstTokenMilliseconds.map { _ in
                    median(group.compactMap(\.firstTokenMilliseconds))
                })
        }
    }

    /// The rate in the unit.
    var reached: Double { rate * workPerToken / 1e9 }
}

/// - Precondition: not empty.
func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
