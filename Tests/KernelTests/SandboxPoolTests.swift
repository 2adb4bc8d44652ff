import ContainerRuntime
import Glibc
import Linux
import Testing

@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized, .timeLimit(.minutes(10)))
struct SandboxPoolTests {
    /// A fixture whose runtime has sandboxes ready.
    private func filled(_ count: Int = 1, kernel: (any Kernel)? = nil) throws -> RuntimeFixture {
        let fixture = try RuntimeFixture(kernel: kernel)
        try fixture.runtime.keepSandboxesReady(PoolSize(least: count, most: count))
        try settle(fixture, count)
        return fixture
    }

    private func settle(_ fixture: RuntimeFixture, _ count: Int) throws {
        try fixture.eventually { fixture.runtime.sandboxesReady == count ? true : nil }
    }

    /// The supervisors that wait for a pod, by their recorded numbers.
    private func parked(_ fixture: RuntimeFixture) throws -> [Int32] {
        let directory = "\(fixture.directory)/run/parked"
        return try listDirectory(directory).compactMap { id in
            let text = try? readText("\(directory)/\(id)/supervisor.pid")
            return text?.split(separator: " ").first.flatMap { Int32($0) }
        }
    }

    private func parkedCgroups(_ fixture: RuntimeFixture) throws -> [String] {
        try CgroupDriver.detect().children(path: fixture.cgroupRoot).filter { $0.hasPrefix(".parked-") }
    }

    @Test func `a pod takes a sandbox that is ready, and another is made`() throws {
        let fixture = try filled()
        let waiting = try #require(try parked(fixture).first)
        #expect(try fixture.runtime.observe().isEmpty)
        let info = try fixture.sandbox()
        #expect(info.supervisorPID == waiting)
        #expect(try fixture.sandbox() == info)
        #expect(try fixture.runtime.observe().map(\.podUID) == ["pod"])
        try settle(fixture, 1)
        #expect(try parked(fixture).first != waiting)
    }

    @Test func `of several that are ready one is taken, and another is made although nobody asks again`() throws {
        let fixture = try filled(2)
        let before = try parked(fixture)
        try fixture.sandbox()
        try fixture.eventually { try Set(parked(fixture)).subtracting(before).isEmpty ? nil : true }
        try settle(fixture, 2)
    }

    @Test func `a container of it is in its own cgroups, with its limits, and ends like any other`() throws {
        let fixture = try filled()
        let waiting = try parked(fixture)
        #expect(try waiting == [fixture.sandbox().supervisorPID])
        var config = fixture.shell("hostname; cat /proc/self/cgroup; exit 3")
        config.resources = ContainerResources(
            cpuRequestMillicores: 100, cpuLimitMillicores: 500, memoryLimitBytes: 64 << 20, pidsLimit: 5)
        let (observation, output) = try fixture.run(config)
        #expect(observation.phase == .exited(exitCode: 3, signal: nil, outOfMemory: false))
        let lines = output.split(separator: "\n").map(String.init)
        #expect(lines.first == "web-0")
        let driver = try CgroupDriver.detect()
        // It sees its own cgroup as the root of those that Martlet uses.
        for line in lines.dropFirst() where line.contains("pids:") || line.hasPrefix("0::") {
            #expect(line.hasSuffix(":/"))
        }
        if let pids = driver.legacy[.pids] {
            #expect(try readText("\(pids)/\(fixture.cgroupRoot)/pod/web.0/pids.max") == "5\n")
        }
        if let memory = driver.legacy[.memory] {
            let limit = try readText("\(memory)/\(fixture.cgroupRoot)/pod/web.0/memory.limit_in_bytes")
            #expect(limit == "\(64 << 20)\n")
        }
        #expect(try fixture.runtime.usage(podUID: "pod", name: "web", attempt: 0).pids == 0)
    }

    @Test func `as many processes as are allowed can run, and not one more`() throws {
        let fixture = try filled()
        try fixture.sandbox()
        var config = fixture.shell("sleep 9 & sleep 9 & echo two; (sleep 0; true) 2>/dev/null || echo full")
        config.resources = ContainerResources(pidsLimit: 3)
        let (_, output) = try fixture.run(config)
        #expect(output.contains("two"))
    }

