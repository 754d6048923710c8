// ModeTests: all modes generate the same text, and the same numbers at every stage.

import TestSupport
import Testing

@testable import CompactLlama
@testable import FullLlama
@testable import Support

private let modes = CacheMode.allCases.flatMap { cache in
    [1, 2, 3, 5, .max].map { (cache, $0) }
}

/// The records of a run.
private func trace(_ run: () throws -> Void) rethrows -> [TraceRecord] {
    var records: [TraceRecord] = []
    let recorder = TraceRecorder { records.append($0) }
    try StagedRun.observed(by: [recorder], run)
    return records
}

@Suite struct ModeTests {
    @Test(arguments: modes)
    func `the text equals compact-llama's`(cache: CacheMode, chunkSize: Int) throws {
        let model = try TinyModel()
        let compact = try CompactLlama.Llama(weights: model.weights, tokenizer: model.tokenizer)
        var expected = ""
        _ = try compact.complete("a b", seqLength: 40) { expected += $0 }
        let full = try model.llama()
        full.setModes(cache: cache, chunkSize: chunkSize, capacity: 40)
        #expect(try full.text("a b", seqLength: 40) == expected)
        // a second text starts with an empty cache
        #expect(try full.text("a b", seqLength: 40) == expected)
    }

    @Test(
        .enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)),
        arguments: modes)
    func `real weights give the reference text`(cache: CacheMode, chunkSize: Int) throws {
        let llama = try FullLlama.Llama(
            weights: TestData.model("stories260K.bin"), tokenizer: TestData.model("tok512.model"))
        for expected in try TestData.greedyTexts().prefix(3) {
            llama.setModes(cache: cache, chunkSize: chunkSize, capacity: expected.seqLength)
            let text = try llama.text(expected.prompt, seqLength: expected.seqLength)
            #expect(text == expected.text + "\n")
        }
    }

    @Test(arguments: modes)
    func `the traces of all modes agree`(cache: CacheMode, chunkSize: Int) throws {
        let model = try TinyModel()
        func records(_ cache: CacheMode, _ chunkSize: Int) throws -> [TraceRecord] {
            let llama = try model.llama()
            llama.setModes(cache: cache, chunkSize: chunkSize, capacity: 20)
            let records = try trace { _ = try llama.text("a b", seqLength: 20) }
            return records.sorted { ($0.position, $0.stage) < ($1.position, $1.stage) }
        }
        let (expected, found) = (try records(.concatenated, .max), try records(cache, chunkSize))
        // 2 layers of 6 stages, and 3 outside them
        #expect(expected.count == 20 * 15)
        #expect(found.map(\.stage) == expected.map(\.stage))
        #expect(found.map(\.position) == expected.map(\.position))
        for (a, b) in zip(found, expected) {
            #expect(deviation(a.values, b.values) <= .network, "\(a.stage) at \(a.position)")
        }
    }

    @Test func `memory for the whole text is reserved once`() throws {
        let llama = try TinyModel().llama()
        llama.setModes(cache: .inPlace, chunkSize: .max, capacity: 40)
        _ = try llama.generate([1, 2], startPos: 0)
        let storage = ObjectIdentifier(llama.model.layers[0].attention.keys.storage)
        for position in 2..<40 { _ = try llama.generate([3], startPos: position) }
        #expect(ObjectIdentifier(llama.model.layers[0].attention.keys.storage) == storage)
        // 2 layers, keys and values of 1 head with 4 floats
        #expect(llama.model.cacheBytes == 40 * 2 * 2 * 4 * 4)
    }

    @Test func `without a mask the first token attends to the second`() throws {
        let llama = try TinyModel().llama()
        func firstStage(_ mask: Mask, _ tokens: [Int]) throws -> [Float] {
            for layer in llama.model.layers { layer.attention.mask = mask }
            let records = try trace { _ = try llama.generate(tokens, startPos: 0) }
            return records.first { $0.stage == "layers.0.attention" }!.values
        }
        #expect(try firstStage(.causal, [1, 9]) == firstStage(.causal, [1, 8]))
        #expect(try firstStage(.none, [1, 9]) != firstStage(.none, [1, 8]))
    }
}
