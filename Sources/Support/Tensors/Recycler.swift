// Recycler: free lists, the memory of tensors that are gone for those to come. A token needs hundreds
// of small tensors of the same few sizes; the same memory again is still in the cache, and costs no
// system call.

import Synchronization

enum Recycler {
    /// Blocks that wait, by the power of two that is their size. The first bytes of a block hold the
    /// address of the next.
    private struct Shelves: @unchecked Sendable {
        let first = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: largest + 1)
        let counts = UnsafeMutablePointer<Int>.allocate(capacity: largest + 1)

        init() {
            first.initialize(repeating: nil, count: largest + 1)
            counts.initialize(repeating: 0, count: largest + 1)
        }
    }

    private static let shelves = Mutex(Shelves())
    private static let largest = 24  // 16 MB
    /// The bytes that wait per size, at most; two blocks may have more.
    private static let capacity = 1 << 18

    private static func power(_ byteCount: Int) -> Int {
        max(6, Int.bitWidth - (byteCount - 1).leadingZeroBitCount)
    }

    static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        let power = power(byteCount)
        if power > largest { return .allocate(byteCount: byteCount, alignment: 16) }
        let block = shelves.withLock { shelves -> UnsafeMutableRawPointer? in
            guard let block = shelves.first[power] else { return nil }
            shelves.first[power] = block.load(as: UnsafeMutableRawPointer?.self)
            shelves.counts[power] -= 1
            return block
        }
        return block ?? .allocate(byteCount: 1 << power, alignment: 16)
    }

    /// - Parameter byteCount: as it was allocated.
    static func free(_ block: UnsafeMutableRawPointer, byteCount: Int) {
        let power = power(byteCount)
        let isKept =
            power <= largest
            && shelves.withLock { shelves in
                if shelves.counts[power] >= max(2, capacity >> power) { return false }
                block.storeBytes(of: shelves.first[power], as: UnsafeMutableRawPointer?.self)
                shelves.first[power] = block
                shelves.counts[power] += 1
                return true
            }
        if !isKept { block.deallocate() }
    }
}