    @Test func `a supervisor that is asked something all the time joins the cgroups of its pod`() throws {
        let fixture = try filled()
        let supervisor = try fixture.sandbox().supervisorPID
        for path in try CgroupDriver.detect().roots.map({ "\($0)/\(fixture.cgroupRoot)/pod/supervisor/cgroup.procs" }) {
            try fixture.eventually {
                _ = try fixture.runtime.observe()
                let members = (try? readText(path)) ?? ""
                return members.split(separator: "\n").contains("\(supervisor)") ? true : nil
            }
        }
    }

    @Test func `further containers, and further starts, need no helper`() throws {
        let fixture = try filled()
        try fixture.sandbox()
        for name in ["first", "second", "third"] {
            let (observation, output) = try fixture.run(fixture.config(name, ["echo", name]))
            #expect(observation.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
            #expect(output == name)
        }
    }

    @Test func `with none ready a sandbox is made from nothing`() throws {
        let fixture = try filled(1)
        var pids: Set<Int32> = []
        for index in 0..<4 { pids.insert(try fixture.sandbox("pod-\(index)").supervisorPID) }
        #expect(pids.count == 4)
        for index in 0..<4 {
            let config = fixture.shell("echo \(index)", name: "web-\(index)")
            #expect(try fixture.run(config, podUID: "pod-\(index)").output == "\(index)")
        }
    }

    @Test func `a waiting supervisor that was killed is not given to a pod`() throws {
        let fixture = try filled(1)
        let waiting = try #require(try parked(fixture).first)
        let pidfd = try #require(try openProcess(waiting))
        defer { close(pidfd) }
        kill(waiting, SIGKILL)
        #expect(awaitReadable(pidfd, milliseconds: 20_000))
        #expect(try fixture.sandbox().supervisorPID != waiting)
        #expect(try fixture.run(fixture.shell("echo hello")).output == "hello")
    }

    @Test func `a waiting supervisor that was killed is removed and replaced although nobody asks`() throws {
        let fixture = try filled(2)
        let waiting = try parked(fixture)
        kill(waiting[0], SIGKILL)
        try fixture.eventually {
            let now = try parked(fixture)
            return !now.contains(waiting[0]) && now.contains(waiting[1]) && now.count == 2 ? true : nil
        }
        #expect(processStartTime(waiting[0]) == nil)
        #expect(try parkedCgroups(fixture).count == 2)
    }

    @Test func `a pod that uses the node's network does not get one`() throws {
        let fixture = try filled(1)
        let waiting = try parked(fixture)
        #expect(try !waiting.contains(fixture.sandbox(hostNetwork: true).supervisorPID))
        #expect(try parked(fixture) == waiting)
    }

    @Test func `kernel settings are those of the pod, and nothing of one pod is left for the next`() throws {
        let fixture = try filled(1)
        let settings = ["kernel.shmmni": "77", "net.ipv4.ip_unprivileged_port_start": "99"]
        let look = "hostname; cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_unprivileged_port_start; env"
        try fixture.sandbox("first", sysctls: settings)
        var config = fixture.shell(look, name: "first")
        config.environment = [("SECRET", "of the first")]
        #expect(try fixture.run(config, podUID: "first").output.hasPrefix("web-0\n77\n99\n"))
        try fixture.runtime.removeSandbox(podUID: "first")
        try settle(fixture, 1)
        try fixture.sandbox("second")
        let second = try fixture.run(fixture.shell(look, name: "second"), podUID: "second").output
        #expect(second.hasPrefix("web-0\n4096\n0\n"))
        #expect(!second.contains("SECRET"))
    }

    @Test func `settings that are not a pod's own are refused as ever`() throws {
        let fixture = try filled(1)
        #expect(throws: RuntimeError.self) { try fixture.sandbox(sysctls: ["kernel.core_pattern": "|/bin/sh"]) }
        // A value that the kernel refuses: the sandbox that took it is gone, and the error says why.
        #expect(throws: RuntimeError.self) { try fixture.sandbox(sysctls: ["kernel.shmmni": "many"]) }
        try fixture.runtime.removeSandbox(podUID: "pod")
        #expect(try fixture.runtime.observe().isEmpty)
    }

