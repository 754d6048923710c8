// SamplerTests: Sampler samples like llama2.c.

import Foundation
import TestSupport
import Testing

@testable import FullLlama
@testable import Support

@Suite struct SamplerTests {
    @Test func `the generator is xorshift*`() {
        // computed with Python's integers
        var generator = XorShiftStar(state: 42)
        let numbers = (0..<4).map { _ in generator.next() }
        #expect(numbers == [1_456_360_119, 3_359_763_283, 3_393_612_768, 4_054_632_243])
        generator = XorShiftStar(state: 42)
        #expect(generator.nextFloat() == 0.339_085_22)
        #expect(generator.nextFloat() == 0.782_255_83)
    }

    @Test func `temperature 0 is greedy and selects the first of equal logits`() {
        var sampler = Sampler()
        #expect(sampler.sample(Tensor([0, 3, -1, 3])) == 1)
    }

    /// Logits of the probabilities 1/8, 1/2, 1/8, 1/4.
    private let logits = Tensor([0.125, 0.5, 0.125, 0.25].map { (x: Float) in Foundation.log(x) })

    @Test func `without top-p tokens are sampled in vocabulary order`() {
        // the random numbers of seed 42 are 0.339, 0.782, 0.790, 0.944
        var sampler = Sampler(temperature: 1, topP: 1, seed: 42)
        #expect((0..<4).map { _ in sampler.sample(logits) } == [1, 3, 3, 3])
    }

    @Test func `with top-p tokens are sampled in order of probability`() {
        // 1/2 + 1/4 exceeds 0.7: times 3/4, the numbers are 0.254, 0.587, 0.593, 0.708
        var sampler = Sampler(temperature: 1, topP: 0.7, seed: 42)
        #expect((0..<4).map { _ in sampler.sample(logits) } == [1, 3, 3, 3])
        sampler = Sampler(temperature: 1, topP: 0.4, seed: 42)
        #expect((0..<4).map { _ in sampler.sample(logits) } == [1, 1, 1, 1])
    }

    @Test func `a low temperature is nearly greedy`() {
        var sampler = Sampler(temperature: 0.01, topP: 1, seed: 3)
        #expect((0..<50).allSatisfy { _ in sampler.sample(logits) == 1 })
    }

    @Test(arguments: [Float(0.1), 0.5, 0.9, 0.99], [Float(0.01), 0.3, 3])
    func `top-p equals sampling from all tokens sorted`(topP: Float, spread: Float) {
        var random = Random(seed: 5)
        for seed in 1...40 as ClosedRange<UInt64> {
            let logits = Tensor(random.floats(3000, in: -spread...spread))
            var sampler = Sampler(temperature: 1, topP: topP, seed: seed)
            // like run.c: sort the tokens above the cutoff, cut them at topP, sample
            let probabilities = Softmax()(logits).values
            let cutoff = (1 - topP) / 2999
            let order = probabilities.indices.filter { probabilities[$0] >= cutoff }
                .sorted { probabilities[$0] > probabilities[$1] }
            var sum: Float = 0
            let last = order.firstIndex { token in
                sum += probabilities[token]
                return sum > topP
            }
            var generator = XorShiftStar(state: seed)
            let limit = generator.nextFloat() * sum
            sum = 0
            let expected = order[...last!].first { token in
                sum += probabilities[token]
                return limit < sum
            }
            let found = sampler.sample(logits)
            // sums of thousands of probabilities round differently, so a neighbour is accepted
            let distance = abs(order.firstIndex(of: found)! - order.firstIndex(of: expected!)!)
            #expect(distance <= 1)
        }
    }

    @Test func `a sum equal to top-p does not exceed it`() {
        // 1000 tokens of weight 1, then 1000 of 1/e: one topP is the sum of the first 1000
        let logits = Tensor((0..<2000).map { $0 < 1000 ? 1 : 0 })
        var topP = Float(1000 / (1000 + 1000 / 2.718281828459045))
        for _ in 0..<50 { topP = topP.nextDown }
        for seed in 1...100 as ClosedRange<UInt64> {
            var sampler = Sampler(temperature: 1, topP: topP, seed: seed)
            #expect((0..<1001).contains(sampler.sample(logits)))
            topP = topP.nextUp
        }
    }

    @Test(arguments: [0.3, 0.9, 0.9999999] as [Float])
    func `every sample of 32,000 tokens is within top-p`(topP: Float) {
        var random = Random(seed: 7)
        let scores = (0..<32000).map { _ in
            random.floats(4, in: -1.5...1.5).reduce(0, +)
        }
        let sorted = scores.map { exp(Double($0)) }.sorted(by: >)
        let total = sorted.reduce(0, +)
        for seed in 1...400 as ClosedRange<UInt64> {
            let temperature = 1 - Float(seed) / 100_000
            var sampler = Sampler(temperature: temperature, topP: topP, seed: seed)
            let weight = exp(Double(scores[sampler.sample(Tensor(scores))]))
            let before = sorted.prefix { $0 > weight }.reduce(0, +) / total
            #expect(before < Double(topP) + 0.01)
        }
    }

    @Test func `equal probabilities and a tiny top-p still give a token`() {
        var sampler = Sampler(temperature: 1, topP: 1e-6, seed: 5)
        #expect((0..<4).contains(sampler.sample(Tensor([1, 1, 1, 1]))))
    }

    @Test func `candidates are in descending order of probability`() {
        var sampler = Sampler()
        sampler.candidateCount = 3
        nonisolated(unsafe) var shown: [(token: Int, probability: Float)] = []
        sampler.showCandidates = { shown = $0 }
        _ = sampler.sample(logits)
        #expect(shown.map(\.token) == [1, 3, 0])
        #expect(deviation(shown.map(\.probability), [0.5, 0.25, 0.125] as [Double]) <= .rounding)
    }

    struct Sampled: Decodable {
        let prompt: String, text: String
        let temperature: Float, topP: Float
        let seed: UInt64, seqLength: Int

        enum CodingKeys: String, CodingKey {
            case prompt, text, temperature, seed
            case topP = "top_p"
            case seqLength = "seqlength"
        }
    }

    @Test(.enabled(if: TestData.isPresent, Comment(rawValue: TestData.needed)))
    func `the same seed gives llama2.c's text`() throws {
        let llama = try Llama(
            weights: TestData.model("stories260K.bin"), tokenizer: TestData.model("tok512.model"))
        let stories: [Sampled] = try TestData.reference("stories260K-sampled.json")
        #expect(!stories.isEmpty)
        for story in stories {
            llama.sampler = Sampler(
                temperature: story.temperature, topP: story.topP, seed: story.seed)
            let text = try llama.text(story.prompt, seqLength: story.seqLength)
            #expect(text == story.text + "\n")
        }
    }
}
