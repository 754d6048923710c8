// Cache: the functions of chapter 4, and their checks.

import Support

protocol CacheSteps {
    init(heads: Int, headSize: Int)
    var keys: Tensor { get }
    var values: Tensor { get }
    mutating func append(_ k: Tensor, _ v: Tensor)
    func mask(_ scores: Tensor) -> Tensor
    mutating func attend(_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor
    func bytes(layers: Int, dim: Int, total: Int) -> Int
}

extension CacheSteps {
    func checks(_ model: Model) -> [Check] {
        let (k, v) = (Grid(2, 5, 4, seed: 1), Grid(2, 5, 4, seed: 2))
        let filled = {
            var cache = Self(heads: 2, headSize: 4)
            for range in [0..<3, 3..<5] { cache.append(k.tensor(range), v.tensor(range)) }
            return cache
        }
        let (one, two) = (Grid(2, 1, 5, seed: 3), Grid(2, 2, 5, seed: 4))

        let input = model.attentionInput("Once upon a time")
        let real = model.projections(input, model.layer(0).attention)
        let whole = real.v.mixed(real.q.scores(real.k).masked.softmax)
        /// Attention to the text of the model, in calls of these tokens; the result of the last.
        func attended(_ calls: [Range<Int>]) -> Tensor {
            var cache = Self(heads: whole.shape[0], headSize: whole.shape[2])
            return calls.reduce(zeros(0)) { _, call in
                cache.attend(real.q.tensor(call), real.k.tensor(call), real.v.tensor(call))
            }
        }
        return [
            Check("append, keys", k) { filled().keys },
            Check("append, values", v) { filled().values },
            Check("mask, 1 query and 5 keys", one.masked) { mask(one.tensor) },
            Check("mask, 2 queries and 5 keys", two.masked) { mask(two.tensor) },
            Check("attend, 5 tokens of tinytales at once", whole) { attended([0..<5]) },
            Check("attend, the last of 5 tokens, one by one", Grid(whole.tensor(4..<5))) {
                attended((0..<5).map { $0..<$0 + 1 })
            },
            Check("attend, 3 tokens and then 2", Grid(whole.tensor(3..<5))) {
                attended([0..<3, 3..<5])
            },
            Check("bytes, tinytales with 256 tokens", [2 * 3 * 160 * 256 * 4]) {
                [bytes(layers: 3, dim: 160, total: 256)]
            },
        ]
    }
}

extension Grid {
    /// Some rows of every head.
    fileprivate func tensor(_ rows: Range<Int>) -> Tensor {
        Grid(shape[0], rows.count, shape[2]) { head, row, i in
            self[head, rows.lowerBound + row, i]
        }.tensor
    }
}
