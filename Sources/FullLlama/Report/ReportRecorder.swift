// ReportRecorder: collects what the report shows, as the model computes it: the values of the
// stages, attention, the logit lens, the tokens and the times. It keeps about the page's size.

import Support

/// Observes a run for the report.
final class ReportRecorder: StageObserver {
    /// The page has at most this many positions.
    static let maxPositions = 4096
    /// About how many values of a vector the page keeps, if it keeps all positions' at all: few
    /// enough for 1 MB with the included model and 128 tokens.
    static let minimumValues = 48

    private let model: Transformer
    let topP: Float, temperature: Float
    private let mask: Mask
    private let valueLimit: Int

    private(set) var tokens: [Int] = []
    /// Whether the model chose the token at this position.
    private(set) var isGenerated: [Bool] = []
    /// The positions that went through the layers together.
    private(set) var chunks: [Range<Int>] = []
    private(set) var series: [String: [TensorSeries]] = [:]
    private(set) var shapes: [String: [String]] = [:]
    private(set) var attention: AttentionRows
    private(set) var lens: LogitLens
    let prefillTimer = StageTimer(), decodeTimer = StageTimer()

    private var isPrefill = true
    private var timer: StageTimer { isPrefill ? prefillTimer : decodeTimer }
    private var open: [String] = []
    /// The scores of a layer, until its shares follow.
    private var scores: Tensor?

    /// - Parameter attentionBound: see `AttentionRows`.
    init(
        _ model: Transformer, _ sampler: Sampler, seqLength: Int, mask: Mask = .causal,
        attentionBound: Int = 6_000_000
    ) {
        (self.model, self.mask) = (model, mask)
        (topP, temperature) = (sampler.topP, sampler.temperature)
        attention = AttentionRows(layerCount: model.layers.count, bound: attentionBound)
        lens = LogitLens(model, temperature: temperature, topP: topP)
        // 16 stages of a layer; more values where the run is short, fewer where it is very long
        let vectors = 16 * model.layers.count * min(seqLength, ReportRecorder.maxPositions)
        valueLimit = max(360_000 / vectors, min(ReportRecorder.minimumValues, 4_000_000 / vectors))
    }

    // MARK: Tokens

    /// Call it with the tokens of a prompt before the model reads them.
    func begin(prompt: [Int], at startPos: Int) {
        isPrefill = true
        for (i, token) in prompt.enumerated() {
            let isKnown = startPos + i < tokens.count && tokens[startPos + i] == token
            if !isKnown {
                tokens.replaceSubrange((startPos + i)..., with: [token])
                isGenerated.replaceSubrange((startPos + i)..., with: [false])
            }
        }
    }

    func choose(_ token: Int) {
        tokens.append(token)
        isGenerated.append(true)
        isPrefill = false
        lens.computeIfFull(tokens: tokens)
    }

    /// Call it after the run.
    func finish() { lens.compute(tokens: tokens) }

    // MARK: Stages

    func begin(_ path: StagePath, at positions: Range<Int>) {
        open.append(path.name)
        timer.begin(path, at: positions)
    }

    func end(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        timer.end(path, value, at: positions)
        open.removeLast()
        timer.excluding { record(path, value, at: positions) }
    }

    private func record(_ path: StagePath, _ value: Tensor, at positions: Range<Int>) {
        if path.name == "embedding" {
            // the chunk before this one went through all layers
            lens.computeIfFull(tokens: tokens)
            let rows = add("embedding", 0, value, positions)
            if !rows.isEmpty { chunks.append(positions) }
        }
        // the lens has the stages after the layers at all positions
        guard let name = path.layer, name.hasPrefix("layers."),
            let layer = Int(name.dropFirst("layers.".count))
        else { return }
        switch path.name {
        case "scores": scores = value
        case "shares": addShares(value, layer, positions)
        case "rms": add(open.last! + ".rms", layer, value, positions)
        case "attention.wo", "feed_forward.w2": break  // equal to attention and feed_forward
        case "residual_attention", "residual_feed_forward":
            let rows = add(path.name, layer, value, positions)
            let slot = path.name == "residual_attention" ? 2 * layer : 2 * layer + 1
            if !rows.isEmpty { lens.add(value[rows].values, slot: slot) }
        default: add(path.name, layer, value, positions)
        }
    }

    /// Adds the values at new positions. A run without a KV cache repeats earlier ones.
    /// - Returns: the rows of the new positions.
    @discardableResult
    private func add(
        _ stage: String, _ layer: Int, _ value: Tensor, _ positions: Range<Int>
    ) -> Range<Int> {
        let shape = value.shape
        if series[stage] == nil {
            var names = shape.array.map(String.init)
            names[shape.rank - 2] = "seq"
            shapes[stage] = names
            let groups = groups(stage)
            let kept = KeptValues(
                of: shape.count / shape[-2], groups: groups, limit: valueLimit)
            series[stage] = Array(
                repeating: TensorSeries(kept: kept), count: stage == "embedding" ? 1 : lens.layers)
        }
        let rows = newRows(shape[-2], after: series[stage]![layer].count, positions)
        for row in rows {
            series[stage]![layer].append(value.selecting(row, axis: -2).values)
        }
        return rows
    }

    /// The heads that a stage's vectors consist of.
    private func groups(_ stage: String) -> Int {
        switch stage {
        case "attention.wq", "q", "mixed": model.config.nHeads
        case "attention.wk", "attention.wv", "k": model.config.nKvHeads
        default: 1
        }
    }

    private func newRows(_ count: Int, after known: Int, _ positions: Range<Int>) -> Range<Int> {
        let first = positions.upperBound - count
        let end = min(count, ReportRecorder.maxPositions - first)
        return min(max(known - first, 0), max(end, 0))..<max(end, 0)
    }

    /// The scores and shares of [nKvHeads, group, seq, total].
    private func addShares(_ shares: Tensor, _ layer: Int, _ positions: Range<Int>) {
        let (heads, total) = (shares.shape[0] * shares.shape[1], shares.shape[3])
        let known = attention.layers[layer].count / heads
        for row in newRows(shares.shape[2], after: known, positions) {
            let scoreRows = scores!.selecting(row, axis: 2).values
            let shareRows = shares.selecting(row, axis: 2).values
            let position = positions.upperBound - shares.shape[2] + row
            let count = mask == .causal ? position + 1 : total
            for head in 0..<heads {
                let keys = head * total..<head * total + count
                attention.append(
                    AttentionRow(scores: scoreRows[keys], shares: shareRows[keys]), layer: layer)
            }
        }
    }
}
