// Report: `--report FILE`, one page about the run that a browser opens without a network.
// ReportPage makes the page from what ReportRecorder collected.

import Foundation
import Support

/// Records a run, and writes the page.
final class Report {
    let recorder: ReportRecorder
    private let path: String
    private let llama: Llama
    private let weights: String

    /// - Parameter weights: the path of the model's weights, for the page to name.
    /// - Throws: `FileError` if no file can be written at `path`.
    init(path: String, llama: Llama, weights: String, seqLength: Int, mask: Mask) throws {
        try Report.check(path)
        (self.path, self.llama, self.weights) = (path, llama, weights)
        let recorder = ReportRecorder(
            llama.model, llama.sampler, seqLength: seqLength, mask: mask)
        self.recorder = recorder
        llama.sampler.didChoose = recorder.choose
    }

    /// Refuses a path before the run that cannot be written after it. A link would be replaced.
    private static func check(_ path: String) throws {
        var status = stat()
        if lstat(path, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFREG: break
            case S_IFDIR: throw FileError.notAFile(path, "a folder")
            case S_IFLNK: throw FileError.notAFile(path, "a link")
            default: throw FileError.notAFile(path, "a device or a pipe")
            }
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        guard !path.isEmpty, !path.hasSuffix("/"), access(folder, W_OK) == 0 else {
            throw FileError.unwritable(path)
        }
    }

    /// Writes the page. Nothing is written if the run computed nothing.
    /// - Throws: `FileError` if the file cannot be written.
    func write(cache: CacheMode, mask: Mask, comparison: TraceComparison?) throws {
        recorder.finish()
        guard recorder.lens.count > 0 else { return }
        let page = ReportPage(
            recorder: recorder, model: llama.model, weights: weights, cache: cache, mask: mask,
            comparison: comparison, spelling: llama.tokenizer.spelling)
        let text = try Data(page.text().utf8)
        do { try text.write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw FileError.unwritable(path)
        }
        printNote("report: \(path), \(megabytes(text.count))")
    }
}
