// Weights: a Llama's sizes and named tensors, from a file of any format. The model takes its tensors
// from here; each format has a file of its own.

/// The tensors of one model, complete and of the right shapes.
public struct Weights: Sendable {
    public let path: String
    /// The format of the file; nil if there is none.
    public let format: WeightFormat?
    public let config: Config
    private let tensors: [String: Tensor]

    /// Maps a file of any `WeightFormat`, or Hugging Face's folder. Copies nothing except, from
    /// `.safetensors`, wq and wk, whose rows are in another order there, and unaligned tensors.
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
            case .gguf: try GGUFFile.read(file)
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

    /// The tensor of this name, Meta's: "layers.0.attention.wq.weight".
    /// - Precondition: `config` says that there is one.
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
    case safetensors = "Hugging Face's .safetensors"
    case safetensorsIndex = "Hugging Face's .safetensors, by an index"

    /// The format that a file's first bytes show; a file without a mark is taken for llama2.c's.
    init(of bytes: UnsafeRawBufferPointer) {
        if LMWFile.recognises(bytes) {
            self = .lmw
        } else if GGUFFile.recognises(bytes) {
            self = .gguf
        } else if SafetensorsFile.recognises(bytes) {
            self = .safetensors
        } else {
            let isJSON = bytes.first { !" \n\r\t".utf8.contains($0) } == UInt8(ascii: "{")
            self = isJSON ? .safetensorsIndex : .llama2c
        }
    }
}
