// MemoryUsage: the memory of this process, for `--reportmem` and the benchmark.

/// The memory of this process, in bytes.
public struct MemoryUsage: CustomStringConvertible {
    /// Nil if the system does not report it.
    public let resident: Int?
    public let peak: Int

    /// The usage at the time of the call.
    public static var current: MemoryUsage {
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            return MemoryUsage(resident: nil, peak: usage.ru_maxrss)
        #else
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            // the second number of statm counts the resident pages
            let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
            let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            let resident = pages.map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
            // the two counters differ slightly: the resident size may exceed ru_maxrss
            return MemoryUsage(resident: resident, peak: max(usage.ru_maxrss * 1024, resident ?? 0))
        #endif
    }

    public var description: String {
        let resident = resident.map { "resident \(megabytes($0)), " } ?? ""
        return "\(resident)peak \(megabytes(peak))"
    }
}

/// Bytes as text: "1.5 MB".
public func megabytes(_ bytes: Int) -> String { "\((Double(bytes) / 1e5).rounded() / 10) MB" }
