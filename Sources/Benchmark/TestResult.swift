// TestResult: one line of the table, as it goes from worker to table and into JSON.

/// How fast one program did one test.
struct TestResult: Codable {
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
    /// Bytes to read (weights and cache) or operations, of one token.
    let workPerToken: Double
    /// The machine's limit beside every repeat, in the unit (for other programs, its median); the
    /// median share of it that was reached.
    let limits: [Double], limit: Double, share: Double
    let peakMegabytes: Double
    /// From the start of the process; nil where that is not known.
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

    /// Rounds of the same program and test as one measurement, in the order of the first round.
    static func merged(_ rounds: [TestResult]) -> [TestResult] {
        let key = { (result: TestResult) in result.test + " by " + result.program }
        let groups = Dictionary(grouping: rounds, by: key)
        var order: [String] = []
        for name in rounds.map(key) where !order.contains(name) { order.append(name) }
        return order.map { key in
            let (group, first) = (groups[key]!, groups[key]![0])
            return TestResult(
                program: first.program, model: first.model, element: first.element,
                threads: first.threads, test: first.test, rates: group.flatMap(\.rates),
                unit: first.unit, workPerToken: first.workPerToken, limits: group.flatMap(\.limits),
                peakMegabytes: group.map(\.peakMegabytes).max()!,
                firstTokenMilliseconds: first.firstTokenMilliseconds.map { _ in
                    median(group.compactMap(\.firstTokenMilliseconds))
                })
        }
    }

    /// What was reached, in the unit.
    var reached: Double { rate * workPerToken / 1e9 }
}

/// - Precondition: not empty.
func median(_ numbers: [Double]) -> Double { numbers.sorted()[numbers.count / 2] }
