// Trace files, read by full-llama's own source: a program cannot be imported.

import Foundation
import TestSupport

private let folder = try! TemporaryFolder()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
    let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
    guard let path = try? folder.write(bytes, as: "trace.jsonl"),
        let comparison = try? TraceComparison(path: path, tolerance: 1e-3)
    else { return 0 }
    for stage in ["embedding", "layers.0.attention", "logits"] {
        comparison.compare(
            TraceRecord(position: 0, stage: stage, shape: [2], values: [1, -.infinity]))
    }
    precondition(!comparison.description.isEmpty)
    return 0
}
