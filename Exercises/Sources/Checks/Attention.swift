// Attention: the functions of chapter 2, and their checks.

import Support

protocol AttentionSteps {
    func project(_ x: Tensor, _ weight: Tensor) -> Tensor
    func split(_ x: Tensor, heads: Int) -> Tensor
    func scores(_ q: Tensor, _ k: Tensor) -> Tensor
    func mask(_ scores: Tensor) -> Tensor
    func softmax(_ scores: Tensor) -> Tensor
    func mix(_ probabilities: Tensor, _ v: Tensor) -> Tensor
    func attention(_ x: Tensor, _ layer: AttentionLayer, rotate: (Tensor) -> Tensor) -> Tensor
}

extension AttentionSteps {
    func checks(_ model: Model) -> [Check] {
        // 3 tokens, 2 heads of 4: no two sizes are equal, so that a swapped axis shows
        let x = Grid(3, 8, seed: 1)
        let weight = Grid(5, 8, seed: 2)
        let (q, k, v) = (Grid(2, 3, 4, seed: 3), Grid(2, 3, 4, seed: 4), Grid(2, 3, 4, seed: 5))
        let scores = q.scores(k)
        let probabilities = scores.masked.softmax
        let large = Grid([1, 2, 3], [1000, 1001, 1002, -1000, -.infinity, -1001])

        let layer = model.layer(0).attention
        let input = model.attentionInput("Once upon a time")
        return [
            Check("project", x.product(weight)) { project(x.tensor, weight.tensor) },
            Check("split", x.split(heads: 2)) { split(x.tensor, heads: 2) },
            Check("scores", scores) { self.scores(q.tensor, k.tensor) },
            Check("mask", scores.masked) { mask(scores.tensor) },
            Check("softmax", scores.softmax) { softmax(scores.tensor) },
            Check("softmax, large scores", large.softmax) { softmax(large.tensor) },
            Check("mix", v.mixed(probabilities).joined) { mix(probabilities.tensor, v.tensor) },
            Check("attention, layer 0 of tinytales", model.attention(input, layer)) {
                attention(input.tensor, layer) { model.rotated(Grid($0)).tensor }
            },
        ]
    }
}
