// Chapter 1: tokens and embeddings. docs/course/1-tokens.md explains it; `make exercise N=1` checks
// it. A vocabulary gives each piece of text its token: vocabulary["wa"] is an Int, or nil.

import Support

struct Chapter1: TokenSteps {
    /// Joins one pair of neighbours: of all pairs whose joined text is in the vocabulary, the one
    /// with the lowest token, and of several with the same text the first. Returns the same pieces
    /// if there is none.
    func merge(_ pieces: [String], _ vocabulary: [String: Int]) -> [String] {
        // Your turn: try pieces[i] + pieces[i + 1] for every i, and keep the best i.
        pieces
    }

    /// The tokens of a text: joins single characters until no pair is in the vocabulary.
    func encode(_ text: String, _ vocabulary: [String: Int]) -> [Int] {
        // Your turn: the first piece of a text begins with a space, so start with " " + text;
        // text.map { String($0) } is the array of its characters.
        []
    }

    /// The vector of each token: its row of the table.
    func embed(_ tokens: [Int], _ table: Tensor) -> Tensor {  // [vocabSize, dim] -> [seq, dim]
        // Your turn: as in numpy; or stacked(…, axis: 0) of single rows.
        zeros(tokens.count, table.shape[1])
    }

    /// A score for every token of the vocabulary: the dot product of a vector with each row.
    func logits(_ vector: Tensor, _ output: Tensor) -> Tensor {
        // [dim], [vocabSize, dim] -> [vocabSize]
        // Your turn: matmul takes a vector of shape [dim], too.
        zeros(output.shape[0])
    }
}
