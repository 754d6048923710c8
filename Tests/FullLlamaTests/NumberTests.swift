// NumberTests: weights that no training gives. Numbers that are not finite end a text with an error,
// all others give one, and nothing traps.

import TestSupport
import Testing

@testable import FullLlama
@testable import Support

struct NumberTests {
    private static let names = [
        "tok_embeddings.weight", "layers.0.attention.wq.weight", "layers.0.attention.wk.weight",
        "layers.0.attention.wv.weight", "layers.1.attention.wo.weight",
        "layers.0.attention_norm.weight", "layers.0.feed_forward.w1.weight",
        "layers.1.feed_forward.w2.weight", "layers.0.feed_forward.w3.weight",
        "layers.1.ffn_norm.weight", "norm.weight", "output.weight",
    ]

    @Test(arguments: names, [Float.nan, .infinity, -.infinity])
    func `weights that are not finite are an error, not a text`(name: String, number: Float) throws
    {
        let model = try TinyModel { values in
            values[name] = values[name]!.map { _ in number }
        }
        for chunk in [1, 256] {
            let llama = try model.llama()
            llama.model.chunkSize = chunk
            #expect(throws: GenerationError.self) { try llama.text("aa", seqLength: 9) }
        }
    }

    @Test(arguments: [Float(0), 0.8], [0, 0.9])
    func `equal logits give the first token, or any`(temperature: Float, topP: Float) throws {
        let model = try TinyModel { values in
            values["output.weight"] = values["output.weight"]!.map { _ in 0 }
        }
        let llama = try model.llama()
        llama.sampler = Sampler(temperature: temperature, topP: topP, seed: 1)
        let token = try llama.generate([1], startPos: 0)
        if temperature == 0 { #expect(token == 0) }
        #expect((0..<llama.tokenizer.vocabSize).contains(token))
    }

    @Test(arguments: names, [Float.leastNonzeroMagnitude, 0x1p-130, 0])
    func `denormal weights and zeros are numbers like others`(name: String, number: Float) throws {
        let model = try TinyModel { values in
            values[name] = values[name]!.map { $0 < 0 ? -number : number }
        }
        let llama = try model.llama()
        #expect(try (0..<llama.tokenizer.vocabSize).contains(llama.generate([1, 3], startPos: 0)))
    }

    @Test(arguments: [Float(0), 0.001, 1], [0, 0.9])
    func `the largest logits that are finite can be sampled`(temperature: Float, topP: Float) {
        let largest = Float.greatestFiniteMagnitude
        var sampler = Sampler(temperature: temperature, topP: topP, seed: 1)
        sampler.candidateCount = 2
        #expect(sampler.sample(Tensor([-largest, 0, largest, -largest])) == 2)
    }
}
