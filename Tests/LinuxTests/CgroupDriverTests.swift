import Glibc
import Testing

@testable import Linux

/// The driver on directories that play the kernel's part: files that the kernel would make are made by the test.
@Suite struct CgroupDriverTests {
    private func hybrid(_ root: String) throws -> CgroupDriver {
        for name in ["cpu", "cpuacct", "memory", "pids", "unified"] { try makeDirectories("\(root)/\(name)") }
        try makeFile("\(root)/unified/cgroup.controllers", "hugetlb\n")
        let lines = ["cpu", "cpuacct", "memory", "pids"].map { "1 1 0:1 / \(root)/\($0) rw - cgroup cgroup rw,\($0)" }
        let text = (lines + ["1 1 0:1 / \(root)/unified rw - cgroup2 cgroup2 rw"]).joined(separator: "\n")
        try makeFile("\(root)/mountinfo", text)
        return try CgroupDriver.detect(root: root, mountInfo: "\(root)/mountinfo")
    }

    private func unified(_ root: String, enabled: String = "") throws -> CgroupDriver {
        try makeFile("\(root)/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n")
        try makeFile("\(root)/cgroup.subtree_control", enabled)
        try makeFile("\(root)/info/mountinfo", "1 1 0:1 / \(root) rw - cgroup2 cgroup2 rw\n")
        return try CgroupDriver.detect(root: root, mountInfo: "\(root)/info/mountinfo")
    }

    @Test func `a hybrid machine uses each controller where it is and v2 for the rest`() throws {
        try withTemporaryDirectory { root in
            let driver = try hybrid(root)
            #expect(driver.unified == "\(root)/unified")
            #expect(driver.unifiedControllers == [])
            #expect(driver.roots == ["unified", "cpu", "memory", "pids"].map { "\(root)/\($0)" })
        }
    }

    @Test func `a machine with v1 only uses accounting and freezer too, and shared hierarchies once`() throws {
        try withTemporaryDirectory { root in
            let lines = ["cpu,cpuacct", "memory", "pids", "freezer"].map {
                "1 1 0:1 / \(root)/\($0) rw - cgroup cgroup rw,\($0)"
            }
            try makeFile("\(root)/mountinfo", lines.joined(separator: "\n"))
            let driver = try CgroupDriver.detect(root: root, mountInfo: "\(root)/mountinfo")
            #expect(driver.unified == nil)
            #expect(driver.roots == ["cpu,cpuacct", "memory", "pids", "freezer"].map { "\(root)/\($0)" })
        }
    }

