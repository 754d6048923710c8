// ReportPage: one HTML page with its style, its script and its data; page.js draws the views.

import Foundation
import Mustache
import Support

struct ReportPage {
    let recorder: ReportRecorder
    let model: Transformer
    /// The path of the model's weights, for the page to name.
    let weights: String
    let cache: CacheMode, mask: Mask
    var comparison: TraceComparison?
    /// A token's text.
    let spelling: (Int) -> String

    func text() throws -> String {
        let (data, block) = data()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        // no "<" in the JSON: no text can end the element that holds it
        let json = String(decoding: try encoder.encode(data), as: UTF8.self)
            .replacingOccurrences(of: "<", with: "\\u003c")

        func hash(_ bytes: [UInt8]) -> String {
            "'sha256-\(Data(sha256(bytes)).base64EncodedString())'"
        }
        let policy =
            "default-src 'none'; script-src \(hash(PackageResources.page_js)); "
            + "style-src \(hash(PackageResources.page_css)); img-src data: blob:; "
            + "base-uri 'none'; form-action 'none'"
        let template = try MustacheTemplate(
            string: String(decoding: PackageResources.page_html, as: UTF8.self))
        return template.render([
            "policy": policy, "json": json, "block": block.base64EncodedString(),
            "style": String(decoding: PackageResources.page_css, as: UTF8.self),
            "script": String(decoding: PackageResources.page_js, as: UTF8.self),
        ])
    }

    /// The lesson's lines. They are part of the program.
    static let lesson = String(decoding: PackageResources.lesson_txt, as: UTF8.self)
        .components(separatedBy: "\n").dropLast()

    // MARK: Data

    func data() -> (ReportData, block: Data) {
        var block = Data()
        func place(_ bytes: [UInt8]) -> Place {
            defer { block.append(contentsOf: bytes) }
            return Place(offset: block.count, count: bytes.count)
        }
        var series = recorder.series
        var shapes = recorder.shapes
        let (lens, config) = (recorder.lens, model.config)
        (series["norm.rms"], shapes["norm.rms"]) = ([lens.rms], ["1"])
        (series["norm"], shapes["norm"]) = ([lens.norm], ["\(config.dim)"])
        (series["logits"], shapes["logits"]) = ([lens.logits], ["\(config.vocabSize)"])
        var stages: [String: ReportData.Stage] = [:]
        for (name, layers) in series.sorted(by: { $0.key < $1.key }) {
            stages[name] = ReportData.Stage(
                shape: shapes[name]!, kept: layers[0].kept, layers: layers.map { place($0.bytes) })
        }
        let rows = recorder.attention
        let attention = ReportData.Attention(
            bits: rows.bits, span: AttentionRows.span,
            limit: rows.limit == .max ? nil : rows.limit,
            layers: rows.layers.indices.map { place(rows.bytes(layer: $0)) })
        let tokens = Array(recorder.tokens.prefix(lens.count + 1))
        let compared = comparison.map { self.comparison($0, positions: lens.count, place) }

        var data = ReportData(
            model: modelData, run: run, lesson: Array(ReportPage.lesson),
            steps: ReportData.Step.all(in: Array(ReportPage.lesson)), tokens: tokens,
            generated: Array(recorder.isGenerated.prefix(tokens.count)),
            chunks: recorder.chunks.map { [$0.lowerBound, $0.upperBound] }, positions: lens.count,
            stages: stages, attention: attention, lens: lens.slots.map(place),
            candidates: place(lens.steps),
            prefill: ReportData.Time.rows(recorder.prefillTimer),
            decode: ReportData.Time.rows(recorder.decodeTimer),
            weights: ReportData.Memory.weights(of: model),
            cacheBytes: model.cacheBytes, peakBytes: MemoryUsage.current.peak,
            comparison: compared)
        let others = compared?.tokens.compactMap { $0 } ?? []
        for token in lens.shownTokens.union(tokens).union(others) {
            data.vocabulary["\(token)"] = spelling(token)
        }
        return (data, block)
    }

    private var modelData: ReportData.Model {
        let config = model.config
        let elements = Set(
            ReportData.tensors(of: model).flatMap { $0.tensors }.map(\.element))
        return ReportData.Model(
            file: URL(fileURLWithPath: weights).lastPathComponent,
            elements: elements.map(\.rawValue).sorted(), dim: config.dim,
            hidden: config.hiddenDim, layers: config.nLayers, heads: config.nHeads,
            kvHeads: config.nKvHeads, headSize: config.headSize, vocabSize: config.vocabSize,
            maxSeqLen: config.maxSeqLen, ropeTheta: config.ropeTheta, normEps: config.normEps,
            parameters: config.shapes.reduce(0) { $0 + $1.shape.reduce(1, *) })
    }

    private var run: ReportData.Run {
        let arguments = CommandLine.arguments.dropFirst()
        return ReportData.Run(
            command: (["full-llama"] + arguments).joined(separator: " "), cache: "\(cache)",
            mask: "\(mask)", temperature: recorder.temperature, topP: recorder.topP,
            threads: ThreadCount.current)
    }

    private func comparison(
        _ comparison: TraceComparison, positions: Int, _ place: ([UInt8]) -> Place
    ) -> ReportData.Comparison {
        var stages: [String] = []
        var values: [String: [Float]] = [:]
        var worst: [String: (difference: Double, position: Int)] = [:]
        for (stage, position, difference) in comparison.differences where position < positions {
            if values[stage] == nil {
                stages.append(stage)
                values[stage] = Array(repeating: .nan, count: positions)
                worst[stage] = (difference, position)
            }
            values[stage]![position] = Float(difference)
            if difference > worst[stage]!.difference { worst[stage] = (difference, position) }
        }
        var bytes: [UInt8] = []
        for stage in stages { for value in values[stage]! { bytes.append(value) } }
        return ReportData.Comparison(
            file: comparison.path, tolerance: comparison.tolerance,
            differences: stages.map {
                .init(
                    stage: $0, worst: worst[$0]!.difference, position: worst[$0]!.position)
            },
            values: place(bytes),
            tokens: (0..<positions).map { position in
                guard let embedding = comparison.embeddings[position] else { return nil }
                return token(of: embedding, near: recorder.tokens[position])
            })
    }

    /// The token with this embedding, first tried with `guess`.
    private func token(of embedding: [Float], near guess: Int) -> Int? {
        let table = model.tokEmbeddings
        guard embedding.count == table.shape[1] else { return nil }
        let largest = embedding.reduce(1e-30) { max($0, abs($1)) }
        func isClose(_ token: Int) -> Bool {
            zip(table[[token]].values, embedding).allSatisfy { abs($0 - $1) <= 1e-3 * largest }
        }
        return isClose(guess) ? guess : (0..<table.shape[0]).first(where: isClose)
    }
}
