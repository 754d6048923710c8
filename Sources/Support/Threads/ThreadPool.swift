// ThreadPool: the worker threads behind matmul and the larger element-wise operations. A token needs
// some fifty matrix products of a few microseconds each, so a worker that has nothing to do first
// spins for a moment and only then sleeps.

import CIntrinsics
import Dispatch
import Synchronization

/// How many threads compute.
public enum ThreadCount {
    private static let chosen = Atomic<Int>(0)

    /// To be set before the first computation; later it has no effect.
    public static var current: Int {
        get {
            let count = chosen.load(ordering: .relaxed)
            return count > 0 ? count : Int(usable_cores())
        }
        set { chosen.store(newValue, ordering: .relaxed) }
    }
}

/// A fixed set of threads that share the pieces of one job at a time. The caller works too.
final class ThreadPool: @unchecked Sendable {
    /// One thread for every core this process may use, unless another number is set.
    static let shared = ThreadPool(threads: ThreadCount.current)

    /// How long an idle thread looks for work before it sleeps: longer than what lies between two
    /// products takes, with the drawing and printing of a token. Waking up takes a part of a token.
    private static let patience = Duration.microseconds(500)

    let threads: Int
    /// How often a thread looks for work in that time, at least; the quickest of several trials
    /// counts, since a thread may be put aside in the midst of one.
    private let spins = {
        let trial = 1 << 8
        let times = (0..<8).map { _ in
            ContinuousClock().measure { for _ in 0..<trial { spin_pause() } }
        }
        return max(trial, Int(Double(trial) * (patience / max(times.min()!, .nanoseconds(1)))))
    }()

    /// What is to be done, in an object that nobody has to retain for a piece: threads that count
    /// references to one object slow each other down.
    private final class Job {
        let body: (Int) -> Void
        init(_ body: @escaping (Int) -> Void) { self.body = body }
    }

    // The current job is read only by who has claimed a piece, and written only while there are none,
    // so the two counters order every access to it.
    private var job: Unmanaged<Job>?
    private let shares: Shares
    private let unfinished = Atomic<Int>(0)

    private let readAhead = ReadAhead()
    private let isBusy = Atomic<Bool>(false)
    private let sleepers = Atomic<Int>(0)
    private let callerSleeps = Atomic<Bool>(false)
    private let work = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)
    private var solo = Solo()
    private let clock = ContinuousClock()

    init(threads: Int) {
        self.threads = max(1, threads)
        shares = Shares(threads: self.threads)
        for index in 1..<self.threads {
            // a pool of several threads lives forever
            DispatchQueue(label: "worker \(index)", qos: .userInitiated).async {
                self.workForever(index)
            }
        }
    }

    /// Calls `body` with every index in 0 ..< `count`, in any order, on all threads, and returns when
    /// all calls have. A call from inside a job, or during another thread's, runs on the caller alone.
    /// - Parameters:
    ///   - isShared: false for jobs that the caller alone has done sooner.
    ///   - reading: the memory that the pieces read one after the other, if it is worth reading ahead.
    func run(
        _ count: Int, isShared: Bool = true, reading: UnsafeRawBufferPointer? = nil,
        _ body: (Int) -> Void
    ) {
        func alone() { for index in 0..<count { body(index) } }
        if count <= 1 || threads == 1 || !isShared { return alone() }
        if isBusy.exchange(true, ordering: .acquiring) { return alone() }
        defer { isBusy.store(false, ordering: .releasing) }
        let start = clock.now
        if solo.isActive(at: start) { return alone() }
        withoutActuallyEscaping(body) { body in
            let job = Job(body)
            self.job = .passUnretained(job)
            unfinished.store(count, ordering: .relaxed)
            shares.deal(count)
            wakeSleepers(atMost: count - 1)
            if let reading { readAhead.follow(reading) }
            while let index = shares.claim(0) { finish(index) }
            waitUntilFinished(since: start)
            withExtendedLifetime(job) { self.job = nil }
        }
    }

    private func finish(_ index: Int) {
        job!._withUnsafeGuaranteedRef { $0.body(index) }
        let left = unfinished.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0, callerSleeps.exchange(false, ordering: .sequentiallyConsistent) {
            done.signal()
        }
    }

    /// - Parameter begin: when the job began, of which the caller's own part is done now.
    private func waitUntilFinished(since begin: ContinuousClock.Instant) {
        let start = clock.now
        while true {
            for _ in 0..<spins {
                if unfinished.load(ordering: .acquiring) == 0 { return }
                spin_pause()
            }
            // who needs longer for a last piece than the caller for all of its own is put aside
            if clock.now - start < start - begin { continue }
            solo.begin()
            // Sleep, unless the last piece is finished just now. Who takes the flag owes a signal;
            // a worker that was put aside in between takes the next job's flag: hence the loop.
            callerSleeps.store(true, ordering: .sequentiallyConsistent)
            let isFinished = unfinished.load(ordering: .sequentiallyConsistent) == 0
            if isFinished, callerSleeps.exchange(false, ordering: .sequentiallyConsistent) {
                return
            }
            done.wait()
        }
    }

    private func wakeSleepers(atMost count: Int) {
        for _ in 0..<count {
            guard takeSleeper() else { return }
            work.signal()
        }
    }

    /// Removes one from the sleepers, if there are any: who does owes the semaphore a signal, or has
    /// decided not to sleep after all.
    private func takeSleeper() -> Bool {
        var count = sleepers.load(ordering: .sequentiallyConsistent)
        while count > 0 {
            let (isMine, now) = sleepers.weakCompareExchange(
                expected: count, desired: count - 1, ordering: .sequentiallyConsistent)
            if isMine { return true }
            count = now
        }
        return false
    }

    private func workForever(_ thread: Int) {
        var cursor = ReadAhead.Cursor()
        while true {
            var looks = 0
            while looks < spins {
                if let index = shares.claim(thread) {
                    finish(index)
                    looks = 0
                } else {
                    cursor.advance(in: readAhead, thread: thread, of: threads)
                    spin_pause()
                    looks += 1
                }
            }
            sleepers.add(1, ordering: .sequentiallyConsistent)
            // look once more: a job may have come between the last look and the announcement
            if shares.areLeft, takeSleeper() { continue }
            work.wait()
        }
    }
}

