// WorkerProcess: runs a process that measures, for Bench and Peers.

import ArgumentParser
import Foundation
import Synchronization

enum WorkerProcess {
    /// The running process; 0 if there is none. The signal handler reads it.
    private static let id = Atomic<Int32>(0)

    /// Runs a program, and returns what it writes to standard output.
    /// - Throws: its `ExitCode` if that is not 0 (it has printed why), `WorkerError` if a signal ended
    ///   it.
    static func output(of program: URL, _ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        id.store(process.processIdentifier, ordering: .relaxed)
        defer { id.store(0, ordering: .relaxed) }
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let status = process.terminationStatus
        if process.terminationReason == .uncaughtSignal {
            throw WorkerError.ended(program.lastPathComponent, signal: status)
        }
        guard status == 0 else { throw ExitCode(status) }
        return data
    }

    /// From now on, Ctrl-C ends the running process. This one then cleans up and exits.
    static func stopOnInterrupt() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                let id = WorkerProcess.id.load(ordering: .relaxed)
                if id > 0 { kill(id, SIGTERM) } else { _exit(128 + number) }
            }
        }
    }
}

/// Why a process did not measure.
enum WorkerError: Error, CustomStringConvertible {
    case ended(_ program: String, signal: Int32)

    var description: String {
        switch self {
        case .ended(let program, let signal):
            "\(program), which measured, was ended by signal \(signal) (9: out of memory, perhaps)"
        }
    }
}

/// The system's monotonic clock, which is the same in all processes.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}
