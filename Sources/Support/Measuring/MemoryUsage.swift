// Memory: how much of it this process has.

/// The memory of this process, in bytes.
public struct MemoryUsage: CustomStringConvertible {
    /// Nil where the system does not say.
    public let resident: Int?
    public let peak: Int

    /// Right now.
    public static var current: MemoryUsage {
        var usage = rusage()
        #if canImport(Darwin)
            getrusage(RUSAGE_SELF, &usage)
            return MemoryUsage(resident: nil, peak: usage.ru_maxrss)
        #else
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            // the second number of statm is the resident pages
            let statm = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
            let pages = statm.split(separator: " ").dropFirst().first.flatMap { Int($0) }
            let resident = pages.map { $0 * Int(sysconf(Int32(_SC_PAGESIZE))) }
            // the system counts the two in ways of its own
            return MemoryUsage(resident: resident, peak: max(usage.ru_maxrss * 1024, resident ?? 0))
        #endif
    }

    public var description: String {
        let resident = resident.map { "resident \(megabytes($0)), " } ?? ""
        return "\(resident)peak \(megabytes(peak))"
    }
}

/// Bytes for a reader.
public func megabytes(_ bytes: Int) -> String { "\((Double(bytes) / 1e5).rounded() / 10) MB" }
