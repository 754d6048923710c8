// ThreadPool: every task of every job is done once, whatever the number of threads and the timing.

import CIntrinsics
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Support

/// One pool for each number of threads, kept: its threads never end.
private let pools = [
    1: ThreadPool(threads: 1), 2: ThreadPool(threads: 2),
    3: ThreadPool(threads: 3), 8: ThreadPool(threads: 8),
]

/// Counts, for each task, how often it was done.
private final class Tally: Sendable {
    private let counts: Mutex<[Int]>

    init(_ count: Int) { counts = Mutex(Array(repeating: 0, count: count)) }

    func add(_ index: Int) { counts.withLock { $0[index] += 1 } }
    var values: [Int] { counts.withLock { $0 } }
}

@Suite(.serialized) struct ThreadPoolTests {
    @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 3, 7, 64, 1000])
    func `every task is done once`(threads: Int, count: Int) {
        let tally = Tally(count)
        pools[threads]!.run(count) { tally.add($0) }
        #expect(tally.values == Array(repeating: 1, count: count))
    }

    @Test func `a pool has at least one thread`() {
        let tally = Tally(5)
        let pool = ThreadPool(threads: 0)
        pool.run(5) { tally.add($0) }
        #expect(pool.threads == 1)
        #expect(tally.values == [1, 1, 1, 1, 1])
        #expect(ThreadPool.shared.threads >= 1)
    }

    @Test func `results do not depend on the number of threads`() {
        func sines(_ pool: ThreadPool) -> [Double] {
            let results = UnsafeMutableBufferPointer<Double>.allocate(capacity: 500)
            defer { results.deallocate() }
            nonisolated(unsafe) let target = results
            pool.run(500) { index in
                target[index] = (0..<50).reduce(0) { $0 + sin(Double(index * $1)) }
            }
            return Array(results)
        }
        let expected = sines(pools[1]!)
        for threads in [2, 3, 8] { #expect(sines(pools[threads]!) == expected) }
    }

    @Test(arguments: [2, 3, 8]) func `a job within a job is done, too`(threads: Int) {
        let pool = pools[threads]!
        let tally = Tally(60)
        pool.run(6) { outer in
            pool.run(10) { inner in tally.add(outer * 10 + inner) }
        }
        #expect(tally.values == Array(repeating: 1, count: 60))
    }

    @Test(arguments: [2, 8]) func `jobs from several threads at once are all done`(threads: Int) {
        let pool = pools[threads]!
        let tally = Tally(4 * 300)
        DispatchQueue.concurrentPerform(iterations: 4) { caller in
            for job in 0..<60 {
                pool.run(5) { task in tally.add(caller * 300 + job * 5 + task) }
            }
        }
        #expect(tally.values == Array(repeating: 1, count: 4 * 300))
    }

    @Test(arguments: [2, 3, 8])
    func `thousands of tiny jobs with pauses between them all end`(threads: Int) {
        let pool = pools[threads]!
        var random = Random(seed: UInt64(threads))
        let done = Atomic<Int>(0)
        var expected = 0
        for job in 0..<20_000 {
            let count = 2 + random.below(6)
            expected += count
            // one task takes, now and then, about as long as a thread waits before it sleeps
            let slow = random.below(4) == 0 ? random.below(count) : -1
            let moments = random.below(100) == 0 ? random.below(32_000) : random.below(4000)
            pool.run(count) { task in
                if task == slow { for _ in 0..<moments { spin() } }
                done.add(1, ordering: .relaxed)
            }
            #expect(done.load(ordering: .relaxed) == expected, "job \(job)")
            // long enough, now and then, for the threads to fall asleep, or to be about to
            if random.below(200) == 0 { usleep(UInt32(random.below(2000))) }
            for _ in 0..<random.below(1000) { spin() }
        }
    }

    @Test func `uneven tasks keep the caller waiting for the longest`() {
        let pool = pools[3]!
        for slow in 0..<12 {
            let tally = Tally(12)
            pool.run(12) { task in
                if task == slow { usleep(2000) }
                tally.add(task)
            }
            #expect(tally.values == Array(repeating: 1, count: 12), "slow task \(slow)")
        }
    }

    /// A moment.
    private func spin() { spin_pause() }
}
