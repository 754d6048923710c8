// Chances: how likely each token is, and which one a number between 0 and 1 falls on. Sorting 32,000
// chances would take longer than a small model itself; adding them up by their size does not.

/// The chances that scores stand for, not divided by their sum: the likeliest has 1.
public struct Chances {
    private let values: Tensor  // [vocabSize]
    private let total: Float
    private let rarest: Float

    /// - Parameters:
    ///   - logits: [vocabSize], finite
    ///   - temperature: above 0, finite; divides the scores.
    public init(_ logits: Tensor, temperature: Float) {
        let logits = logits.contiguous()
        let largest = logits.max(axis: 0).values[0]
        var (sums, least) = (Lanes.zero, Lanes(repeating: 1))
        values = Tensor(shape: logits.shape) { out in
            logits.withElements { elements in
                forEachLanes(logits.shape[0], packed: true) { i, count, _ in
                    let x = load(elements + i, 1, count, padding: -.infinity)
                    let chances = exponential((x - largest) / temperature)
                    store(chances, out + i, count)
                    sums += chances
                    least = least.replacing(with: chances, where: chances .< least)
                }
            }
        }
        (total, rarest) = (sums.total, -(-least).largest)
        precondition(total.isFinite, "scores and temperature must be finite")
    }

    /// The token at which the chances, added up in the order of tokens, pass `coin` of their sum.
    /// - Parameter coin: at least 0, below 1.
    public func pick(_ coin: Float) -> Int {
        let values = values.values
        var sum: Float = 0
        // rounding may leave the coin above them all
        return values.firstIndex { value in
            sum += value
            return sum > coin * total
        } ?? values.count - 1
    }

    /// The same among the likeliest tokens that together have a chance of `topP`, from the likeliest
    /// down, tokens of equal chance in their order.
    /// - Parameter topP: above 0, below 1.
    public func pick(_ coin: Float, topP: Float) -> Int {
        // what is rarer than this cannot be among them
        let cutoff = (1 - topP) / Float(values.shape[0] - 1) * total
        if cutoff > 1 { return values.argmax() }  // all are equally rare
        let buckets = Buckets(values, atLeast: max(cutoff, rarest))

        // the likeliest end with the token at which their sum passes topP
        let last = buckets.walk(until: topP * total)
        return buckets.walk(until: coin * last.sum).token
    }

    /// The likeliest tokens, with their probabilities.
    public func likeliest(_ count: Int) -> [(token: Int, probability: Float)] {
        let values = values.values
        let order = values.indices.sorted { values[$0] > values[$1] }  // equals keep their order
        return order.prefix(count).map { ($0, values[$0] / total) }
    }
}

/// Sums of chances of about the same size: of equal leading bits. Bucket 0 is the likeliest's.
private struct Buckets {
    private static let bits = 11  // that tell buckets apart
    private let values: Tensor
    private let cutoff: Float
    private let shift: UInt32
    private let sums: [Float]

    /// - Parameter cutoff: what is below does not count; above 0, at most 1.
    init(_ values: Tensor, atLeast cutoff: Float) {
        let one = SIMD8<UInt32>(repeating: Float(1).bitPattern)
        let range = Float(1).bitPattern - cutoff.bitPattern
        let shift = UInt32(max(0, UInt32.bitWidth - range.leadingZeroBitCount - Buckets.bits))
        // four sums each, so that one addition need not wait for another
        var parts = [SIMD4<Float>](repeating: .zero, count: 1 << Buckets.bits)
        parts.withUnsafeMutableBytes { bytes in
            let parts = bytes.assumingMemoryBound(to: Float.self).baseAddress!
            values.withElements { elements in
                forEachLanes(values.shape[0], packed: true) { start, count, _ in
                    let chances = load(elements + start, 1, count)
                    let isRare = chances .< cutoff
                    if all(isRare) { return }
                    let sizes = chances.replacing(with: cutoff, where: isRare)
                    let buckets = (one &- unsafeBitCast(sizes, to: SIMD8<UInt32>.self)) &>> shift
                    let counted = chances.replacing(with: 0, where: isRare)
                    for lane in 0..<8 {
                        parts[Int(buckets[lane]) &* 4 &+ lane % 4] += counted[lane]
                    }
                }
            }
        }
        sums = parts.map { ($0[0] + $0[1]) + ($0[2] + $0[3]) }
        (self.values, self.cutoff, self.shift) = (values, cutoff, shift)
    }

    /// From the likeliest down: the token at which the sum passes a limit, with that sum; the rarest
    /// of all if it never does.
    func walk(until limit: Float) -> (token: Int, sum: Float) {
        var (sum, before) = (Float(0), Float(0))
        var found = 0
        for bucket in sums.indices where sums[bucket] > 0 {
            (found, before) = (bucket, sum)
            sum += sums[bucket]
            if sum > limit { break }
        }
        sum = before
        let members = members(of: found)
        for (token, chance) in members {
            sum += chance
            if sum > limit { return (token, sum) }
        }
        return (members.last!.token, sum)
    }

    /// The tokens of a bucket by falling chance, those of equal chance in their order.
    private func members(of bucket: Int) -> [(token: Int, chance: Float)] {
        let largest = Float(1).bitPattern - UInt32(bucket) << shift
        let most = Float(bitPattern: largest)
        let least = max(Float(bitPattern: largest - 1 << shift + 1), cutoff)
        var members: [(token: Int, chance: Float)] = []
        values.withElements { elements in
            forEachLanes(values.shape[0], packed: true) { start, count, _ in
                let chances = load(elements + start, 1, count)
                guard any((chances .>= least) .& (chances .<= most)) else { return }
                for lane in 0..<8 where chances[lane] >= least && chances[lane] <= most {
                    members.append((start + lane, chances[lane]))
                }
            }
        }
        return members.sorted { $0.chance > $1.chance }
    }
}
