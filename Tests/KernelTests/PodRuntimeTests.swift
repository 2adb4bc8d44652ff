import ContainerRuntime
import Glibc
import Linux
import Synchronization
import Testing

@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct PodRuntimeTests {
    private func pid(_ observation: ContainerObservation) throws -> Int32 {
        guard case .running(let pid) = observation.phase else {
            throw RuntimeError(.startFailed, "\(observation.phase)")
        }
        return pid
    }

    @Test func `making a sandbox twice makes one`() throws {
        let fixture = try RuntimeFixture()
        let first = try fixture.sandbox()
        #expect(try fixture.sandbox() == first)
        #expect(first.networkNamespacePath == "/proc/\(first.supervisorPID)/ns/net")
        #expect(try fixture.runtime.observe() == [SandboxObservation(podUID: "pod", info: first, containers: [])])
    }

    @Test func `containers of a pod share its network and see not each other's processes`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let first = try pid(fixture.runtime.startContainer(podUID: "pod", fixture.config("a", ["sleep", "1000"])))
        let second = try pid(fixture.runtime.startContainer(podUID: "pod", fixture.config("b", ["sleep", "1000"])))
        func namespace(_ pid: Int32, _ kind: String) -> String {
            var bytes = [CChar](repeating: 0, count: 64)
            return readlink("/proc/\(pid)/ns/\(kind)", &bytes, 63) > 0
                ? bytes.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" } : ""
        }
        for kind in ["net", "ipc", "uts"] {
            #expect(namespace(first, kind) == namespace(info.supervisorPID, kind))
            #expect(namespace(second, kind) == namespace(first, kind))
            #expect(namespace(first, kind) != namespace(getpid(), kind))
        }
        for kind in ["pid", "mnt", "cgroup"] { #expect(namespace(second, kind) != namespace(first, kind)) }
    }

    @Test func `the end of a container is told to the handler`() throws {
        let fixture = try RuntimeFixture()
        let told = ToldPods()
        fixture.runtime.setExitHandler { told.add($0) }
        try fixture.sandbox()
        try fixture.eventually { told.take() }  // It was taken up.
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("exit 5"))
        #expect(try fixture.eventually { told.take() } == "pod")
        let end = try #require(try fixture.runtime.observe(podUID: "pod")?.containers.first)
        #expect(end.phase == .exited(exitCode: 5, signal: nil, outOfMemory: false))
    }

    @Test func `killing the supervisor ends its containers`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let container = try pid(fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000")))
        let pidfd = try #require(try openProcess(container))
        defer { close(pidfd) }
        kill(info.supervisorPID, SIGKILL)
        #expect(awaitReadable(pidfd, milliseconds: 20_000))
        let observation = try fixture.eventually { () throws -> SandboxObservation? in
            let observation = try fixture.runtime.observe(podUID: "pod")
            return observation?.info == nil ? observation : nil
        }
        #expect(observation.containers.map(\.phase) == [.exited(exitCode: 137, signal: 9, outOfMemory: false)])
        #expect(throws: RuntimeError.self) {
            try fixture.runtime.startContainer(podUID: "pod", fixture.config("next", ["true"]))
        }
        // A new supervisor takes the pod over; what was started once is not started again.
        let next = try fixture.sandbox()
        #expect(next.supervisorPID != info.supervisorPID)
        let again = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000"))
        #expect(again.phase == .exited(exitCode: 137, signal: 9, outOfMemory: false))
        #expect(try fixture.run(fixture.config("next", ["echo", "hello"])).output == "hello")
    }

    @Test func `another runtime takes over what runs, and ends that happened meanwhile`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let gate = "\(fixture.directory)/gate"
        try makeDirectories(gate)
        var config = fixture.shell("until [ -e /gate/open ]; do sleep 0.01; done; exit 9")
        config.mounts = [ContainerMount(source: .bind(gate), destination: "/gate", readOnly: true)]
        let started = try fixture.runtime.startContainer(podUID: "pod", config)
        let other = try fixture.restarted()
        #expect(try other.observe() == [SandboxObservation(podUID: "pod", info: info, containers: [started])])
        #expect(try other.startContainer(podUID: "pod", config) == started)
        #expect(try other.createSandbox(SandboxConfig(podUID: "pod", hostname: "web-0")) == info)
        try writeFile("\(gate)/open", create: "")
        let end = try fixture.awaitEnd("web", in: other)
        #expect(end.phase == .exited(exitCode: 9, signal: nil, outOfMemory: false))
        #expect(end.startedAt == started.startedAt)
        // The end is on disk: it outlives the supervisor too.
        kill(info.supervisorPID, SIGKILL)
        let last = try fixture.eventually { () throws -> SandboxObservation? in
            let observation = try fixture.restarted().observe(podUID: "pod")
            return observation?.info == nil ? observation : nil
        }
        #expect(last.containers == [end])
    }

    @Test func `what a container used is counted`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("while :; do :; done"))
        let usage = try fixture.eventually { () throws -> ContainerUsage? in
            let usage = try fixture.runtime.usage(podUID: "pod", name: "web", attempt: 0)
            return usage.cpuNanoseconds > 1_000_000 && usage.memoryBytes > 0 ? usage : nil
        }
        #expect(usage.pids == 1)
        let error = #expect(throws: RuntimeError.self) {
            try fixture.runtime.usage(podUID: "pod", name: "none", attempt: 0)
        }
        #expect(error?.code == .notFound)
    }

    @Test func `removing leaves nothing of a container, and then nothing of the pod`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let driver = try CgroupDriver.detect()
        let first = try pid(fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000")))
        let second = try pid(fixture.runtime.startContainer(podUID: "pod", fixture.config("b", ["sleep", "1000"])))
        for _ in 0..<2 {
            try fixture.runtime.removeContainer(podUID: "pod", name: "web", attempt: 0)
            #expect(kill(first, 0) == -1)
            #expect(try fixture.runtime.observe(podUID: "pod")?.containers.map(\.name) == ["b"])
            #expect(!driver.exists(path: "\(fixture.cgroupRoot)/pod/web.0"))
        }
        for _ in 0..<2 {
            try fixture.runtime.removeSandbox(podUID: "pod")
            #expect(kill(second, 0) == -1)
            #expect(try fixture.runtime.observe().isEmpty)
            #expect(try driver.children(path: fixture.cgroupRoot).isEmpty)
        }
        #expect(try listDirectory("\(fixture.directory)/data/pods").isEmpty)
        #expect(try listDirectory("\(fixture.directory)/run/pods").isEmpty)
        #expect(try !readText("/proc/self/mountinfo").contains(fixture.directory))
        // The supervisor was reaped: nothing of it is in the process table.
        try fixture.eventually { processStartTime(info.supervisorPID) == nil ? true : nil }
    }

    @Test func `a sweep removes what no live pod owns`() throws {
        let fixture = try RuntimeFixture()
        let kept = try fixture.sandbox("kept")
        try fixture.sandbox("gone")
        _ = try fixture.runtime.startContainer(podUID: "gone", fixture.shell("sleep 1000"))
        try makeDirectories("\(fixture.directory)/run/pods/remains")
        let other = try fixture.restarted()
        try other.sweep(livePodUIDs: ["kept"])
        #expect(try other.observe().map(\.podUID) == ["kept"])
        #expect(kill(kept.supervisorPID, 0) == 0)
        #expect(try CgroupDriver.detect().children(path: fixture.cgroupRoot) == ["kept"])
    }

    @Test(arguments: ["", ".", "..", "a/b", ".hidden", "a b"])
    func `a pod uid that is not a plain name is refused`(podUID: String) throws {
        let fixture = try RuntimeFixture()
        let error = #expect(throws: RuntimeError.self) { try fixture.sandbox(podUID) }
        #expect(error?.code == .invalid)
    }

    @Test(arguments: [EIO, ENOSPC, EBUSY])
    func `after a failure of any effect, repeating the calls succeeds and removing leaves nothing`(error: Int32) throws
    {
        var failures = 0
        for step in 0..<40 {
            let kernel = try FailingKernel(failAt: step, error: error)
            let fixture = try RuntimeFixture(kernel: kernel)
            var failed = false
            for _ in 0..<2 {
                do {
                    try fixture.sandbox()
                    let end = try fixture.run(fixture.config("web", ["true"])).0
                    #expect(end.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
                    try fixture.runtime.removeContainer(podUID: "pod", name: "web", attempt: 0)
                    try fixture.runtime.removeSandbox(podUID: "pod")
                    break
                } catch let failure {
                    failed = true
                    #expect("\(failure)".contains(String(cString: strerror(error))) || error == EIO, "\(failure)")
                }
            }
            #expect(try fixture.runtime.observe().isEmpty)
            #expect(try CgroupDriver.detect().children(path: fixture.cgroupRoot).isEmpty)
            guard let effect = kernel.failed else {
                #expect(!failed)
                break
            }
            // A directory that there is no room to rename is removed at once instead; nobody need know.
            #expect(failed == !(effect == "rename" && error == ENOSPC), "\(effect)")
            failures += 1
        }
        #expect(failures > 10)
        #expect(failures < 40)
    }
}

/// The pods that a runtime told of.
private final class ToldPods: Sendable {
    private let pods = Mutex<[String]>([])
    func add(_ podUID: String) { pods.withLock { $0.append(podUID) } }
    func take() -> String? { pods.withLock { $0.popLast() } }
}
