// CommandRunner: finds and runs compact-llama.

import Foundation
import TestSupport

extension CommandRunner {
    static let executable = find("compact-llama")

    static func run(_ arguments: String...) throws -> Result { try run(executable!, arguments) }
}
