// Stage: how the layers say what they are doing, and who may listen. Nobody listening costs one look.

import Support

/// Someone who watches a run. Names are paths: "layers.0.attention", "layers.0.attention_norm".
protocol StageObserver: AnyObject {
    /// Whether the last stages are wanted for all positions of a call, not just for the last one.
    var wantsEveryPosition: Bool { get }
    /// Whether it may be left out of the next pass through the model.
    var isIdle: Bool { get }
    /// A prompt is about to be read in so many passes, or has been read.
    func beginPrompt(passes: Int)
    func endPrompt()
    func begin(_ path: String)
    func end(_ path: String, _ value: Tensor, at positions: Range<Int>)
}

extension StageObserver {
    var wantsEveryPosition: Bool { false }
    var isIdle: Bool { false }
    func beginPrompt(passes: Int) {}
    func endPrompt() {}
    func begin(_ path: String) {}
}

/// The stages under way in one run, and its observers.
final class Stages: @unchecked Sendable {
    @TaskLocal static var current: Stages?

    private let observers: [any StageObserver]
    /// Those who watch this pass.
    private var watching: [any StageObserver] = []
    private var paths: [String] = []
    private var positions = 0..<0

    init(_ observers: [any StageObserver]) { self.observers = observers }

    /// Runs `body` under the eyes of `observers`.
    static func observed<Result>(
        by observers: [any StageObserver], _ body: () throws -> Result
    ) rethrows -> Result {
        try $current.withValue(observers.isEmpty ? nil : Stages(observers), operation: body)
    }

    func beginPrompt(passes: Int) {
        for observer in observers { observer.beginPrompt(passes: passes) }
    }

    func endPrompt() {
        for observer in observers { observer.endPrompt() }
    }

    private func path(_ name: String) -> String {
        // under the transformer stand the layers, and names in a layer are said from there on
        paths.count > 1 ? "\(paths[1]).\(name)" : name
    }

    fileprivate func beginPass(_ name: String, _ positions: Range<Int>) {
        self.positions = positions
        watching = observers.filter { !$0.isIdle }
        begin(name)
    }

    fileprivate func begin(_ name: String) {
        if watching.isEmpty { return }
        let path = path(name)
        paths.append(path)
        for observer in watching { observer.begin(path) }
    }

    fileprivate func end(_ value: Tensor) {
        if watching.isEmpty { return }
        let path = paths.removeLast()
        for observer in watching { observer.end(path, value, at: positions) }
    }

    fileprivate func note(_ name: String, _ value: Tensor) {
        begin(name)
        end(value)
    }

    fileprivate func atEarlierPositions(_ body: (Int) -> Void) {
        guard watching.contains(where: \.wantsEveryPosition) else { return }
        let all = positions
        for (row, position) in all.dropLast().enumerated() {
            positions = position..<position + 1
            body(row)
        }
        positions = all
    }
}

/// One layer at work, from its announcement to its result.
struct Stage {
    private let stages = Stages.current

    init(_ name: String) { stages?.begin(name) }

    /// The outermost stage: the tokens at these positions go through the whole model.
    init(_ name: String, _ positions: Range<Int>) {
        stages?.beginPass(name, positions)
    }

    /// Hands on the stage's result.
    func end(_ value: Tensor) -> Tensor {
        stages?.end(value)
        return value
    }

    /// Notes the result under a name of its own first.
    func end(_ name: String, _ value: Tensor) -> Tensor {
        stages?.note(name, value)
        return end(value)
    }

    /// A result that needs no time of its own.
    static func note(_ name: String, _ value: Tensor) {
        Stages.current?.note(name, value)
    }

    /// Calls `body` for the rows whose last stages are not needed, if an observer wants to see them.
    static func atEarlierPositions(_ body: (_ row: Int) -> Void) {
        Stages.current?.atEarlierPositions(body)
    }
}
