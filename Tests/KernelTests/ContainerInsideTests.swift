import ContainerRuntime
import Glibc
import Linux
import Synchronization
import Testing

/// What a program finds that tries, from inside a container, what it must not be able to do: `Tests/ContainerProbe`.
@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct ContainerInsideTests {
    private func probe(
        _ arguments: [String], userNamespace: Bool = true, _ change: (inout ContainerConfig) -> Void = { _ in }
    ) throws -> [String] {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.addProbe()
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/probe"] + arguments)
        change(&config)
        let (end, output) = try fixture.run(config)
        #expect(end.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
        return output.split(separator: "\n").map(String.init)
    }

    /// The system calls of `probe calls` that fail with something else than `EPERM`.
    private static let otherErrors = [
        "clone3": "ENOSYS", "unknown": "ENOSYS",  // So that the C library does without them.
        "socketcall-alg-32": "EPERM", "socket-alg-32": "EPERM",
    ]

    @Test(arguments: [false, true], [false, true])
    func `CVE-2022-0185, 0847, CVE-2026-31431: calls that reach out of a container are refused`(
        asUser: Bool, userNamespace: Bool
    ) throws {
        let lines = try probe(["calls"], userNamespace: userNamespace) { if asUser { $0.userID = 1000 } }
        #expect(lines.count > 35)
        for line in lines {
            let words = line.split(separator: " ").map(String.init)
            let expected = Self.otherErrors[words[0]] ?? "EPERM"
            // A kernel without 32-bit programs has none of their calls.
            if words[0].hasSuffix("-32"), words[1] == "ENOSYS" { continue }
            #expect(words == [words[0], expected])
        }
    }

    @Test(arguments: [false, true])
    func `only the harmless devices can be used, whatever nodes are made`(userNamespace: Bool) throws {
        let lines = try probe(["devices"], userNamespace: userNamespace)
        // Not even a harmless node can be made by who is root in a user namespace only.
        #expect(lines.last == (userNamespace ? "null-1-3 EPERM" : "null-1-3 ok"))
        #expect(lines.count == 7)
        for line in lines.dropLast() { #expect(line.hasSuffix(" EPERM")) }
    }

    @Test(arguments: [false, true])
    func `CVE-2022-0492, CVE-2023-25809: the machine's settings cannot be opened for writing`(userNamespace: Bool)
        throws
    {
        let candidates = [
            "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/overcommit_memory",
            "/proc/sysrq-trigger", "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper",
            "/sys/kernel/profiling",
            "/sys/power/state", "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs",
            "/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/pids/pids.max", "/sys/fs/cgroup/cgroup.subtree_control",
        ]
        let paths = candidates.filter(fileExists)
        #expect(paths.count > 5)
        let lines = try probe(["write"] + paths, userNamespace: userNamespace)
        #expect(lines.count == paths.count)
        // A file that only the machine's own cgroup has is missing in the container's.
        let denials = ["EROFS", "ENOENT"] + (userNamespace ? ["EACCES"] : [])
        for line in lines { #expect(denials.contains { line.hasSuffix(" \($0)") }, "\(line)") }
    }

    @Test func `hidden files and directories are empty`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let files = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/sched_debug"]
        let directories = [
            "/proc/acpi", "/proc/scsi", "/proc/asound", "/sys/firmware", "/sys/devices/virtual/powercap",
        ]
        let script = """
            for f in \(files.joined(separator: " ")); do [ -e $f ] && head -c 1 $f; done
            for d in \(directories.joined(separator: " ")); do [ -e $d ] && ls -A $d; touch $d/x 2>/dev/null && echo $d; done
            echo end
            """
        #expect(try fixture.run(fixture.shell(script)).output == "end")
    }

    @Test(arguments: [false, true])
    func `CVE-2021-21334: a program has only what it was given`(asUser: Bool) throws {
        let fixture = try RuntimeFixture()
        try fixture.addProbe()
        fixture.images.configuration.withLock {
            $0.user = asUser ? "web" : ""
            $0.environment = ["PATH=/bin"]
        }
        try fixture.sandbox()
        // Without the filter, which refuses to tell the keyring.
        var keyrings: Set<String> = []
        for name in ["first", "second"] {
            var config = fixture.config(name, ["/bin/probe", "self"])
            config.seccomp = false
            config.environment = [("GIVEN", name)]
            let lines = try fixture.run(config).output.split(separator: "\n").map(String.init)
            #expect(
                lines.dropLast() == [
                    "descriptors 0 1 2", "session own", "terminal ENXIO", "umask 022", "directory /",
                    asUser ? "groups 1001 2000" : "groups 0",
                    "environment PATH=/bin HOSTNAME=web-0 HOME=\(asUser ? "/home/web" : "/root") GIVEN=\(name)",
                ])
            keyrings.insert(lines.last ?? "")
        }
        // Each has a session keyring of its own, or the kernel has none at all.
        #expect(keyrings.count == 2 || keyrings == ["keyring -1"])
    }

    @Test func `no path of the node is told by mounts, but for the root's own layers and what was bound`() throws {
        let fixture = try RuntimeFixture()
        try makeDirectories("\(fixture.directory)/volume")
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/cat", "/proc/self/mountinfo"])
        config.mounts = [ContainerMount(source: .bind("\(fixture.directory)/volume"), destination: "/data")]
        let lines = try fixture.run(config).output.split(separator: "\n").map(String.init)
        #expect(lines.filter { $0.contains(" - overlay ") }.count == 1)
        for line in lines where !line.contains(" - overlay ") && !line.contains(" /data ") {
            #expect(!line.contains(fixture.directory))
        }
        // No mount is shared with the node or receives from it.
        for line in lines { #expect(!line.contains(" shared:") && !line.contains(" master:")) }
        let proc = try #require(lines.first { $0.contains(" /proc ") })
        #expect(proc.contains("nosuid,nodev,noexec"))
        #expect(try #require(lines.first { $0.contains(" /sys ") }).contains(" ro,nosuid,nodev,noexec"))
    }

    @Test func `other processes are invisible, and so is the old root`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let script = """
            ls -d /proc/[0-9]* | grep -v -e '/proc/1$' -e /proc/self; kill -0 \(info.supervisorPID) 2>/dev/null && echo alive
            cd ..; cd ..; ls -d \(fixture.directory) 2>/dev/null; ls -d /proc/1/root\(fixture.directory) 2>/dev/null; echo end
            """
        let lines = try fixture.run(fixture.shell(script)).output.split(separator: "\n").map(String.init)
        // The process that lists.
        #expect(lines.filter { $0.hasPrefix("/proc/") }.count <= 2)
        #expect(!lines.contains("alive") && !lines.contains(fixture.directory))
        #expect(lines.last == "end")
    }

    /// Whether this process may be spared, which takes CAP_SYS_RESOURCE.
    private static let canBeSpared: Bool = {
        let path = "/proc/self/oom_score_adj"
        guard let before = try? readText(path), (try? Linux.writeFile(path, "-500")) != nil else { return false }
        return (try? Linux.writeFile(path, before)) != nil
    }()

    @Test(.enabled(if: canBeSpared, "sparing a process needs CAP_SYS_RESOURCE"))
    func `a container is not spared when memory runs out because the agent is`() throws {
        let path = "/proc/self/oom_score_adj"
        let before = try readText(path)
        defer { try? Linux.writeFile(path, before) }
        try Linux.writeFile(path, "-500")
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("cat /proc/self/oom_score_adj; sleep 1000"))
        try fixture.eventually { fixture.output(fixture.log()) == "0" ? true : nil }
        let session = try fixture.runtime.exec(
            podUID: "pod", name: "web", attempt: 0, ExecConfig(command: ["cat", "/proc/self/oom_score_adj"]))
        defer { session.close() }
        let output = try readAll(try #require(session.standardOutput), path: "output", limit: 64)
        #expect(String(decoding: output, as: UTF8.self) == "0\n")
        // The supervisor keeps the protection: it lives as long as the pod.
        #expect(try readText("/proc/\(info.supervisorPID)/oom_score_adj") == "-500\n")
    }
}