/// The pieces of a job that nobody has claimed: every thread has a share of its own, the same pieces
/// of the same product each time, which its cache may still hold; who is done helps the others.
private struct Shares: ~Copyable {
    private let threads: Int
    /// The next piece and the end of each share, in one word, and each word in a cache line of its own.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private static let stride = 16

    init(threads: Int) {
        self.threads = threads
        words = .allocate(capacity: threads * Shares.stride)
        for i in 0..<threads * Shares.stride { (words + i).initialize(to: Atomic(0)) }
    }

    func deal(_ count: Int) {
        for thread in 0..<threads {
            let (start, end) = (count * thread / threads, count * (thread + 1) / threads)
            words[thread * Shares.stride].store(
                UInt64(end) << 32 | UInt64(start), ordering: .sequentiallyConsistent)
        }
    }

    /// A piece of the thread's own share, or else of another's.
    func claim(_ thread: Int) -> Int? {
        for other in 0..<threads {
            let place = (thread + other) % threads * Shares.stride
            var word = words[place].load(ordering: .sequentiallyConsistent)
            while word & 0xFFFF_FFFF < word >> 32 {
                let (isMine, now) = words[place].weakCompareExchange(
                    expected: word, desired: word + 1, ordering: .acquiring)
                if isMine { return Int(word & 0xFFFF_FFFF) }
                word = now
            }
        }
        return nil
    }

    var areLeft: Bool {
        (0..<threads).contains { thread in
            let word = words[thread * Shares.stride].load(ordering: .sequentiallyConsistent)
            return word & 0xFFFF_FFFF < word >> 32
        }
    }
}

/// Where other programs keep the cores busy, a worker may be put aside in the midst of a piece, and
/// waiting for it takes longer than it would ever save; or the workers take from the caller what little
/// of a core it has. The caller then works alone for a while.
private struct Solo {
    private static let shortest = Duration.microseconds(500), longest = Duration.milliseconds(256)
    /// How often the caller's share of its core is looked at, and what share is too little.
    private static let interval = Duration.milliseconds(20), leastShare = 0.75

    private let clock = ContinuousClock()
    private var length = shortest
    private var end: ContinuousClock.Instant?
    private var lastEnd = ContinuousClock().now
    private var lastLook = ContinuousClock().now
    private var lastUse = thread_use_now()

    /// A worker has been put aside: longer than before if the last attempt ended the same way.
    mutating func begin() {
        let now = clock.now
        let wentWell = now - lastEnd > length * 4
        length = wentWell ? Solo.shortest : min(length * 2, Solo.longest)
        end = now + length
    }

    mutating func isActive(at now: ContinuousClock.Instant) -> Bool {
        if let end {
            if now < end { return true }
            (self.end, lastEnd) = (nil, now)
            (lastLook, lastUse) = (now, thread_use_now())
        }
        if now - lastLook > Solo.interval { look(at: now) }
        return end != nil
    }

    private mutating func look(at now: ContinuousClock.Instant) {
        let (passed, before) = (now - lastLook, lastUse)
        (lastLook, lastUse) = (now, thread_use_now())
        let share = Double(lastUse.nanoseconds - before.nanoseconds) / (passed / .nanoseconds(1))
        // who has slept of its own accord has not been put aside; a share of 0 is an unknown one
        if lastUse.sleeps == before.sleeps && share > 0 && share < Solo.leastShare {
            end = now + Solo.longest
        }
    }
}
