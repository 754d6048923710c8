// Input: the kinds of input that may come from a stranger, and what is done with one: the program
// reads it, and uses what it accepts. Any other end than success or an error is a fault. The fuzzers
// and the tests that replay their findings run it.

import Support
import TestSupport

public enum Input: String, CaseIterable, Sendable {
    case lmw = "LMW"
    case llama2c = "Llama2c"
    case gguf = "GGUF"
    case safetensors = "Safetensors"
    case index = "Index"
    case config = "Config"
    case tokenizer = "Tokenizer"
    case decoder = "Decoder"

    /// Reads and uses one input.
    /// - Returns: whether it was accepted.
    @discardableResult public func run(_ bytes: UnsafeRawBufferPointer) -> Bool {
        if self == .decoder {
            Input.decode(bytes)
            return true
        }
        do {
            let folder = Input.folders[self]!
            let path = try folder.write(Array(bytes), as: fileName)
            if self != .tokenizer {
                try Input.use(Weights(contentsOf: self == .config ? folder.path : path))
            }
            if self == .tokenizer || self == .gguf { try Input.useTokenizer(path) }
            return true
        } catch {
            precondition(!"\(error)".contains("\n"), "an error is one line")
            return false
        }
    }

    private var fileName: String {
        switch self {
        case .config: "config.json"
        case .index: "model.safetensors.index.json"
        case .safetensors: "model.safetensors"
        default: "model"
        }
    }

    /// A folder for each kind, with the files that it needs beside the input.
    private static let folders = Dictionary(
        uniqueKeysWithValues: Input.allCases.map { input in
            let folder = try! TemporaryFolder()
            try! TinyHuggingFace().write(to: folder, shards: input == .index ? 2 : 1)
            return (input, folder)
        })

    /// Reads every value, and multiplies every matrix.
    private static func use(_ weights: Weights) {
        for (name, shape) in weights.config.shapes {
            let tensor = weights[name]
            precondition(tensor.shape == Shape(shape), "\(name) has the shape of the model's sizes")
            precondition(tensor.values.count == shape.reduce(1, *), "\(name) has all its values")
            if shape.count > 1 {
                let x = Tensor(Array(repeating: 1, count: shape[1]))
                _ = matmul(x, tensor.transposed()).values
            }
        }
    }

    private static func useTokenizer(_ path: String) throws {
        do {
            _ = try Tokenizer(contentsOf: path, vocabSize: 0)
        } catch TokenizerError.wrongSize(_, _, let found) {
            let tokenizer = try Tokenizer(contentsOf: path, vocabSize: found)
            let tokens = try tokenizer.encode("Once upon a time, \u{4F60}\u{597D} \u{1F600}\n")
            precondition(tokens.allSatisfy { 0..<found ~= $0 }, "tokens are in the vocabulary")
            var decoder = StreamingDecoder(tokenizer)
            _ = decoder.decode(tokens) + decoder.decode(Array(0..<min(found, 1000)))
        }
    }

    private static let tinyTokenizer: Tokenizer = {
        let tiny = TinyTokenizer()
        let path = try! folders[.decoder]!.write(tiny.bytes, as: "tokenizer.model")
        return try! Tokenizer(contentsOf: path, vocabSize: tiny.vocabSize)
    }()

    /// Decodes one token for each byte. Their text does not depend on how many come at a time; it has
    /// the characters, and U+FFFD for every byte that belongs to none.
    private static func decode(_ bytes: UnsafeRawBufferPointer) {
        // bytes that UTF-8 never has stand for the tokens that are not bytes
        let pieces = TinyTokenizer().pieces
        let others = [TinyTokenizer.unknown, TinyTokenizer.bos, TinyTokenizer.eos]
        let tokens = bytes.map { byte in
            switch Int(byte) - 0xF8 {
            case 0..<3: others[Int(byte) - 0xF8]
            case 3..<(3 + pieces.count): TinyTokenizer().token(pieces[Int(byte) - 0xFB])
            default: TinyTokenizer.token(byte: byte)
            }
        }
        var (whole, single) = (StreamingDecoder(tinyTokenizer), StreamingDecoder(tinyTokenizer))
        let text = whole.decode(tokens) + whole.finish()
        let parts = tokens.map { single.decode([$0]) }.joined() + single.finish()
        precondition(text == parts, "a text does not depend on how its tokens come")
        if bytes.allSatisfy({ $0 < 0xF8 }) {
            precondition(text.utf8.elementsEqual(repaired(bytes).utf8), "a text has its characters")
        }
    }

    /// The first valid start of at most four bytes is a character; without one, a byte is replaced.
    private static func repaired(_ bytes: UnsafeRawBufferPointer) -> String {
        var (text, rest) = ("", bytes[...])
        while !rest.isEmpty {
            let starts = (1...min(4, rest.count)).map { rest.prefix($0) }
            let valid = starts.first { String(validating: $0, as: UTF8.self) != nil }
            text += valid.map { String(decoding: $0, as: UTF8.self) } ?? "\u{FFFD}"
            rest = rest.dropFirst(valid?.count ?? 1)
        }
        return text
    }
}