    @Test func `a machine without cgroups is an error that says so`() throws {
        try withTemporaryDirectory { root in
            try makeFile("\(root)/mountinfo", "1 1 0:1 / / rw - ext4 /dev/vda rw\n")
            let error = #expect(throws: LinuxError.self) {
                try CgroupDriver.detect(root: root, mountInfo: "\(root)/mountinfo")
            }
            #expect(error?.errno == ENOENT)
        }
    }

    @Test func `limits are written to the hierarchy of each controller`() throws {
        try withTemporaryDirectory { root in
            let driver = try hybrid(root)
            for file in [
                "cpu/m/p/cpu.shares", "cpu/m/p/cpu.cfs_period_us", "cpu/m/p/cpu.cfs_quota_us",
                "memory/m/p/memory.limit_in_bytes", "pids/m/p/pids.max", "cpu/m/p/tasks",
                "memory/m/p/tasks", "pids/m/p/tasks",
            ] {
                try makeFile("\(root)/\(file)")
            }
            let resources = CgroupResources(
                cpuWeightMillicores: 500, cpuLimitMillicores: 1500, memoryLimitBytes: 4096, pidsLimit: 9)
            let handle = try driver.create(path: "/m/p", resources: resources)
            defer { handle.close() }
            #expect(handle.v2DirectoryFD != nil)
            #expect(handle.v1ProcsFDs.count == 3)
            #expect(try readText("\(root)/cpu/m/p/cpu.shares") == "512")
            #expect(try readText("\(root)/cpu/m/p/cpu.cfs_quota_us") == "150000")
            #expect(try readText("\(root)/memory/m/p/memory.limit_in_bytes") == "4096")
            #expect(try readText("\(root)/pids/m/p/pids.max") == "9")
            #expect(fileExists("\(root)/unified/m/p"))
            #expect(!fileExists("\(root)/cpuacct/m"))
        }
    }

    @Test func `on v2 controllers are given to every level above and never to the cgroup itself`() throws {
        try withTemporaryDirectory { root in
            let driver = try unified(root, enabled: "cpu\n")
            try makeFile("\(root)/m/cgroup.subtree_control", "")
            try makeFile("\(root)/m/p/cgroup.subtree_control", "cpu memory pids")
            try makeFile("\(root)/m/p/c/cgroup.subtree_control", "")
            for name in ["memory.max", "pids.max", "cpu.max", "cpu.weight"] { try makeFile("\(root)/m/p/c/\(name)") }
            let resources = CgroupResources(
                cpuWeightMillicores: 1000, cpuLimitMillicores: 100, memoryLimitBytes: 4096, pidsLimit: 9)
            let handle = try driver.create(path: "m/p/c", resources: resources)
            handle.close()
            #expect(handle.v1ProcsFDs == [])
            #expect(try readText("\(root)/cgroup.subtree_control") == "+memory +pids")
            #expect(try readText("\(root)/m/cgroup.subtree_control") == "+cpu +memory +pids")
            #expect(try readText("\(root)/m/p/cgroup.subtree_control") == "cpu memory pids")
            #expect(try readText("\(root)/m/p/c/cgroup.subtree_control") == "")
            #expect(try readText("\(root)/m/p/c/cpu.weight") == "39")
            #expect(try readText("\(root)/m/p/c/cpu.max") == "10000 100000")
        }
    }

    @Test func `a limit without its controller is an error that names the controller`() throws {
        try withTemporaryDirectory { root in
            let driver = CgroupDriver(unified: root, unifiedControllers: [], legacy: [:])
            let error = #expect(throws: LinuxError.self) {
                try driver.create(path: "p", resources: CgroupResources(pidsLimit: 1))
            }
            #expect(error?.description == "set limit p: No such device: this machine has no pids controller")
        }
    }

    @Test(arguments: ["", "/", "..", "a/../../b", "a/./b"])
    func `a path that is not below the root is refused`(path: String) throws {
        let driver = CgroupDriver(unified: "/nowhere", unifiedControllers: [], legacy: [:])
        let error = #expect(throws: LinuxError.self) { try driver.remove(path: path) }
        #expect(error?.errno == EINVAL)
        #expect(!driver.exists(path: path))
    }

    @Test func `use is read from the file of each version`() throws {
        try withTemporaryDirectory { root in
            let driver = try hybrid(root)
            try makeFile("\(root)/unified/p/cpu.stat", "usage_usec 1500\nuser_usec 1000\n")
            try makeFile("\(root)/memory/p/memory.usage_in_bytes", "10000\n")
            try makeFile("\(root)/memory/p/memory.stat", "inactive_file 1\ntotal_inactive_file 4000\n")
            try makeFile("\(root)/pids/p/pids.current", "3\n")
            try makeFile("\(root)/memory/p/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
            #expect(
                try driver.usage(path: "p") == CgroupUsage(cpuNanoseconds: 1_500_000, memoryBytes: 6000, pids: 3))
            #expect(try driver.oomKillCount(path: "p") == 2)
            #expect(try driver.oomCountFile(path: "p")?.path == "\(root)/memory/p/memory.oom_control")
        }
        try withTemporaryDirectory { root in
            let driver = try unified(root)
            try makeFile("\(root)/p/cpu.stat", "usage_usec 7\n")
            try makeFile("\(root)/p/memory.current", "100\n")
            try makeFile("\(root)/p/memory.stat", "anon 1\ninactive_file 400\n")
            try makeFile("\(root)/p/pids.current", "1\n")
            try makeFile("\(root)/p/memory.events", "low 0\nhigh 0\nmax 5\noom 1\noom_kill 1\n")
            #expect(try driver.usage(path: "p") == CgroupUsage(cpuNanoseconds: 7000, memoryBytes: 0, pids: 1))
            #expect(try driver.oomKillCount(path: "p") == 1)
            #expect(try driver.oomCountFile(path: "p")?.key == "oom_kill")
        }
    }

    @Test func `the use of a missing cgroup is an error and its processes are none`() throws {
        try withTemporaryDirectory { root in
            let driver = try hybrid(root)
            #expect(throws: LinuxError("open", path: "\(root)/unified/p/cpu.stat", errno: ENOENT)) {
                try driver.usage(path: "p")
            }
            #expect(try driver.processes(path: "p") == [])
            #expect(try driver.children(path: "p") == [])
            try driver.kill(path: "p")
            try driver.remove(path: "p")
        }
    }

    @Test func `children and existence are seen in any hierarchy`() throws {
        try withTemporaryDirectory { root in
            let driver = try hybrid(root)
            try makeDirectories("\(root)/pids/m/b")
            try makeDirectories("\(root)/unified/m/a")
            try makeDirectories("\(root)/memory/m/b")
            #expect(try driver.children(path: "m") == ["a", "b"])
            #expect(driver.exists(path: "m/b"))
            #expect(!driver.exists(path: "m/c"))
            try driver.remove(path: "m")
            #expect(!driver.exists(path: "m"))
        }
    }
}
