// Storage: the memory of tensors, either allocated or borrowed from a memory-mapped file.

import CIntrinsics
import CSignals

/// Memory that one or more tensors view.
final class Storage {
    let start: UnsafeMutableRawPointer
    /// The number of elements.
    let count: Int
    let element: ElementType
    private let owner: AnyObject?

    init(count: Int, element: ElementType = .float32) {
        _ = Storage.freedMemoryIsReused
        start = allocateMemory(element.byteCount(count))
        (self.count, self.element, owner) = (count, element, nil)
    }

    /// Borrows memory that `owner` keeps alive and that nothing writes to.
    init(borrowing start: UnsafeRawPointer, count: Int, element: ElementType, owner: AnyObject) {
        self.start = UnsafeMutableRawPointer(mutating: start)
        (self.count, self.element, self.owner) = (count, element, owner)
    }

    deinit { if owner == nil { free(start) } }

    /// A pointer to the elements.
    /// - Precondition: `E` is the element type.
    @inline(__always)
    func elements<E: Element>(as type: E.Type = Float.self) -> UnsafeMutablePointer<E> {
        start.assumingMemoryBound(to: E.self)
    }

    var bytes: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: start, count: element.byteCount(count))
    }

    /// Whether a tensor may write Floats into this memory.
    var isWritable: Bool { owner == nil && element == .float32 }

    /// Set once, before the first allocation. By default, glibc returns blocks of 128 KiB and more
    /// to the system, and each new block causes page faults: prefill of 200 tokens takes a third
    /// longer.
    private static let freedMemoryIsReused: Void = keep_freed_memory()
}

/// Allocates memory for numbers; the caller must `free` it. If the system has none left, it says so
/// in one line and exits with 1, where Swift's own allocation would crash.
func allocateMemory(_ byteCount: Int, alignment: Int = 16) -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, alignment, max(1, byteCount)) == 0, let memory else {
        exit_out_of_memory(byteCount)
    }
    return memory
}

/// The same for `capacity` elements.
func allocateMemory<E>(capacity: Int) -> UnsafeMutablePointer<E> {
    allocateMemory(capacity * MemoryLayout<E>.stride).bindMemory(to: E.self, capacity: capacity)
}
