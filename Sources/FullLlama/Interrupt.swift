// Interrupt: Ctrl-C ends the answer under way, not the program.

import Foundation
import Synchronization

/// Watches for Ctrl-C from its creation on.
final class Interrupt: Sendable {
    private static let count = Atomic<Int>(0)

    init() {
        reset()
        signal(SIGINT) { _ in Interrupt.count.add(1, ordering: .relaxed) }
    }

    var isRequested: Bool { Interrupt.count.load(ordering: .relaxed) > 0 }

    func reset() { Interrupt.count.store(0, ordering: .relaxed) }
}
