// Recycler: memory of tensors that are gone, for those to come. A token needs hundreds of small tensors
// of the same few sizes; the same memory again is still in the cache, and costs no system call.

import Synchronization

enum Recycler {
    private struct Block: @unchecked Sendable { let start: UnsafeMutableRawPointer }

    /// Blocks that wait, by the power of two that is their size.
    private static let blocks = Mutex([[Block]](repeating: [], count: largest + 1))
    private static let largest = 20  // 1 MB
    /// The bytes that wait per size, at most; a single block may have more.
    private static let capacity = 1 << 18

    private static func power(_ byteCount: Int) -> Int {
        max(6, Int.bitWidth - (byteCount - 1).leadingZeroBitCount)
    }

    static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        let power = power(byteCount)
        if power > largest { return .allocate(byteCount: byteCount, alignment: 16) }
        return blocks.withLock { $0[power].popLast() }?.start
            ?? .allocate(byteCount: 1 << power, alignment: 16)
    }

    /// - Parameter byteCount: as it was allocated.
    static func free(_ start: UnsafeMutableRawPointer, byteCount: Int) {
        let power = power(byteCount)
        let block = Block(start: start)
        let isKept =
            power <= largest
            && blocks.withLock { blocks in
                let isFull = blocks[power].count >= max(1, capacity >> power)
                if !isFull { blocks[power].append(block) }
                return !isFull
            }
        if !isKept { start.deallocate() }
    }
}
