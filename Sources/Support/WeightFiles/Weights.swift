// Weights: a Llama's sizes and named tensors, whatever file they came from. Here a file's content
// is recognised, and the sizes it states are checked; the formats have a file each.

/// The sizes of a Llama, under the names its own code gives them.
public struct Config: Equatable, Sendable {
    /// The length of the vector that stands for a token.
    public var dim: Int
    /// The length of the feed-forward network's inner vector.
    public var hiddenDim: Int
    public var nLayers: Int
    /// Query heads per layer; `nKvHeads` divides it, and it divides `dim`.
    public var nHeads: Int
    /// Key and value heads per layer, each shared by `nHeads / nKvHeads` query heads.
    public var nKvHeads: Int
    public var vocabSize: Int
    /// The longest sequence the model was trained on.
    public var maxSeqLen: Int
    /// What RMSNorm adds before it takes the root.
    public var normEps: Float = 1e-5
    /// The base of RoPE's wavelengths.
    public var ropeTheta: Float = 10000

    public init(
        dim: Int, hiddenDim: Int, nLayers: Int, nHeads: Int, nKvHeads: Int, vocabSize: Int,
        maxSeqLen: Int, normEps: Float = 1e-5
    ) {
        (self.dim, self.hiddenDim, self.nLayers) = (dim, hiddenDim, nLayers)
        (self.nHeads, self.nKvHeads) = (nHeads, nKvHeads)
        (self.vocabSize, self.maxSeqLen, self.normEps) = (vocabSize, maxSeqLen, normEps)
    }

    /// The length of one head's query, key or value: even, because RoPE rotates pairs.
    public var headSize: Int { dim / nHeads }
}

/// The tensors of one model, complete and of the right shapes.
public struct Weights: Sendable {
    public let path: String
    /// How the file was written; nil if there is none.
    public let format: WeightFormat?
    public let config: Config
    private let tensors: [String: Tensor]

    /// Maps a file of any `WeightFormat`, or Hugging Face's folder. Nothing is copied but, of
    /// `.safetensors`, wq and wk, whose rows are in another order there, and what lies askew.
    /// - Throws: `FileError` if there is no such file, `WeightFileError` if it is damaged or
    ///   another kind of file.
    public init(contentsOf path: String) throws {
        let file = try MappedFile(path: HuggingFace.file(at: path))
        self.path = file.path
        let format = WeightFormat(of: file.bytes)
        self.format = format
        (config, tensors) = try withPath(file.path) {
            switch format {
            case .lmw: try LMWFile.read(file)
            case .llama2c: try Llama2cFile.read(file)
            case .safetensors, .shards: try HuggingFace.read(file)
            }
        }
    }

    /// Whether the embeddings are the classifier too, in one memory.
    package var isTied: Bool {
        self["output.weight"].storage === self["tok_embeddings.weight"].storage
    }

    init(path: String, config: Config, tensors: [String: Tensor]) {
        (self.path, self.format, self.config, self.tensors) = (path, nil, config, tensors)
    }

    /// The tensor of this name, Meta's: "layers.0.attention.wq.weight".
    /// - Precondition: `config` says that there is one.
    public subscript(name: String) -> Tensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("no tensor \(name) in \(path)")
        }
        return tensor
    }
}

/// How weights are written down.
public enum WeightFormat: String, Sendable {
    case lmw = ".lmw, version 1"
    case llama2c = "llama2.c's legacy .bin"
    case safetensors = "Hugging Face's .safetensors"
    case shards = "Hugging Face's .safetensors, by an index"

    /// What a file's first bytes show; llama2.c's files have no mark.
    init(of bytes: UnsafeRawBufferPointer) {
        if LMWFile.recognises(bytes) {
            self = .lmw
        } else if SafetensorsFile.recognises(bytes) {
            self = .safetensors
        } else {
            let isJSON = bytes.first { !" \n\r\t".utf8.contains($0) } == UInt8(ascii: "{")
            self = isJSON ? .shards : .llama2c
        }
    }
}

extension Config {
    /// The names and shapes of all tensors, from the embeddings to the classifier.
    package var shapes: [(name: String, shape: [Int])] {
        let outer = outerShapes
        return [outer[0]] + (0..<nLayers).flatMap(layerShapes) + outer[1...]
    }

