// LayerTests: the small layers by hand: Linear, SiLU, FeedForward, RMSNorm, Softmax.

import Foundation
import Support
import TestSupport
import Testing

@testable import CompactLlama

@Suite struct LinearTests {
    @Test func `each output is the product with one row of the weight`() {
        let linear = Linear(weight: Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2]))
        #expect(linear(Tensor([1, 10], shape: [1, 2])).values == [21, 43, 65])
        #expect(linear(Tensor([1, 10])).shape == [3])
        let x = Tensor([1, 0, 0, 1, 2, 2], shape: [3, 2])
        #expect(linear(x).shape == [3, 3])
        #expect(linear(x).values == [1, 3, 5, 2, 4, 6, 6, 14, 22])
    }
}

@Suite struct SiLUTests {
    @Test func `it is x times the logistic function`() {
        let y = SiLU()(Tensor([0, 1, -1, 2.5])).values
        let expected = [0, 0.731_058_578_6, -0.268_941_421_4, 2.310_354_467_2]
        #expect(deviation(y, expected) <= .rounding)
    }

    @Test func `it is 0 for very negative x and x for very positive x`() {
        #expect(SiLU()(Tensor([-200, 200, 1e30])).values == [0, 200, 1e30])
    }
}

@Suite struct FeedForwardTests {
    @Test func `the first branch gates the third`() {
        // hidden 2: w1 x = [1, -1], w3 x = [3, 5], w2 combines the two products
        let feedForward = FeedForward(
            w1: Linear(weight: Tensor([1, 0, 0, -1], shape: [2, 2])),
            w2: Linear(weight: Tensor([1, 0, 10, 100], shape: [2, 2])),
            w3: Linear(weight: Tensor([3, 0, 0, 5], shape: [2, 2])))
        let (gated1, gated2) = (0.731_058_578_6 * 3, -0.268_941_421_4 * 5)
        let y = feedForward(Tensor([1, 1], shape: [1, 2]))
        #expect(y.shape == [1, 2])
        #expect(deviation(y.values, [gated1, 10 * gated1 + 100 * gated2]) <= .rounding)
    }

    @Test func `tokens are independent of each other`() {
        var random = Random(seed: 1)
        func linear(_ out: Int, _ input: Int) -> Linear {
            Linear(weight: Tensor(random.floats(out * input), shape: [out, input]))
        }
        let feedForward = FeedForward(w1: linear(12, 8), w2: linear(8, 12), w3: linear(12, 8))
        let x = Tensor(random.floats(7 * 8), shape: [7, 8])
        let together = feedForward(x)
        for token in 0..<7 {
            #expect(deviation(feedForward(x[token]).values, together[token].values) <= .rounding)
        }
    }
}

@Suite struct RMSNormTests {
    @Test func `a vector is divided by its root mean square`() {
        let norm = RMSNorm(weight: Tensor([1, 1]), eps: 0)
        // mean of 9 and 16 is 12.5
        let expected = [3 / 12.5.squareRoot(), 4 / 12.5.squareRoot()]
        #expect(deviation(norm(Tensor([3, 4])).values, expected) <= .rounding)
    }

    @Test func `the weight scales each element, and each row has its own norm`() {
        let norm = RMSNorm(weight: Tensor([2, -1]), eps: 0)
        let y = norm(Tensor([5, 5, -3, 3], shape: [2, 2]))
        #expect(y.shape == [2, 2])
        #expect(deviation(y.values, [2, -1, -2, -1] as [Double]) <= .rounding)
    }

    @Test func `eps is added inside the root`() {
        let norm = RMSNorm(weight: Tensor([1, 1]), eps: 12)
        #expect(deviation(norm(Tensor([2, 2])).values, [0.5, 0.5]) <= .rounding)
        #expect(norm(Tensor([0, 0])).values == [0, 0])
    }
}

@Suite struct SoftmaxTests {
    let softmax = Softmax()

    @Test func `probabilities follow the exponentials and sum to 1`() {
        let probabilities = softmax(Tensor([0, 1, 2])).values
        let expected = [0.090_030_573, 0.244_728_471, 0.665_240_956]
        #expect(deviation(probabilities, expected) <= .rounding)
        #expect(softmax(Tensor([5, 5, 5, 5])).values == [0.25, 0.25, 0.25, 0.25])
    }

    @Test func `every row sums to 1`() {
        var random = Random(seed: 2)
        let scores = Tensor(random.floats(3 * 4 * 77, in: -30...30), shape: [3, 4, 77])
        let probabilities = softmax(scores)
        #expect(probabilities.shape == [3, 4, 77])
        let ones = [Double](repeating: 1, count: 12)
        #expect(deviation(probabilities.sum(axis: -1).values, ones) <= .rounding)
    }

    @Test func `large values do not overflow, and only differences matter`() {
        let large = softmax(Tensor([1e30, 1e30])).values
        #expect(large == [0.5, 0.5])
        #expect(softmax(Tensor([1000, 0])).values == [1, 0])
        #expect(softmax(Tensor([-1000, -1001])).values == softmax(Tensor([1, 0])).values)
    }

    @Test func `minus infinity gets probability 0`() {
        #expect(softmax(Tensor([-.infinity, 3])).values == [0, 1])
    }
}
