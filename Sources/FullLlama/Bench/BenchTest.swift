// BenchTest: what one process measures. Bench makes it from the options, Worker and Peer run it.

struct BenchTest: Equatable {
    enum Kind { case decode, prefill }

    /// Tokens in one repeat of decode.
    static let steps = 8

    let kind: Kind
    /// The position of the first token of decode, or the length of the prompt.
    let count: Int

    init(_ kind: Kind, _ count: Int) { (self.kind, self.count) = (kind, count) }

    var name: String { kind == .decode ? "decode at \(count)" : "prefill of \(count)" }

    /// The options of a worker, and of Benchmarks/peers.py.
    var options: [String] { [kind == .decode ? "--position" : "--prefill", "\(count)"] }
}
