// Block: the functions of chapter 5, and their checks.

import Support

protocol BlockSteps {
    func norm(_ x: Tensor, weight: Tensor, eps: Float) -> Tensor
    func silu(_ x: Tensor) -> Tensor
    func feedForward(_ x: Tensor, w1: Tensor, w2: Tensor, w3: Tensor) -> Tensor
    func block(_ x: Tensor, _ layer: Layer, attention: (Tensor) -> Tensor) -> Tensor
}

extension BlockSteps {
    func checks(_ model: Model) -> [Check] {
        let (x, weight) = (Grid(3, 4, seed: 1), Grid([4], Grid(1, 4, seed: 2).values))
        let small = x.map { $0 / 1000 }
        let (w1, w2, w3) = (Grid(6, 4, seed: 3), Grid(4, 6, seed: 4), Grid(6, 4, seed: 5))
        func normed(_ x: Grid, eps: Double) -> () -> Tensor {
            { norm(x.tensor, weight: weight.tensor, eps: Float(eps)) }
        }
        let layer = model.layer(0)
        let input = model.embedded("Once upon a time")
        return [
            Check("norm", x.normed(weight, eps: 1e-5), normed(x, eps: 1e-5)),
            Check(
                "norm, eps beside small numbers", small.normed(weight, eps: 1e-5),
                normed(small, eps: 1e-5)),
            Check("silu", x.silu) { silu(x.tensor) },
            Check("feedForward", x.feedForward(w1: w1, w2: w2, w3: w3)) {
                feedForward(x.tensor, w1: w1.tensor, w2: w2.tensor, w3: w3.tensor)
            },
            Check("block, layer 0 of tinytales", model.block(input, layer)) {
                block(input.tensor, layer) { model.attention(Grid($0), layer.attention).tensor }
            },
        ]
    }
}
