// ThreadCount: the number of threads of the shared ThreadPool. The default is the number of usable
// cores. On Linux, the affinity mask and the container's CPU quota limit it; on Apple silicon, only
// the performance cores count.

import Synchronization

/// The number of threads of the shared pool.
public enum ThreadCount {
    private static let chosen = Atomic<Int>(0)

    /// Setting it after the first computation has no effect.
    public static var current: Int {
        get {
            let count = chosen.load(ordering: .relaxed)
            return count > 0 ? count : standard
        }
        set { chosen.store(newValue, ordering: .relaxed) }
    }

    private static let standard: Int = {
        #if canImport(Darwin)
            var (cores, size) = (Int32(0), MemoryLayout<Int32>.size)
            let isKnown = sysctlbyname("hw.perflevel0.logicalcpu", &cores, &size, nil, 0) == 0
            if isKnown && cores > 0 { return Int(cores) }
        #endif
        let allowed = ProcessInfo.processInfo.activeProcessorCount  // respects the affinity mask
        return min(allowed, cpuQuota() ?? allowed)
    }()

    /// The CPU quota of a container in cores, rounded down but at least 1; nil without a quota.
    /// With 1.5 cores, the system would always throttle one of two spinning threads.
    /// - Parameters:
    ///   - root: where control groups are mounted.
    ///   - group: the contents of `/proc/self/cgroup`.
    static func cpuQuota(
        root: String = "/sys/fs/cgroup", group: String? = text("/proc/self/cgroup")
    ) -> Int? {
        var quotas: [Double] = []
        func add(_ numbers: [Substring]) {
            let values = numbers.compactMap { Double($0) }  // "max" and -1 mean no quota
            if values.count == 2, values[0] > 0, values[1] > 0 {
                quotas.append(values[0] / values[1])
            }
        }
        func numbers(_ path: String) -> [Substring] {
            text(root + path)?.split { $0.isWhitespace } ?? []
        }
        // version 2 has one line, "0::/path"; the quotas of all parent groups apply too
        let line = group?.split(separator: "\n").first { $0.hasPrefix("0::/") }
        var path = line.map { String($0.dropFirst("0::".count)) } ?? "/"
        while true {
            add(numbers(path + (path.hasSuffix("/") ? "" : "/") + "cpu.max"))
            guard path.count > 1, let slash = path.lastIndex(of: "/") else { break }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        // version 1 has quota and period in two files
        add(numbers("/cpu/cpu.cfs_quota_us") + numbers("/cpu/cpu.cfs_period_us"))
        return quotas.min().map { max(1, Int($0)) }
    }

    static func text(_ path: String) -> String? {
        try? String(contentsOfFile: path, encoding: .utf8)
    }
}
