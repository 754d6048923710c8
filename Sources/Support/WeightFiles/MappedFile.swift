// MappedFile: a whole file as read-only memory, and how to read numbers of it that nobody vouches for.

/// A file's bytes, mapped: the system reads a page when it is first touched, and may drop it again.
final class MappedFile {
    let path: String
    let bytes: UnsafeRawBufferPointer

    /// - Throws: `FileError` if `path` is not a readable, non-empty regular file.
    init(path: String) throws {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileError.unreadable(path, reason(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw FileError.unreadable(path, reason(errno))
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw FileError.notAFile(path, "a directory")
        default: throw FileError.notAFile(path, "something else")
        }
        guard status.st_size > 0 else { throw FileError.empty(path) }
        let count = Int(status.st_size)
        guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
        else { throw FileError.unreadable(path, reason(errno)) }
        madvise(base, count, MADV_WILLNEED)
        bytes = UnsafeRawBufferPointer(start: base, count: count)
    }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count) }

    /// Gives the memory of whole pages in a range back to the system, until they are touched again.
    func release(_ range: Range<Int>) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let start = (range.lowerBound + page - 1) / page * page
        let count = range.upperBound / page * page - start
        guard count > 0 else { return }
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start)
        madvise(base, count, MADV_DONTNEED)
    }

    /// A tensor over the file's own memory.
    /// - Precondition: the values lie within the file, at a multiple of their size.
    func tensor(at offset: Int, shape: Shape, element: ElementType = .float32) -> Tensor {
        precondition(
            offset % element.size == 0 && offset + shape.count * element.size <= bytes.count)
        let storage = Storage(
            borrowing: bytes.baseAddress! + offset, count: shape.count, element: element,
            owner: self)
        return Tensor(storage: storage, offset: 0, shape: shape, strides: shape.rowMajorStrides)
    }
}

/// The bytes of a file.
/// - Throws: `FileError` if it cannot be read.
public func readFile(_ path: String) throws -> Data {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { Data(file.bytes) }
}

private func reason(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Why a file cannot be read or written at all.
public enum FileError: Error, Equatable, CustomStringConvertible {
    case unreadable(_ path: String, _ reason: String)
    case notAFile(_ path: String, _ what: String)
    case empty(_ path: String)
    case unwritable(_ path: String)

    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
        case .notAFile(let path, let what): "\(path): expected a file, found \(what)"
        case .empty(let path): "\(path): the file is empty"
        case .unwritable(let path): "\(path): cannot be written"
        }
    }
}

extension UnsafeRawBufferPointer {
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
