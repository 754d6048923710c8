// Runs the inputs that once did harm, here or in other readers: FuzzTesting/FailCases/KIND has them.

import Foundation
import Inputs
import Testing

@Suite struct FuzzFindingsTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../FuzzTesting/FailCases").standardizedFileURL

    @Test(arguments: Input.allCases) func `no finding does harm again`(input: Input) throws {
        let folder = FuzzFindingsTests.folder.appending(path: input.rawValue)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        for name in names.sorted() where !name.hasPrefix(".") {
            let bytes = try Data(contentsOf: folder.appending(path: name))
            // anything but an error stops the process
            bytes.withUnsafeBytes { #expect(!input.run($0), "\(name) was accepted") }
        }
    }
}
