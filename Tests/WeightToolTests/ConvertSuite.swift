// ConvertSuite: a folder for conversions and their errors, which the tests of all formats and those of
// GGUF share.

import Foundation
import TestSupport

@testable import WeightTool

protocol ConvertSuite {
    var folder: TemporaryFolder { get }
}

extension ConvertSuite {
    /// A folder with an empty folder for the input.
    static func makeFolder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("in"), withIntermediateDirectories: false)
        return folder
    }

    var input: String { folder.file("in") }

    var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    func convert(_ arguments: String...) throws {
        try WeightTool.Convert.parse(arguments).run()
    }

    /// The error's sentence, with FOLDER for the folder's path.
    func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            return "\(error)".replacingOccurrences(of: folder.path, with: "FOLDER")
        }
    }
}
