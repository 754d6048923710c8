// OutputFile: a file that gets its name when it is whole, and is gone if it does not become so.

import Foundation
import Support

/// A file under a temporary name, in the folder of the file that it is to become.
final class OutputFile {
    /// The temporary name.
    let path: String
    private let target: String
    private let descriptor: Int32
    let byteCount: Int

    /// - Throws: `ConversionError` if there is too little space, or no permission to write.
    init(replacing target: String, byteCount: Int) throws {
        (self.target, self.byteCount) = (target, byteCount)
        let folder = siblingPath(".", of: target)
        var disk = statvfs()
        if statvfs(folder, &disk) == 0 {
            let free = Int(min(Double(disk.f_bavail) * Double(disk.f_frsize), 9e18))
            guard free >= byteCount else {
                throw ConversionError.noSpace(target, needed: byteCount, free: free)
            }
        }
        path = "\(target).\(getpid()).part"
        Leftover.path(path)
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw ConversionError.unwritable(target, systemError) }
    }

    deinit {
        close(descriptor)
        Leftover.remove()
    }

    /// Writes a whole file, with a progress bar.
    func write(_ layout: Layout) throws {
        let progress = Progress("writing", total: byteCount)
        var done = 0
        func write(_ bytes: UnsafeRawBufferPointer) throws {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = Foundation.write(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress!, rest.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { throw ConversionError.unwritable(target, systemError) }
                rest = rest.dropFirst(count)
            }
            done += bytes.count
            progress.show(done)
        }
        for piece in layout.pieces {
            switch piece {
            case .bytes(let bytes): try bytes.withUnsafeBytes(write)
            case .tensor(let tensor, let element, let row):
                try forEachRun(of: tensor, as: element, row: row, write)
            case .floats(let rows, _, let row):
                for i in 0..<rows { try row(i).withUnsafeBytes(write) }
            }
        }
        guard fsync(descriptor) == 0 else { throw ConversionError.unwritable(target, systemError) }
    }

    /// Gives the file its name.
    func keep() throws {
        guard rename(path, target) == 0 else {
            throw ConversionError.unwritable(target, systemError)
        }
        Leftover.forget()
    }
}

/// Hands out the bytes of a tensor, some megabytes at a time.
private func forEachRun(
    of tensor: Tensor, as element: ElementType, row: ((Int) -> Int)?,
    _ body: (UnsafeRawBufferPointer) throws -> Void
) throws {
    for run in tensor.runsOfRows {
        if let row {
            var bytes: [UInt8] = []
            for i in run {
                let source = row(i)
                tensor[source..<source + 1].withBytes { bytes.append(contentsOf: $0) }
            }
            try bytes.withUnsafeBytes(body)
        } else if element == tensor.element {
            try tensor[run].withBytes(body)
        } else {
            try tensor[run].values.withUnsafeBytes(body)
        }
    }
}

private var systemError: String { String(cString: strerror(errno)) }

/// The unfinished file, which also a signal removes.
private enum Leftover {
    // only a pointer, since little else is allowed in the handler, which may come at any time
    nonisolated(unsafe) private static var name: UnsafeMutablePointer<CChar>?

    static func path(_ path: String) {
        name = strdup(path)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                if let name = Leftover.name { unlink(name) }
                _exit(128 + number)
            }
        }
    }

    static func remove() {
        if let name { unlink(name) }
        forget()
    }

    static func forget() { name = nil }
}
