// ThreadPoolTests: every task of every job runs once, for any number of threads and any timing.

import CIntrinsics
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Support

/// One pool for each number of threads. The tests share them, because their threads never end.
private let pools = [
    1: ThreadPool(threads: 1), 2: ThreadPool(threads: 2),
    3: ThreadPool(threads: 3), 8: ThreadPool(threads: 8),
]

/// Counts the runs of each task. The thread sanitizer sees an NSLock, but not a Mutex.
private final class TaskCounts: @unchecked Sendable {
    private let lock = NSLock()
    private var counts: [Int]

    init(_ count: Int) { counts = Array(repeating: 0, count: count) }

    func add(_ index: Int) { lock.withLock { counts[index] += 1 } }
    var values: [Int] { lock.withLock { counts } }
}

@Suite(.serialized) struct ThreadPoolTests {
    @Test(arguments: [1, 2, 3, 8], [0, 1, 2, 3, 7, 64, 1000])
    func `every task runs once`(threads: Int, count: Int) {
        let runs = TaskCounts(count)
        pools[threads]!.run(count) { runs.add($0) }
        #expect(runs.values == Array(repeating: 1, count: count))
    }

    @Test func `a pool has at least one thread`() {
        let runs = TaskCounts(5)
        let pool = ThreadPool(threads: 0)
        pool.run(5) { runs.add($0) }
        #expect(pool.threads == 1)
        #expect(runs.values == [1, 1, 1, 1, 1])
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

    @Test(arguments: [2, 3, 8]) func `a nested job runs completely`(threads: Int) {
        let pool = pools[threads]!
        let runs = TaskCounts(60)
        pool.run(6) { outer in
            pool.run(10) { inner in runs.add(outer * 10 + inner) }
        }
        #expect(runs.values == Array(repeating: 1, count: 60))
    }

    @Test(arguments: [2, 8]) func `concurrent jobs all run completely`(threads: Int) {
        let pool = pools[threads]!
        let runs = TaskCounts(4 * 300)
        DispatchQueue.concurrentPerform(iterations: 4) { caller in
            for job in 0..<60 {
                pool.run(5) { task in runs.add(caller * 300 + job * 5 + task) }
                sched_yield()  // to the other callers
            }
        }
        #expect(runs.values == Array(repeating: 1, count: 4 * 300))
    }

    @Test(arguments: [2, 3, 8])
    func `thousands of short jobs with pauses all end`(threads: Int) {
        let pool = pools[threads]!
        var random = Random(seed: UInt64(threads))
        let done = Atomic<Int>(0)
        var expected = 0
        for job in 0..<20_000 {
            let count = 2 + random.below(6)
            expected += count
            // sometimes one task takes about as long as an idle worker spins
            let slow = random.below(4) == 0 ? random.below(count) : -1
            let spins = random.below(100) == 0 ? random.below(32_000) : random.below(4000)
            pool.run(count) { task in
                if task == slow { for _ in 0..<spins { spin() } }
                done.add(1, ordering: .relaxed)
            }
            #expect(done.load(ordering: .relaxed) == expected, "job \(job)")
            // sometimes long enough for the workers to sleep, or nearly
            if random.below(200) == 0 { usleep(UInt32(random.below(2000))) }
            for _ in 0..<random.below(1000) { spin() }
        }
    }

    @Test(arguments: [2, 3, 8])
    func `all threads work at once, whether they spin, sleep or are about to`(threads: Int) {
        let pool = pools[threads]!
        for job in 0..<300 {
            // a worker sleeps after 500 µs
            let started = Atomic<Int>(0)
            let end = ContinuousClock.now + .seconds(10)
            if job % 10 == 0 { usleep(3000) } else { usleep(UInt32(400 + job)) }
            pool.run(threads) { _ in
                started.add(1, ordering: .relaxed)
                // a task ends after all have begun, so no thread can do two
                while started.load(ordering: .relaxed) < threads, ContinuousClock.now < end {
                    sched_yield()
                }
            }
            guard ContinuousClock.now < end else {
                Issue.record("job \(job): a thread is missing")
                break
            }
        }
    }

    @Test func `the caller waits for the longest task`() {
        let pool = pools[3]!
        for slow in 0..<12 {
            let runs = TaskCounts(12)
            pool.run(12) { task in
                if task == slow { usleep(2000) }
                runs.add(task)
            }
            #expect(runs.values == Array(repeating: 1, count: 12), "slow task \(slow)")
        }
    }

    private func spin() { spin_pause() }
}
