// BenchResult: one line of the table. Worker and Peer make it, ResultTable prints it, and it is
// `--json`.

/// How fast one program did one test.
struct BenchResult: Codable {
    enum Unit: String, Codable {
        case bytes = "GB/s"
        case operations = "GFLOP/s"
    }

    let program: String
    /// What measured the program, where that is not the program itself: "llama-bench".
    let binding: String?
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
    /// Of the process, which ran this test only; the worker leaves it to Bench.
    var peakMegabytes: Double
    /// From the start of the process; nil if not known.
    let firstTokenMilliseconds: Double?

    init(
        program: String, binding: String? = nil, model: String, element: String, threads: Int,
        test: String, rates: [Double], unit: Unit, workPerToken: Double, limits: [Double],
        peakMegabytes: Double = 0, firstTokenMilliseconds: Double? = nil
    ) {
        (self.program, self.binding) = (program, binding)
        (self.model, self.element) = (model, element)
        (self.threads, self.test, self.rates, self.unit) = (threads, test, rates, unit)
        (self.workPerToken, self.limits) = (workPerToken, limits)
        (self.peakMegabytes, self.firstTokenMilliseconds) = (peakMegabytes, firstTokenMilliseconds)
        rate = median(rates)
        limit = median(limits)
        share = median(zip(rates, limits).map { $0 * workPerToken / 1e9 / $1 })
    }

    /// Merges rounds of the same program and test, in the order of the first round.
    static func merged(_ rounds: [BenchResult]) -> [BenchResult] {
        var groups: [[BenchResult]] = []
        for round in rounds {
            let key = [round.test, round.program, round.binding]
            let i = groups.firstIndex { [$0[0].test, $0[0].program, $0[0].binding] == key }
            if let i { groups[i].append(round) } else { groups.append([round]) }
        }
        return groups.map { group in
            let (first, firstTokens) = (group[0], group.compactMap(\.firstTokenMilliseconds))
            return BenchResult(
                program: first.program, binding: first.binding, model: first.model,
                element: first.element, threads: first.threads, test: first.test,
                rates: group.flatMap(\.rates), unit: first.unit,
                workPerToken: first.workPerToken, limits: group.flatMap(\.limits),
                peakMegabytes: group.map(\.peakMegabytes).max()!,
                firstTokenMilliseconds: firstTokens.isEmpty ? nil : median(firstTokens))
        }
    }

    /// The rate in the unit.
    var reached: Double { rate * workPerToken / 1e9 }
}

/// - Precondition: not empty.
func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