    /// - Throws: `WeightFileError.Problem` if a Llama cannot have these sizes.
    func validate() throws {
        let sizes = [
            ("dim", dim), ("n_layers", nLayers), ("n_heads", nHeads), ("n_kv_heads", nKvHeads),
            ("vocab_size", vocabSize), ("max_seq_len", maxSeqLen),
        ]
        for (name, size) in sizes where size <= 0 {
            throw WeightFileError.Problem.badSize(name, "\(size)", expected: "a positive number")
        }
        guard dim % nHeads == 0 else {
            throw WeightFileError.Problem.badSize(
                "dim", "\(dim)", expected: "a multiple of n_heads = \(nHeads)")
        }
        guard nHeads % nKvHeads == 0 else {
            throw WeightFileError.Problem.badSize(
                "n_heads", "\(nHeads)", expected: "a multiple of n_kv_heads = \(nKvHeads)")
        }
        guard headSize % 2 == 0 else {
            throw WeightFileError.Problem.badSize(
                "dim / n_heads", "\(headSize)", expected: "an even number")
        }
    }

    /// The names and shapes of layer `i`'s tensors, in the order of a forward pass.
    package func layerShapes(_ i: Int) -> [(name: String, shape: [Int])] {
        let kvDim = nKvHeads * headSize
        return [
            ("layers.\(i).attention_norm.weight", [dim]),
            ("layers.\(i).attention.wq.weight", [dim, dim]),
            ("layers.\(i).attention.wk.weight", [kvDim, dim]),
            ("layers.\(i).attention.wv.weight", [kvDim, dim]),
            ("layers.\(i).attention.wo.weight", [dim, dim]),
            ("layers.\(i).ffn_norm.weight", [dim]),
            ("layers.\(i).feed_forward.w1.weight", [hiddenDim, dim]),
            ("layers.\(i).feed_forward.w2.weight", [dim, hiddenDim]),
            ("layers.\(i).feed_forward.w3.weight", [hiddenDim, dim]),
        ]
    }

    /// The names and shapes of the tensors outside the layers.
    var outerShapes: [(name: String, shape: [Int])] {
        [
            ("tok_embeddings.weight", [vocabSize, dim]), ("norm.weight", [dim]),
            ("output.weight", [vocabSize, dim]),
        ]
    }
}

/// What is wrong with a weight file.
public struct WeightFileError: Error, Equatable, CustomStringConvertible {
    public let path: String
    public let problem: Problem

    public enum Problem: Error, Equatable {
        case unknownFormat(_ found: String)
        case unsupportedVersion(Int)
        case otherLayout(normEps: Float)
        case noWeights
        case badValue(_ name: String, _ found: String, expected: String)
        case truncated(reading: String, at: Int, needed: Int, available: Int)
        case badSize(_ name: String, _ found: String, expected: String)
        case wrongFileSize(expected: Int, found: Int)
        case overflow(_ what: String)
        case badName(_ found: String, at: Int)
        case missingTensor(String)
        case repeatedTensor(String)
        case unknownTensor(String)
        case wrongShape(_ tensor: String, expected: [Int], found: [Int])
    }

    public var description: String { "\(path): \(problem.sentence)" }
}

/// Says which file has the problem that `body` finds.
func withPath<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    do {
        return try body()
    } catch let problem as WeightFileError.Problem {
        throw WeightFileError(path: path, problem: problem)
    }
}

/// - Throws: `WeightFileError.Problem.badValue` unless the value is right.
func require(_ expected: String, as name: String, found: String, _ isRight: Bool) throws {
    if !isRight { throw WeightFileError.Problem.badValue(name, found, expected: expected) }
}

extension WeightFileError.Problem {
    fileprivate var sentence: String {
        switch self {
        case .unknownFormat(let found):
            "expected .lmw (magic number 0x696D756C), .safetensors or llama2.c's legacy .bin, "
                + "found \(found)"
        case .unsupportedVersion(let version):
            "expected version 1 of .lmw, found version \(version)"
        case .otherLayout(let normEps):
            "expected version 1's first layout of .lmw, found norm_eps = \(normEps): either damage "
                + "or a later layout, which also says version 1; convert the model again"
        case .truncated(let reading, let offset, let needed, let available):
            "cut off in \(reading): expected \(needed) bytes at offset \(offset), "
                + "found \(available)"
        case .noWeights:
            "expected a file, or model.safetensors or its index in this folder, found neither"
        case .badSize(let name, let found, let expected),
            .badValue(let name, let found, let expected):
            "expected \(expected) as \(name), found \(found)"
        case .wrongFileSize(let expected, let found):
            "expected \(expected) bytes for the sizes in its header, found \(found)"
        case .overflow(let what):
            "the sizes of \(what) multiply to more than any file holds"
        case .badName(let found, let offset):
            "expected a tensor's name at offset \(offset), found \(found)"
        case .missingTensor(let name): "the tensor \(name) is missing"
        case .repeatedTensor(let name): "the tensor \(name) is there twice"
        case .unknownTensor(let name): "no Llama 2 has a tensor \(name)"
        case .wrongShape(let name, let expected, let found):
            "expected shape \(expected) for the tensor \(name), found \(found)"
        }
    }
}