    @Test func `removing the pod leaves nothing of the sandbox that it took`() throws {
        let fixture = try filled(1)
        let info = try fixture.sandbox()
        let pidfd = try #require(try openProcess(info.supervisorPID))
        defer { close(pidfd) }
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.config("web", ["sleep", "1000"]))
        try fixture.runtime.removeSandbox(podUID: "pod")
        #expect(awaitReadable(pidfd, milliseconds: 20_000))
        #expect(try !CgroupDriver.detect().exists(path: "\(fixture.cgroupRoot)/pod"))
        #expect(!fileExists("\(fixture.directory)/run/pods/pod"))
        #expect(!fileExists("\(fixture.directory)/data/pods/pod"))
    }

    @Test func `what an agent that was killed kept ready is gone after the next one's sweep`() throws {
        let fixture = try RuntimeFixture()
        let waiting: [Int32]
        do {
            let other = try fixture.restarted()
            try other.keepSandboxesReady(PoolSize(least: 2, most: 2))
            try fixture.eventually { other.sandboxesReady == 2 ? true : nil }
            waiting = try parked(fixture)
            #expect(waiting.count == 2)
            let cgroups = try Set(parkedCgroups(fixture))
            // The next agent, while the one before has not let go and makes new ones.
            let next = try fixture.restarted()
            try next.sweep(livePodUIDs: [])
            for pid in waiting {
                if let pidfd = try openProcess(pid) {
                    #expect(awaitReadable(pidfd, milliseconds: 20_000))
                    close(pidfd)
                }
            }
            #expect(try Set(parked(fixture)).isDisjoint(with: waiting))
            #expect(try cgroups.isDisjoint(with: parkedCgroups(fixture)))
        }
    }

    @Test func `a sandbox that was only beginning when its agent was killed is removed with what it writes meanwhile`()
        throws
    {
        let kernel = try SwitchedKernel()
        let fixture = try RuntimeFixture(kernel: kernel)
        try makeDirectories("\(fixture.directory)/run/parked/1-1", mode: 0o700)
        kernel.fail(at: 0, with: ENOTEMPTY)
        try fixture.runtime.keepSandboxesReady(PoolSize(least: 0, most: 0))
        #expect(try listDirectory("\(fixture.directory)/run/parked").isEmpty)
    }

    @Test func `once no sandboxes are kept ready, those that were are gone and none are made`() throws {
        let fixture = try filled()
        fixture.runtime.keepNoSandboxesReady()
        #expect(try parked(fixture).isEmpty && parkedCgroups(fixture).isEmpty)
        #expect(fixture.runtime.sandboxesReady == 0)
        try fixture.sandbox()
        #expect(try parkedCgroups(fixture).isEmpty)
    }

    @Test func `supervisors that wait end with the agent, and those that have a pod do not`() throws {
        let fixture = try RuntimeFixture()
        var ready: LinuxPodRuntime? = try fixture.restarted()
        try ready?.keepSandboxesReady(PoolSize(least: 1, most: 1))
        try fixture.eventually { ready?.sandboxesReady == 1 ? true : nil }
        let info = try #require(
            try ready?.createSandbox(SandboxConfig(podUID: "pod", hostname: "web-0")))
        try fixture.eventually { ready?.sandboxesReady == 1 ? true : nil }
        let waiting = try #require(try parked(fixture).first)
        let pidfd = try #require(try openProcess(waiting))
        defer { close(pidfd) }
        ready = nil
        #expect(awaitReadable(pidfd, milliseconds: 20_000))
        #expect(try fixture.runtime.observe(podUID: "pod")?.info?.supervisorPID == info.supervisorPID)
        #expect(try fixture.run(fixture.shell("echo on")).output == "on")
        #expect(try parkedCgroups(fixture).isEmpty)
    }

    @Test func `whichever step of taking one fails, the pod can be made or removed`() throws {
        for step in 0..<6 {
            let kernel = try SwitchedKernel()
            let fixture = try filled(1, kernel: kernel)
            kernel.fail(at: step)
            let result = Result { try fixture.sandbox() }
            kernel.fail(at: nil)
            if case .success = result {
                #expect(try fixture.run(fixture.shell("echo hello")).output == "hello", "step \(step)")
            }
            try fixture.runtime.removeSandbox(podUID: "pod")
            #expect(try fixture.runtime.observe().isEmpty, "step \(step)")
            try fixture.sandbox()
            #expect(try fixture.run(fixture.shell("echo again", name: "again")).output == "again", "step \(step)")
        }
    }
}
