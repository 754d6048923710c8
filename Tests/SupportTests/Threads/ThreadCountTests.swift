// ThreadCountTests: the default respects the CPU quota of control groups, version 1 and 2.

import Foundation
import TestSupport
import Testing

@testable import Support

@Suite struct ThreadCountTests {
    private let root = FileManager.default.temporaryDirectory.path + "/cgroup-\(UUID())"

    private func quota(_ files: [String: String], group: String? = "0::/\n") throws -> Int? {
        for (path, text) in files {
            let url = URL(fileURLWithPath: root + "/" + path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try text.write(to: url, atomically: true, encoding: .utf8)
        }
        defer { try? FileManager.default.removeItem(atPath: root) }
        return ThreadCount.cpuQuota(root: root, group: group)
    }

    @Test func `without control groups there is no quota`() throws {
        #expect(try quota([:], group: nil) == nil)
        #expect(try quota(["cpu.max": "max 100000\n"]) == nil)
        #expect(try quota(["cpu.max": "nonsense"]) == nil)
    }

    @Test(arguments: [("200000 100000", 2), ("150000 100000", 1), ("5000 100000", 1)])
    func `version 2 has quota and period in one file`(text: String, cores: Int) throws {
        #expect(try quota(["cpu.max": text + "\n"]) == cores)
    }

    @Test func `the smallest quota of all parent groups applies`() throws {
        let files = [
            "a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000", "cpu.max": "800000 100000",
        ]
        #expect(try quota(files, group: "1:name=x:/y\n0::/a/b\n") == 3)
    }

    @Test func `version 1 has them in two files, and -1 for no quota`() throws {
        let period = ["cpu/cpu.cfs_period_us": "50000\n"]
        let v1 = { (quota: String) in period.merging(["cpu/cpu.cfs_quota_us": quota]) { $1 } }
        #expect(try quota(v1("200000\n"), group: "4:cpu:/x\n") == 4)
        #expect(try quota(v1("-1\n"), group: "4:cpu:/x\n") == nil)
    }

    @Test func `the number of threads is at least 1`() {
        #expect(ThreadCount.current >= 1)
    }
}
