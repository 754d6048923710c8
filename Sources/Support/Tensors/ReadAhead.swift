// ReadAhead: what a worker does while it has nothing to compute. A token is multiplied with the same
// weights in the same order as the token before, so that what the next product will read is known:
// the worker has its share of it brought into its cache, and memory does not rest between products.
// With two threads and 60 MB of weights, decoding gains some 5 %.

import CIntrinsics
import Synchronization

/// Learns in which order memory is read, and says what comes next.
final class ReadAhead: @unchecked Sendable {
    /// What one job so far has read after the other; used by one thread at a time.
    private(set) var order: [UnsafeRawBufferPointer] = []
    private var next = 0

    // What comes next, for the workers. They may see the start of one region and the size of another,
    // and ask for memory that nobody needs or has: that does no harm.
    private let start = Atomic<UInt>(0)
    private let size = Atomic<UInt>(0)
    private let version = Atomic<Int>(0)

    /// A job begins to read this memory, each thread its share.
    /// - Returns: what the next will read if the order is as before; at first, the same again.
    @discardableResult
    func follow(_ region: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        func isExpected(at index: Int) -> Bool {
            order[index].baseAddress == region.baseAddress && order[index].count == region.count
        }
        if next == order.count, let known = order.indices.first(where: isExpected) {
            order.removeFirst(known)  // a round begins here; what came before it comes no more
            next = 0
        }
        if next < order.count && !isExpected(at: next) { order.removeSubrange(next...) }
        if order.count == 1 << 12 { (order, next) = ([], 0) }  // no order at all
        if next == order.count { order.append(region) }
        next += 1

        let following = order[next < order.count ? next : 0]
        start.store(UInt(bitPattern: following.baseAddress), ordering: .relaxed)
        size.store(UInt(following.count), ordering: .relaxed)
        version.add(1, ordering: .releasing)
        return following
    }

    /// One worker's way through its share of what comes next.
    struct Cursor {
        private static let line: UInt = 64
        /// At most half of a second-level cache, so that what was asked for first is still there.
        private static let most: UInt = 1 << 19
        private var version = 0
        private var place: UInt = 0, end: UInt = 0

        /// Asks for some more lines, few enough to look for work in between.
        @inline(__always)
        mutating func advance(in ahead: ReadAhead, thread: Int, of threads: Int) {
            let latest = ahead.version.load(ordering: .acquiring)
            if latest != version {
                version = latest
                let size = ahead.size.load(ordering: .relaxed)
                place = ahead.start.load(ordering: .relaxed) &+ size / UInt(threads) * UInt(thread)
                end = place &+ min(size / UInt(threads), Cursor.most)
            }
            for _ in 0..<32 where place < end {
                prefetch(UnsafeRawPointer(bitPattern: place)!)
                place += Cursor.line
            }
        }
    }
}
