// Progress: a progress bar on standard error, if that is a terminal. Convert shows it.

import Foundation
import Support

final class Progress {
    private let label: String
    private let total: Int
    private let isVisible = isatty(STDERR_FILENO) == 1
    private var shown = -1

    init(_ label: String, total: Int) { (self.label, self.total) = (label, max(1, total)) }

    deinit { if shown >= 0 { write("\r\u{1B}[K", to: STDERR_FILENO) } }

    func show(_ done: Int) {
        let percent = done * 100 / total
        guard isVisible && percent != shown else { return }
        shown = percent
        let width = percent * 40 / 100
        let bar = String(repeating: "#", count: width) + String(repeating: ".", count: 40 - width)
        write("\r\(label) [\(bar)] \(percent) %", to: STDERR_FILENO)
    }
}
