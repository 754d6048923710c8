// ModelShape: the sizes of well-known models. Bench makes random weights of these shapes.

import Support

enum ModelShape {
    static let all: [String: Config] = [
        "stories260K": config(64, 172, 5, 8, 4, 512, 512),
        "15M": config(288, 768, 6, 6, 6, 32000, 256),
        "42M": config(512, 1376, 8, 8, 8, 32000, 1024),
        "110M": config(768, 2048, 12, 12, 12, 32000, 1024),
        "TinyLlama-1.1B": config(2048, 5632, 22, 32, 4, 32000, 2048),
        "Llama-2-7B": config(4096, 11008, 32, 32, 32, 32000, 4096),
    ]

    static let names = all.keys.sorted { all[$0]!.dim < all[$1]!.dim }.joined(separator: ", ")

    /// "stories15M" is "15M".
    static func config(_ name: String) -> Config? {
        let isStories = name.hasPrefix("stories")
        return all[name] ?? (isStories ? all[String(name.dropFirst("stories".count))] : nil)
    }

    /// Every shape has positions beyond 4096, so that decode can be measured there.
    private static func config(
        _ dim: Int, _ hiddenDim: Int, _ nLayers: Int, _ nHeads: Int, _ nKvHeads: Int,
        _ vocabSize: Int, _ maxSeqLen: Int
    ) -> Config {
        Config(
            dim: dim, hiddenDim: hiddenDim, nLayers: nLayers, nHeads: nHeads, nKvHeads: nKvHeads,
            vocabSize: vocabSize, maxSeqLen: max(4096 + 256, maxSeqLen))
    }
}
