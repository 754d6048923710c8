// Reads the trace files that once did harm: FuzzTesting/FailCases/Trace has them.

import Foundation
import Testing

@testable import FullLlama

@Suite struct TraceFindingsTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../FuzzTesting/FailCases/Trace").standardizedFileURL

    @Test func `no finding does harm again`() throws {
        let files = try FileManager.default.contentsOfDirectory(
            at: TraceFindingsTests.folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            #expect(throws: TraceError.self) {
                try TraceComparison(path: file.path, tolerance: 1e-3)
            }
        }
    }
}
