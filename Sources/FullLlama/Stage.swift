// Stage: reports the computations in FullLlama.swift to observers: timer, trace, log and progress.
// Without observers a stage costs one check.

import Support

/// The path of a stage in the model: "layers.0.attention", "norm".
struct StagePath: CustomStringConvertible {
    /// "layers.0", for a stage inside that layer.
    let layer: String?
    let name: String
    /// Whether the stage has a duration. Recorded results have none.
    var isTimed = true

    var description: String { layer.map { "\($0).\(name)" } ?? name }
}

/// Called at the beginning and the end of every stage.
protocol StageObserver: AnyObject {
    /// Whether it needs norm and logits at all positions of a call, not only at the last one.
    var wantsEveryPosition: Bool { get }
    func begin(_ path: StagePath, at positions: Range<Int>)
    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>)
}

extension StageObserver {
    var wantsEveryPosition: Bool { false }
    func begin(_ path: StagePath, at positions: Range<Int>) {}
}

/// One computation: begins when it is created, ends with its result.
struct Stage {
    private let run = StagedRun.current

    init(_ name: String) { run?.begin(name) }

    /// The outermost stage: one call of the model with the tokens at these positions.
    init(_ name: String, _ positions: Range<Int>) {
        run?.last = positions.upperBound - 1
        run?.positions = positions
        run?.begin(name)
    }

    /// Begins a chunk: the tokens at these positions go through all layers.
    static func begin(chunk positions: Range<Int>) { StagedRun.current?.positions = positions }

    /// Calls `body` with all rows of the chunk except the call's last one, some at a time, if an
    /// observer needs norm and logits at all positions. The model itself computes them for the
    /// call's last row only.
    static func endChunk(_ body: (_ rows: Range<Int>) -> Void) { StagedRun.current?.endChunk(body) }

    /// Reports the stage's result, and returns it.
    func end(_ value: Tensor) -> Tensor {
        run?.end(value)
        return value
    }

    /// Reports the result under a second name too.
    func end(_ name: String, _ value: Tensor) -> Tensor {
        Stage.record(name, value)
        return end(value)
    }

    /// Reports a result without a duration, and returns it.
    @discardableResult
    static func record(_ name: String, _ value: Tensor) -> Tensor {
        StagedRun.current?.begin(name, isTimed: false)
        StagedRun.current?.end(value)
        return value
    }
}

/// A run of the model with observers. It tracks the open stages.
final class StagedRun: @unchecked Sendable {
    @TaskLocal fileprivate static var current: StagedRun?

    private let observers: [any StageObserver]
    private var open: [StagePath] = []
    /// The positions of the current chunk, and the last position of the call.
    fileprivate var positions = 0..<0
    fileprivate var last = 0

    private init(_ observers: [any StageObserver]) { self.observers = observers }

    /// Runs `body`, and calls the observers at every stage.
    static func observed<Result>(
        by observers: [any StageObserver], _ body: () throws -> Result
    ) rethrows -> Result {
        try $current.withValue(observers.isEmpty ? nil : StagedRun(observers), operation: body)
    }

    fileprivate func begin(_ name: String, isTimed: Bool = true) {
        // the outermost stage is the transformer, the second a layer
        let layer = open.count > 1 ? open[1].name : nil
        let path = StagePath(layer: layer, name: name, isTimed: isTimed)
        open.append(path)
        for observer in observers { observer.begin(path, at: positions) }
    }

    fileprivate func end(_ value: Tensor) {
        let path = open.removeLast()
        for observer in observers { observer.end(path, value, at: positions) }
    }

    fileprivate func endChunk(_ body: (Range<Int>) -> Void) {
        guard observers.contains(where: \.wantsEveryPosition) else { return }
        let chunk = positions
        let (first, end) = (chunk.lowerBound, min(chunk.upperBound, last))
        for start in stride(from: first, to: end, by: 64) {  // 8 MB for 32,000 logits each
            positions = start..<min(start + 64, end)
            body(start - first..<positions.upperBound - first)
        }
        positions = chunk
    }
}
