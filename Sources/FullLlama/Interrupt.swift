// Interrupt: Ctrl-C stops the current answer of a chat, not the program.

import Foundation
import Synchronization

/// Records every Ctrl-C after its creation.
final class Interrupt: Sendable {
    private static let isRequested = Atomic<Bool>(false)

    init() {
        reset()
        signal(SIGINT) { _ in Interrupt.isRequested.store(true, ordering: .relaxed) }
    }

    var isRequested: Bool { Interrupt.isRequested.load(ordering: .relaxed) }

    func reset() { Interrupt.isRequested.store(false, ordering: .relaxed) }
}
