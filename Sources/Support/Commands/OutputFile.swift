// OutputFile: a file that appears under its name only when it is complete. llama-weights writes
// weights to one, full-llama a trace: neither an error nor a signal leaves an unfinished file.

import CSignals

/// A file that an error or a signal removes, unless it is kept.
package final class UnfinishedFile {
    package let path: String
    private let number: Int32
    private var isKept = false

    package init(_ path: String) { (self.path, number) = (path, remember_unfinished_file(path)) }

    deinit {
        if isKept { return }
        unlink(path)
        forget_unfinished_file(number)
    }

    package func keep() {
        isKept = true
        forget_unfinished_file(number)
    }
}

/// A file with a temporary name, in the folder of the file that it replaces. A device or a pipe is
/// written directly.
package final class OutputFile {
    /// The temporary name.
    package let path: String
    package let file: UnsafeMutablePointer<FILE>
    private let finalPath: String
    private let unfinished: UnfinishedFile?

    /// - Throws: `FileError` if the file cannot be created.
    package init(replacing finalPath: String) throws {
        var status = stat()
        let exists = stat(finalPath, &status) == 0
        guard !exists || access(finalPath, W_OK) == 0 else {
            throw FileError.unwritable(finalPath, systemError)
        }
        let isSpecial = exists && status.st_mode & S_IFMT != S_IFREG
        // a symbolic link remains one
        let target = exists ? realpath(finalPath, nil) : nil
        defer { free(target) }
        self.finalPath = target.map { String(cString: $0) } ?? finalPath
        path = isSpecial ? finalPath : "\(self.finalPath).\(getpid()).part"
        unfinished = isSpecial ? nil : UnfinishedFile(path)

        var descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        if descriptor >= 0 && descriptor <= STDERR_FILENO {
            // a standard stream that is closed must not become this file
            let standard = descriptor
            descriptor = fcntl(standard, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
            close(standard)
        }
        guard descriptor >= 0, let file = fdopen(descriptor, "w") else {
            throw FileError.unwritable(finalPath, systemError)
        }
        self.file = file
    }

    deinit { fclose(file) }

    /// - Throws: `FileError` if the write fails.
    package func write(_ data: Data) throws {
        let written = data.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, file) }
        guard written == data.count && fflush(file) == 0 else {
            throw FileError.unwritable(finalPath, systemError)
        }
    }

    /// Renames the file to its final name.
    /// - Throws: `FileError` if that fails.
    package func keep() throws {
        guard let unfinished else { return }
        guard rename(path, finalPath) == 0 else {
            throw FileError.unwritable(finalPath, systemError)
        }
        unfinished.keep()
    }
}
