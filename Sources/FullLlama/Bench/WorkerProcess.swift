// WorkerProcess: runs a process that measures, reports its peak memory, and ends it on Ctrl-C.
// Bench and Peer use it.

import ArgumentParser
import CSignals
import Foundation
import Support
import Synchronization

enum WorkerProcess {
    /// What a process wrote to standard output, and its peak memory.
    struct Output {
        var data = Data(), peakMegabytes = 0.0
        var text: String { String(decoding: data, as: UTF8.self) }
    }

    /// The running process, or 0; and the number of the signal that ends this one, or 0. The signal
    /// handler uses both.
    private static let id = Atomic<Int32>(0), stopped = Atomic<Int32>(0)

    /// Runs a program. Foundation's Process does not say how much memory its process needed.
    /// - Parameters:
    ///   - program: a path, or a name in PATH.
    ///   - onBytes: called with the number of bytes whenever the process writes some.
    /// - Throws: its `ExitCode` if that is not 0 (it has printed why), `BenchError` if a signal ended
    ///   it or it does not start.
    static func output(
        of program: String, _ arguments: [String], onBytes: (Int) -> Void = { _ in }
    ) throws -> Output {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw BenchError.notStarted(program, systemError) }
        let reader = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        let writer = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        #if canImport(Darwin)
            var (actions, bytesPerUnit) = (posix_spawn_file_actions_t?.none, 1.0)
        #else
            var (actions, bytesPerUnit) = (posix_spawn_file_actions_t(), 1024.0)
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, writer.fileDescriptor, 1)
        let argv = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for argument in argv { free(argument) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, program, &actions, nil, argv, environ)
        guard error == 0 else {
            throw BenchError.notStarted(program, String(cString: strerror(error)))
        }
        id.store(process, ordering: .sequentiallyConsistent)
        defer { id.store(0, ordering: .relaxed) }
        // a signal may have come before the handler could know the process
        if stopped.load(ordering: .sequentiallyConsistent) > 0 { kill(process, SIGTERM) }
        try writer.close()

        var output = Output()
        while case let bytes = reader.availableData, !bytes.isEmpty {
            onBytes(bytes.count)
            output.data += bytes
        }
        var (status, usage): (Int32, rusage) = (0, rusage())
        while wait4(process, &status, 0, &usage) < 0 && errno == EINTR {}
        let signal = stopped.load(ordering: .relaxed)
        guard signal == 0 else { throw ExitCode(128 + signal) }
        if status & 0x7F != 0 { throw BenchError.ended(program, signal: status & 0x7F) }
        guard status == 0 else { throw ExitCode(status >> 8) }
        output.peakMegabytes = Double(usage.ru_maxrss) * bytesPerUnit / 1e6
        return output
    }

    /// From now on, Ctrl-C ends the running process. This one then cleans up and exits. A write
    /// to a closed pipe fails instead of ending the program.
    static func stopOnInterrupt() {
        for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU]
        where !is_ignored(number) {
            signal(number) { number in
                WorkerProcess.stopped.store(number, ordering: .sequentiallyConsistent)
                let id = WorkerProcess.id.load(ordering: .sequentiallyConsistent)
                if id > 0 { kill(id, SIGTERM) }
            }
        }
        signal(SIGPIPE, SIG_IGN)
    }
}
