// Tokens: the functions of chapter 1, and their checks.

import Support

protocol TokenSteps {
    func merge(_ pieces: [String], _ vocabulary: [String: Int]) -> [String]
    func encode(_ text: String, _ vocabulary: [String: Int]) -> [Int]
    func embed(_ tokens: [Int], _ table: Tensor) -> Tensor
    func logits(_ vector: Tensor, _ output: Tensor) -> Tensor
}

extension TokenSteps {
    func checks(_ model: Model) -> [Check] {
        let small = ["a": 9, "b": 8, "c": 7, "bc": 5, "ab": 6, "abc": 4]
        let vocabulary = model.vocabulary
        func check(_ pieces: [String], _ expected: [String]) -> Check {
            Check("merge, \(pieces)", expected) { merge(pieces, small) }
        }
        func check(_ text: String) -> Check {
            // without BOS, which no text spells
            Check("encode, \"\(text)\"", Array(model.tokens(text).dropFirst())) {
                encode(text, vocabulary)
            }
        }
        let table = Grid(6, 4, seed: 1)
        let (vector, output) = (Grid(1, 4, seed: 2), Grid(6, 4, seed: 3))
        let text = "Once upon a time"
        return [
            check(["a", "b", "c"], ["a", "bc"]), check(["a", "bc"], ["abc"]),
            check(["a", "b", "a", "b"], ["ab", "a", "b"]),
            check("a"), check("Once"), check("Lily and Tom played in the garden all day."),
            Check("embed", Grid(3, 4) { row, i in table[[5, 0, 5][row], i] }) {
                embed([5, 0, 5], table.tensor)
            },
            Check("embed, tinytales", model.embedded(text)) {
                embed(model.tokens(text), model.weights["tok_embeddings.weight"])
            },
            Check("logits", Grid([6], vector.product(output).values)) {
                logits(vector.tensor[0], output.tensor)
            },
        ]
    }
}
