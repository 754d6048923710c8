// ThreadPool: runs the tasks of matmul and of large element-wise operations on all threads.
// Decoding a token of stories15M takes 55 products of a few µs each, so an idle worker spins, yields
// its core every 256 checks, and sleeps only after 500 µs without a task.

import CIntrinsics
import Dispatch
import Synchronization

/// A fixed set of threads that compute one job at a time. The caller is one of them.
final class ThreadPool: @unchecked Sendable {
    /// The pool of all kernels, with `ThreadCount.current` threads.
    static let shared = ThreadPool(threads: ThreadCount.current)

    /// How long an idle worker spins before it sleeps. This is longer than the pause between two
    /// products, so that decoding never waits for a thread to wake up.
    private static let spinTime = Duration.microseconds(500)

    let threads: Int

    /// The body of a job. Threads read it unretained, so that they do not contend for its reference
    /// count.
    private final class Job {
        let body: (Int) -> Void
        init(_ body: @escaping (Int) -> Void) { self.body = body }
    }

    // `job` is written while no task is queued and read by threads that have claimed a task, so the
    // queues' atomics order every access to it.
    private var job: Unmanaged<Job>?
    private let queues: TaskQueues
    private let unfinished = Atomic<Int>(0)
    private let isBusy = Atomic<Bool>(false)
    private let sleepers = Atomic<Int>(0)
    private let wakeUp = DispatchSemaphore(value: 0)

    init(threads: Int) {
        self.threads = max(1, threads)
        queues = TaskQueues(threads: self.threads)
        for thread in 1..<self.threads {
            // workers live as long as the process; others do the tasks of one that cannot start
            startThread { self.work(as: thread) }
        }
    }

    /// Calls `body` with every index in 0 ..< `count`, in any order, on all threads. Returns when
    /// all calls have returned. A nested or concurrent job runs serially on the calling thread.
    /// - Parameter isParallel: false if distributing the tasks would take longer than the job.
    func run(_ count: Int, isParallel: Bool = true, _ body: (Int) -> Void) {
        guard count > 1, threads > 1, isParallel, !isBusy.exchange(true, ordering: .acquiring)
        else {
            for task in 0..<count { body(task) }
            return
        }
        withoutActuallyEscaping(body) { body in
            let job = Job(body)
            self.job = .passUnretained(job)
            unfinished.store(count, ordering: .relaxed)
            queues.fill(count)
            for _ in 1..<count where removeSleeper() { wakeUp.signal() }
            while let task = queues.claim(by: 0) { perform(task) }
            var spin = SpinLoop()
            while unfinished.load(ordering: .acquiring) > 0 { spin.wait() }
            withExtendedLifetime(job) { self.job = nil }
        }
        isBusy.store(false, ordering: .releasing)
    }

    private func perform(_ task: Int) {
        job!._withUnsafeGuaranteedRef { $0.body(task) }
        unfinished.subtract(1, ordering: .releasing)
    }

    private func work(as thread: Int) {
        let clock = ContinuousClock()
        while true {
            var spin = SpinLoop()
            var start = clock.now
            while true {
                if let task = queues.claim(by: thread) {
                    perform(task)
                    spin = SpinLoop()
                    start = clock.now
                } else if spin.wait(), clock.now - start > ThreadPool.spinTime {
                    break
                }
            }
            sleepers.add(1, ordering: .sequentiallyConsistent)
            // a job may have started before its caller could see this sleeper
            if queues.hasTasks, removeSleeper() { continue }
            wakeUp.wait()
        }
    }

    /// Decrements the number of sleepers. If it succeeds, the caller must wake one or stay awake.
    private func removeSleeper() -> Bool {
        var count = sleepers.load(ordering: .sequentiallyConsistent)
        while count > 0 {
            let (isRemoved, current) = sleepers.weakCompareExchange(
                expected: count, desired: count - 1, ordering: .sequentiallyConsistent)
            if isRemoved { return true }
            count = current
        }
        return false
    }
}

/// Starts a thread, if the system has the memory for it. Dispatch would wait for that for ever.
private func startThread(_ body: @escaping () -> Void) {
    final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    #if canImport(Darwin)
        pthread_attr_set_qos_class_np(&attributes, QOS_CLASS_USER_INITIATED, 0)
        var thread: pthread_t?
    #else
        var thread = pthread_t()
    #endif
    let argument = Unmanaged.passRetained(Body(body))
    let failed =
        pthread_create(
            &thread, &attributes,
            { argument in
                let argument: UnsafeMutableRawPointer? = argument  // not optional on every system
                Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, argument.toOpaque()) != 0
    if failed { argument.release() }
}

/// A spin loop that yields the core from time to time. Yielding keeps the pool fast when other
/// programs run, or when there are more threads than cores.
private struct SpinLoop {
    private var checks = 0

    /// - Returns: whether the core was yielded.
    @discardableResult
    mutating func wait() -> Bool {
        checks += 1
        if checks % 256 == 0 {
            sched_yield()
            return true
        }
        spin_pause()
        return false
    }
}

/// The unclaimed tasks of a job: one queue per thread, with work stealing. A thread gets the same
/// tasks of a product at every token, so its cache may still hold their weights. With one shared
/// queue, decoding stories15M on two threads was 4 % slower, and 12 to 30 % slower on busy cores.
private struct TaskQueues: ~Copyable {
    private let threads: Int
    /// One word for each queue, in its own cache line: the next task and the end of the queue.
    private let words: UnsafeMutablePointer<Atomic<UInt64>>
    private static let stride = 16

    init(threads: Int) {
        self.threads = threads
        words = .allocate(capacity: threads * TaskQueues.stride)
        for i in 0..<threads * TaskQueues.stride { (words + i).initialize(to: Atomic(0)) }
    }

    func fill(_ count: Int) {
        for thread in 0..<threads {
            let (start, end) = (count * thread / threads, count * (thread + 1) / threads)
            words[thread * TaskQueues.stride].store(
                UInt64(end) << 32 | UInt64(start), ordering: .sequentiallyConsistent)
        }
    }

    /// Claims a task of the thread's own queue, or steals one from another queue.
    func claim(by thread: Int) -> Int? {
        for other in 0..<threads {
            let index = (thread + other) % threads * TaskQueues.stride
            var word = words[index].load(ordering: .sequentiallyConsistent)
            while word & 0xFFFF_FFFF < word >> 32 {
                let (isClaimed, current) = words[index].weakCompareExchange(
                    expected: word, desired: word + 1, ordering: .acquiring)
                if isClaimed { return Int(word & 0xFFFF_FFFF) }
                word = current
            }
        }
        return nil
    }

    var hasTasks: Bool {
        (0..<threads).contains { thread in
            let word = words[thread * TaskQueues.stride].load(ordering: .sequentiallyConsistent)
            return word & 0xFFFF_FFFF < word >> 32
        }
    }
}
