// OutputFile: writes to a temporary file, and renames it when complete. Convert uses it, so that an
// error or Ctrl-C leaves no unfinished file.

import Foundation
import Support

/// A file with a temporary name, in the folder of the file that it replaces.
final class OutputFile {
    /// The temporary name.
    let path: String
    private let finalPath: String
    private let file: UnsafeMutablePointer<FILE>
    let byteCount: Int

    /// - Throws: `ConversionError` if there is too little space, `FileError` if the file cannot be
    ///   created.
    init(replacing finalPath: String, byteCount: Int) throws {
        (self.finalPath, self.byteCount) = (finalPath, byteCount)
        var disk = statvfs()
        if statvfs(siblingPath(".", of: finalPath), &disk) == 0 {
            let free = Int(min(Double(disk.f_bavail) * Double(disk.f_frsize), 9e18))
            guard free >= byteCount else {
                throw ConversionError.noSpace(finalPath, needed: byteCount, free: free)
            }
        }
        path = "\(finalPath).\(getpid()).part"
        TemporaryFile.register(path)
        guard let file = fopen(path, "w") else {
            TemporaryFile.forget()
            throw FileError.unwritable(finalPath, systemError)
        }
        self.file = file
    }

    deinit {
        fclose(file)
        unlink(path)  // fails once the file has its final name
        TemporaryFile.forget()
    }

    /// Writes the whole file, with a progress bar.
    func write(_ contents: WeightFileContents) throws {
        let progress = Progress("writing", total: byteCount)
        try contents.write(to: file, path: finalPath, progress: progress.show)
    }

    /// Renames the file to its final name.
    func keep() throws {
        guard rename(path, finalPath) == 0 else {
            throw FileError.unwritable(finalPath, systemError)
        }
    }
}

/// The path of the unfinished file. A signal that ends the program removes the file too.
private enum TemporaryFile {
    // a C string, because a signal handler may run at any time and may not allocate
    nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar>?

    static func register(_ path: String) {
        self.path = strdup(path)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { number in
                if let path = TemporaryFile.path { unlink(path) }
                _exit(128 + number)
            }
        }
    }

    static func forget() { path = nil }
}
