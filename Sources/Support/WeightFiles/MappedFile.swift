// MappedFile: a memory-mapped, read-only file, and checked reads of its numbers. The readers of
// weight files and tokenizers use it.

import CSignals

/// A memory-mapped file: the system reads a page on first access, and may drop it later. If another
/// program makes the file shorter, the next access to a lost page names the file and exits with 1.
final class MappedFile {
    let path: String
    let bytes: UnsafeRawBufferPointer
    private let number: Int32

    /// - Throws: `FileError` if `path` is not a readable, non-empty regular file.
    init(path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError.unreadable(path, systemError) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError.unreadable(path, systemError) }
        let type = status.st_mode & S_IFMT
        guard type == S_IFREG else {
            throw FileError.notAFile(path, type == S_IFDIR ? "a directory" : "something else")
        }
        guard status.st_size > 0 else { throw FileError.empty(path) }
        let count = Int(status.st_size)
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
        else { throw FileError.unreadable(path, systemError) }
        madvise(base, count, MADV_WILLNEED)
        bytes = UnsafeRawBufferPointer(start: base, count: count)
        number = remember_mapped_file(base, count, path.printable)
    }

    deinit {
        forget_mapped_file(number)
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count)
    }

    /// Lets the system drop the pages inside a range from memory; it reads them again on access.
    func release(_ range: Range<Int>) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let start = (range.lowerBound + page - 1) / page * page
        let count = range.upperBound / page * page - start
        guard count > 0 else { return }
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start)
        madvise(base, count, MADV_DONTNEED)
    }

    /// A tensor that views the file's memory.
    /// - Precondition: the values lie within the file, at a multiple of their size.
    func tensor(at offset: Int, shape: Shape, element: ElementType = .float32) -> Tensor {
        precondition(
            offset % element.alignment == 0
                && offset + element.byteCount(shape.count) <= bytes.count)
        let storage = Storage(
            borrowing: bytes.baseAddress! + offset, count: shape.count, element: element,
            owner: self)
        return Tensor(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
    }
}

/// The bytes of a file, or the first `count` of them, memory-mapped.
/// - Throws: `FileError` if it cannot be read.
public func readFile(_ path: String, atMost count: Int = .max) throws -> Data {
    let file = try MappedFile(path: path)
    let start = UnsafeMutableRawPointer(mutating: file.bytes.baseAddress!)
    return Data(
        bytesNoCopy: start, count: min(count, file.bytes.count),
        deallocator: .custom { _, _ in withExtendedLifetime(file) {} })
}

extension UnsafeRawBufferPointer {
    /// - Parameter what: a description of these bytes for the error.
    /// - Throws: `WeightFileError.Problem.truncated` unless `count` bytes follow at `offset`.
    func require(_ count: Int, at offset: Int, reading what: @autoclosure () -> String) throws {
        guard count <= self.count - offset else {
            throw Problem.truncated(
                reading: what(), at: offset, needed: count, available: self.count - offset)
        }
    }

    /// A little-endian number.
    /// - Precondition: its bytes lie within the buffer.
    func number<Number: FixedWidthInteger>(
        at offset: Int, as type: Number.Type = Number.self
    ) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
    }
}

extension [Int] {
    /// The product of sizes that may come from a damaged file, or nil if it overflows.
    var checkedProduct: Int? {
        var product = 1
        for size in self {
            let (result, overflow) = product.multipliedReportingOverflow(by: size)
            if overflow { return nil }
            product = result
        }
        return product
    }
}
