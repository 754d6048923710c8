// SettingsFile: the `config.json` that Hugging Face's format needs beside the weights.

import Foundation
import Support

/// `config.json` in the folder of a `.safetensors` file.
struct SettingsFile {
    private let path: String
    /// What is to be written; nil if the file is there and says the same.
    private let json: Data?
    private let isNew: Bool

    /// - Throws: `ConversionError` if there is a file that says something else, unless by `force`.
    init(_ weights: Weights, for target: String, _ force: Bool) throws {
        path = siblingPath("config.json", of: target)
        isNew = !FileManager.default.fileExists(atPath: path)
        if !isNew, let found = try? HuggingFace.settings(besides: target),
            found.config == weights.config, found.tiesEmbeddings == weights.isTied
        {
            json = nil
            return
        }
        guard isNew || force else { throw ConversionError.otherSettings(path) }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        json = try encoder.encode(Settings(weights)) + Data("\n".utf8)
    }

    func write() throws {
        do {
            try json?.write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw ConversionError.unwritable(path, (error as NSError).localizedDescription)
        }
    }

    /// Takes back what was written where nothing was before.
    func remove() {
        if isNew { try? FileManager.default.removeItem(atPath: path) }
    }

    private struct Settings: Encodable {
        let architectures = ["LlamaForCausalLM"]
        let modelType = "llama"
        let hiddenAct = "silu"
        let hiddenSize, intermediateSize, numHiddenLayers: Int
        let numAttentionHeads, numKeyValueHeads: Int
        let vocabSize, maxPositionEmbeddings: Int
        let rmsNormEps, ropeTheta: Float
        let tieWordEmbeddings: Bool
        let torchDtype: String

        init(_ weights: Weights) {
            let config = weights.config
            (hiddenSize, intermediateSize) = (config.dim, config.hiddenDim)
            numHiddenLayers = config.nLayers
            (numAttentionHeads, numKeyValueHeads) = (config.nHeads, config.nKvHeads)
            (vocabSize, maxPositionEmbeddings) = (config.vocabSize, config.maxSeqLen)
            (rmsNormEps, ropeTheta) = (config.normEps, config.ropeTheta)
            tieWordEmbeddings = weights.isTied
            torchDtype =
                switch weights["tok_embeddings.weight"].element {
                case .float32: "float32"
                case .float16: "float16"
                case .bfloat16: "bfloat16"
                }
        }
    }
}
