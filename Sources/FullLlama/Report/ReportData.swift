// ReportData: what the report's script reads, as JSON. Numbers of many values are bytes of one block
// that follows the JSON; a `Place` says where.

import Foundation
import Support

/// Bytes in the block.
struct Place: Encodable {
    let offset: Int, count: Int
}

struct ReportData: Encodable {
    struct Model: Encodable {
        let file: String, elements: [String]
        let dim: Int, hidden: Int, layers: Int, heads: Int, kvHeads: Int, headSize: Int
        let vocabSize: Int, maxSeqLen: Int, ropeTheta: Float, normEps: Float, parameters: Int
    }

    struct Run: Encodable {
        let command: String, cache: String, mask: String, temperature: Float, topP: Float
        let threads: Int
    }

    struct Step: Encodable {
        let name: String, line: Int, stage: String?, axes: String, text: String
        /// "first", "layer" or "last".
        let part: String
    }

    struct Stage: Encodable {
        /// The sizes of the axes; "seq" for the tokens that went through the model together.
        let shape: [String]
        let kept: KeptValues
        let layers: [Place]
    }

    struct Attention: Encodable {
        let bits: Int, span: Float
        /// The number of shares in every row, if not all.
        let limit: Int?
        let layers: [Place]
    }

    struct Time: Encodable {
        let depth: Int, name: String, calls: Int, seconds: Double, operations: Double, bytes: Double
    }

    struct Memory: Encodable {
        let name: String, bytes: Int
    }

    struct Comparison: Encodable {
        struct Difference: Encodable { let stage: String, worst: Double, position: Int }
        let file: String, tolerance: Double
        let differences: [Difference]
        /// The differences of every stage at every position, stage by stage; NaN where the trace
        /// has no record.
        let values: Place
        /// The other run's tokens; nil where no embedding of this model is close.
        let tokens: [Int?]
    }

    var model: Model
    var run: Run
    let lesson: [String]
    let steps: [Step]
    let tokens: [Int], generated: [Bool], chunks: [[Int]]
    let positions: Int
    var vocabulary: [String: String] = [:]
    let stages: [String: Stage]
    let attention: Attention
    let lens: [Place]
    let candidates: Place
    let prefill: [Time], decode: [Time]
    let weights: [Memory]
    let cacheBytes: Int, peakBytes: Int
    let comparison: Comparison?
}

extension ReportData.Step {
    /// The steps with the numbers of their lines in the lesson, from 1.
    static func all(in lesson: [String]) -> [ReportData.Step] {
        [("first", LessonStep.first), ("layer", LessonStep.layer), ("last", LessonStep.last)]
            .flatMap { part, steps in
                steps.map { step in
                    let line = lesson.firstIndex { $0.contains(step.line) }!
                    return ReportData.Step(
                        name: step.name, line: line + 1, stage: step.stage, axes: step.axes,
                        text: step.text, part: part)
                }
            }
    }
}

extension ReportData.Time {
    static func rows(_ timer: StageTimer) -> [ReportData.Time] {
        timer.rows.map { row in
            ReportData.Time(
                depth: row.depth, name: row.name, calls: row.calls, seconds: row.seconds,
                operations: row.operations, bytes: row.bytes)
        }
    }
}

extension ReportData {
    /// The weights, by kind.
    static func tensors(of model: Transformer) -> [(kind: String, tensors: [Tensor])] {
        let layers = model.layers
        let norms = layers.flatMap { [$0.attentionNorm.weight, $0.ffnNorm.weight] }
        return [
            ("embedding", [model.tokEmbeddings]),
            ("wq", layers.map(\.attention.wq.weight)), ("wk", layers.map(\.attention.wk.weight)),
            ("wv", layers.map(\.attention.wv.weight)), ("wo", layers.map(\.attention.wo.weight)),
            ("w1", layers.map(\.feedForward.w1.weight)),
            ("w3", layers.map(\.feedForward.w3.weight)),
            ("w2", layers.map(\.feedForward.w2.weight)),
            ("norms", norms + [model.norm.weight]), ("logits", [model.output.weight]),
        ]
    }
}

extension ReportData.Memory {
    static func weights(of model: Transformer) -> [ReportData.Memory] {
        ReportData.tensors(of: model).map { kind, tensors in
            ReportData.Memory(
                name: kind,
                bytes: tensors.reduce(0) { $0 + $1.element.byteCount($1.shape.count) })
        }
    }
}
