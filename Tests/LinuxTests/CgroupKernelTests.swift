import Glibc
import Testing

@testable import Linux

/// The driver on this machine's cgroups, in cgroups of its own.
@Suite(.enabled(if: isRoot), .serialized) struct CgroupKernelTests {
    private static let kinds = ["all", "v1", "v2"]

    /// The machine's driver, or the part of it that a machine of one version has.
    private func driver(_ kind: String) throws -> CgroupDriver {
        let all = try CgroupDriver.detect()
        switch kind {
        case "v1": return CgroupDriver(unified: nil, unifiedControllers: [], legacy: all.legacy)
        case "v2": return CgroupDriver(unified: all.unified, unifiedControllers: all.unifiedControllers, legacy: [:])
        default: return all
        }
    }

    private func withCgroup(_ driver: CgroupDriver, _ body: (String) throws -> Void) throws {
        let path = "martlet-test-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        defer { try? driver.remove(path: path) }
        try body(path)
    }

    @Test func `limits are in the kernel and may be lowered and raised again`() throws {
        let driver = try driver("all")
        try withCgroup(driver) { path in
            for limit in [Int64(64 << 20), 32 << 20, 128 << 20] {
                let resources = CgroupResources(
                    cpuWeightMillicores: 500, cpuLimitMillicores: 700, memoryLimitBytes: limit, pidsLimit: 17)
                try driver.create(path: "\(path)/a/b", resources: resources).close()
                let memory = try #require(try driver.directory(of: "\(path)/a/b", for: .memory))
                let file = memory.version == .v1 ? "memory.limit_in_bytes" : "memory.max"
                #expect(try readCounter("\(memory.path)/\(file)") == UInt64(limit))
                let pids = try #require(try driver.directory(of: "\(path)/a/b", for: .pids))
                #expect(try readCounter("\(pids.path)/pids.max") == 17)
            }
            #expect(try driver.children(path: path) == ["a"])
            try driver.remove(path: path)
            #expect(!driver.exists(path: path))
        }
    }

    @Test(arguments: kinds)
    func `killing ends every process of the subtree`(kind: String) throws {
        let driver = try driver(kind)
        try withCgroup(driver) { path in
            try driver.create(path: "\(path)/a", resources: CgroupResources()).close()
            try driver.create(path: "\(path)/b", resources: CgroupResources()).close()
            let first = try ChildProcess(script: "sleep 1000 & wait")
            let second = try ChildProcess(script: "sleep 1000")
            try driver.addProcess(first.pid, path: "\(path)/a")
            try driver.addProcess(second.pid, path: "\(path)/b")
            #expect(try driver.processes(path: path) == [first.pid, second.pid].sorted())
            try first.release()
            try driver.kill(path: path)
            #expect(try first.wait() == 128 + SIGKILL)
            #expect(try second.wait() == 128 + SIGKILL)
        }
        #expect(try driver.children(path: "/martlet-test-none") == [])
    }

    @Test(arguments: kinds)
    func `removing ends what runs and takes every level away`(kind: String) throws {
        let driver = try driver(kind)
        try withCgroup(driver) { path in
            try driver.create(path: "\(path)/a/b/c", resources: CgroupResources()).close()
            let child = try ChildProcess(script: "while :; do sleep 0.01; done")
            try driver.addProcess(child.pid, path: "\(path)/a/b")
            try child.release()
            try driver.remove(path: path)
            #expect(try child.wait() == 128 + SIGKILL)
            #expect(!driver.exists(path: path))
            try driver.remove(path: path)
        }
    }

    @Test func `a process joins v1 through the handle and its use is counted`() throws {
        let driver = try driver("all")
        try withCgroup(driver) { path in
            let handle = try driver.create(path: path, resources: CgroupResources())
            let child = try ChildProcess(
                script: "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 5")
            for descriptor in handle.v1ProcsFDs {
                try writeAll(descriptor, Array("\(child.pid)".utf8), path: "cgroup.procs")
            }
            handle.close()
            handle.close()
            try driver.addProcess(child.pid, path: path)
            #expect(try driver.usage(path: path).pids == 1)
            try child.release()
            #expect(try child.wait() == 5)
            let usage = try driver.usage(path: path)
            #expect(usage.cpuNanoseconds > 1_000_000)
            #expect(usage.pids == 0)
        }
    }

    @Test func `what the kernel kills for memory is counted`() throws {
        let driver = try driver("all")
        try withCgroup(driver) { path in
            let resources = CgroupResources(memoryLimitBytes: 16 << 20)
            try driver.create(path: path, resources: resources).close()
            #expect(try driver.oomKillCount(path: path) == 0)
            let child = try ChildProcess(script: "exec tail /dev/zero")
            try driver.addProcess(child.pid, path: path)
            try child.release()
            #expect(try child.wait() == 128 + SIGKILL)
            #expect(try driver.oomKillCount(path: path) == 1)
        }
    }

    @Test(arguments: ["all", "v2"])
    func `only allowed devices can be opened`(kind: String) throws {
        let driver = try driver(kind)
        try withCgroup(driver) { path in
            let rules = [CgroupDeviceRule(.character, major: 1, minor: 3)]
            // Repeated: what was allowed before is replaced.
            for devices in [CgroupDeviceRule.containerDefaults, rules] {
                try driver.create(path: path, resources: CgroupResources(devices: devices)).close()
            }
            let child = try ChildProcess(
                script: "echo > /dev/null || exit 1; (head -c1 < /dev/zero) && exit 2; exit 3")
            try driver.addProcess(child.pid, path: path)
            try child.release()
            #expect(try child.wait() == 3)
        }
    }
}
