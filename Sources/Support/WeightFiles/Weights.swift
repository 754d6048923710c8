// Weights: recognises a weight file's format, and holds the sizes and the named tensors of a Llama.
// The model takes its tensors from here; each format has a file of its own.

/// The tensors of one model: complete, and with the right shapes.
public struct Weights: Sendable {
    public let path: String
    /// The format of the file; nil without a file.
    public let format: WeightFormat?
    public let config: Config
    private let tensors: [String: Tensor]

    /// Memory-maps a file of any `WeightFormat`, or Hugging Face's folder. It copies only unaligned
    /// tensors, wq and wk from `.safetensors`, where their rows have another order, and llama2.c's
    /// int8 matrices.
    /// - Throws: `FileError` if the file cannot be read, `WeightFileError` if it is damaged or of
    ///   another format.
    public init(contentsOf path: String) throws {
        let file = try MappedFile(path: HuggingFace.file(at: path))
        self.path = file.path
        let format = WeightFormat(of: file.bytes)
        self.format = format
        (config, tensors) = try withPath(file.path) {
            switch format {
            case .lmw: try LMWFile.read(file)
            case .gguf: try GGUFFile.read(file)
            case .llama2cInt8: try Llama2cInt8File.read(file)
            case .llama2c: try Llama2cFile.read(file)
            case .safetensors, .safetensorsIndex: try HuggingFace.read(file)
            }
        }
    }

    init(path: String, config: Config, tensors: [String: Tensor]) {
        (self.path, self.format, self.config, self.tensors) = (path, nil, config, tensors)
    }

    /// Whether the classifier shares the memory of the embeddings.
    package var isTied: Bool {
        self["output.weight"].storage === self["tok_embeddings.weight"].storage
    }

    /// Whether a file needs no classifier: it is the embeddings, or equals them bit for bit.
    var classifierIsEmbeddings: Bool {
        let (embeddings, output) = (self["tok_embeddings.weight"], self["output.weight"])
        return isTied || embeddings.element == output.element && haveEqualBits(embeddings, output)
    }

    /// The tensor with this name, one of Meta's: "layers.0.attention.wq.weight".
    /// - Precondition: a model with this `config` has the tensor.
    public subscript(name: String) -> Tensor {
        guard let tensor = tensors[name] else {
            preconditionFailure("no tensor \(name) in \(path)")
        }
        return tensor
    }
}

/// The formats of weight files.
public enum WeightFormat: String, Sendable {
    case lmw = ".lmw, version 1"
    case gguf = "GGUF, llama.cpp's format"
    case llama2c = "llama2.c's legacy .bin"
    case llama2cInt8 = "llama2.c's .bin, version 2 (int8)"
    case safetensors = "Hugging Face's .safetensors"
    case safetensorsIndex = "Hugging Face's .safetensors, sharded"

    /// Detects the format by the file's first bytes. llama2.c's has no signature, so it comes last.
    init(of bytes: UnsafeRawBufferPointer) {
        if LMWFile.recognises(bytes) {
            self = .lmw
        } else if GGUFFile.recognises(bytes) {
            self = .gguf
        } else if SafetensorsFile.recognises(bytes) {
            self = .safetensors
        } else if Llama2cInt8File.recognises(bytes) {
            self = .llama2cInt8
        } else {
            let isJSON = bytes.first { !" \n\r\t".utf8.contains($0) } == UInt8(ascii: "{")
            self = isJSON ? .safetensorsIndex : .llama2c
        }
    }
}
