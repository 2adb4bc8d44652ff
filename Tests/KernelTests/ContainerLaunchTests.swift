import ContainerRuntime
import Glibc
import Linux
import Synchronization
import Testing

@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct ContainerLaunchTests {
    @Test(arguments: [false, true])
    func `what is mounted over in every container needs no room in its own directory`(userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        let hosts = "\(fixture.directory)/hosts"
        try writeFile(hosts, create: "127.0.0.1 localhost\n", mode: 0o644)
        var config = fixture.shell("cat /etc/hosts; stat -c %a /dev /sys /etc; touch /written")
        config.mounts = [ContainerMount(source: .bind(hosts), destination: "/etc/hosts")]
        let (end, output) = try fixture.run(config)
        #expect(end.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
        #expect(output == "127.0.0.1 localhost\n755\n555\n755")
        let own = "\(fixture.directory)/data/pods/pod/containers/web.0/upper"
        #expect(try listDirectory(own) == ["written"])
    }

    @Test(arguments: [("true", 0), ("exit 7", 7), ("exit 255", 255), ("nosuchprogram", 127)])
    func `a program's exit code comes back`(script: String, code: Int) throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let (end, _) = try fixture.run(fixture.shell(script))
        #expect(end.phase == .exited(exitCode: code, signal: nil, outOfMemory: false))
        let (started, finished) = (try #require(end.startedAt), try #require(end.finishedAt))
        #expect(started <= finished)
    }

    @Test(arguments: [SIGTERM, SIGKILL, SIGUSR1])
    func `a signal reaches the program and is told as its end`(signal: Int32) throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        // The first process of a pid namespace gets only the signals that it handles, and SIGKILL.
        let script = "trap 'exit 41' TERM USR1; echo ready; while :; do sleep 0.02; done"
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell(script))
        try fixture.eventually { fixture.output(fixture.log()) == "ready" ? true : nil }
        try fixture.runtime.signalContainer(podUID: "pod", name: "web", attempt: 0, signal: signal)
        let end = try fixture.awaitEnd("web")
        let expected: ContainerObservation.Phase =
            signal == SIGKILL
            ? .exited(exitCode: 137, signal: 9, outOfMemory: false)
            : .exited(exitCode: 41, signal: nil, outOfMemory: false)
        #expect(end.phase == expected)
        try fixture.runtime.signalContainer(podUID: "pod", name: "web", attempt: 0, signal: SIGTERM)
    }

    @Test func `a program that needs more memory than its limit is told as out of memory`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"])
        config.resources.memoryLimitBytes = 32 << 20
        let (end, _) = try fixture.run(config)
        #expect(end.phase == .exited(exitCode: 137, signal: 9, outOfMemory: true))
    }

    @Test func `the number of processes is limited`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.shell("for i in 1 2 3 4 5 6; do sleep 5 & done; echo started")
        config.resources.pidsLimit = 4
        let (end, _) = try fixture.run(config)
        guard case .exited(let code, _, false) = end.phase else {
            Issue.record("\(end.phase)")
            return
        }
        #expect(code != 0)
    }

    @Test(arguments: [
        (["/nope"], "executable \"/nope\" (or its interpreter) not found in the image"),
        (["nope"], "executable \"nope\" (or its interpreter) not found in the image"),
        (["/etc/passwd"], "execute /etc/passwd: Permission denied"),
        (["/bin"], "execute /bin: Permission denied"),
        (["/bin/garbage"], "execute /bin/garbage: Exec format error"),
    ])
    func `a program that cannot be executed is a failure for good`(command: [String], message: String) throws {
        let fixture = try RuntimeFixture()
        try writeFile("\(fixture.directory)/image/bin/garbage", create: "\u{1}\u{2}\u{3}", mode: 0o755)
        chmod("\(fixture.directory)/image/bin/garbage", 0o755)
        try fixture.sandbox()
        let first = try fixture.runtime.startContainer(podUID: "pod", fixture.config("web", command))
        #expect(first.phase == .failed(message))
        // Repeating the call observes the failure, also when the program could be found by now.
        let second = try fixture.runtime.startContainer(podUID: "pod", fixture.config("web", ["/bin/true"]))
        #expect(second.phase == .failed(message))
        #expect(try fixture.runtime.observe(podUID: "pod")?.containers.map(\.phase) == [.failed(message)])
    }

    @Test func `a container that was started is observed and not started again`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let config = fixture.shell("echo once; sleep 100")
        let first = try fixture.runtime.startContainer(podUID: "pod", config)
        let second = try fixture.runtime.startContainer(podUID: "pod", config)
        #expect(first == second)
        guard case .running(let pid) = first.phase else {
            Issue.record("\(first.phase)")
            return
        }
        #expect(kill(pid, 0) == 0)
    }

    @Test func `environment, working directory and arguments come from image and configuration`() throws {
        let fixture = try RuntimeFixture()
        fixture.images.configuration.withLock {
            $0.entrypoint = ["/bin/sh", "-c", "pwd; env; echo $0 $1"]
            $0.command = ["zero", "one"]
            $0.environment = ["A=image", "B=image", "PATH=/bin"]
            $0.workingDirectory = "/srv/made"
        }
        try fixture.sandbox()
        var config = fixture.config("web", [])
        config.environment = [("B", "config"), ("C", "x=y z")]
        let (end, output) = try fixture.run(config)
        #expect(end.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
        let lines = output.split(separator: "\n").map(String.init)
        #expect(lines.first == "/srv/made")
        #expect(lines.last == "zero one")
        let expected = ["A=image", "B=config", "C=x=y z", "HOSTNAME=web-0", "PATH=/bin", "HOME=/root"]
        for line in expected { #expect(lines.contains(line)) }
        config.attempt = 1
        config.args = ["two"]
        config.logPath = fixture.log("web", 1)
        #expect(try fixture.run(config).output.hasSuffix("two"))
    }

    @Test(
        arguments: [
            ("", nil, nil, "uid=0(root) gid=0(root) groups=0(root)"),
            ("web", nil, nil, "uid=1000(web) gid=1001(web) groups=1001(web),2000(extra)"),
            ("web:other", nil, nil, "uid=1000(web) gid=2001(other) groups=2001(other)"),
            ("1000", nil, nil, "uid=1000(web) gid=1001(web) groups=1001(web),2000(extra)"),
            ("4242", nil, nil, "uid=4242 gid=0(root) groups=0(root)"),
            ("web", 4242, 4343, "uid=4242 gid=4343 groups=4343"),
        ] as [(String, UInt32?, UInt32?, String)])
    func `CVE-2022-36109, CVE-2023-25173: user and groups are those of the image or of the configuration`(
        image: String, user: UInt32?, group: UInt32?, expected: String
    ) throws {
        let fixture = try RuntimeFixture()
        fixture.images.configuration.withLock { $0.user = image }
        try fixture.sandbox()
        var config = fixture.config("web", ["/bin/id"])
        (config.userID, config.groupID) = (user, group)
        #expect(try fixture.run(config).output == expected)
    }

    @Test(arguments: [true, false])
    func `a user that is not root can write to its own standard output by name`(userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        var config = fixture.shell("echo named > /dev/stdout")
        config.userID = 1000
        #expect(try fixture.run(config).output == "named")
    }

    @Test(arguments: [true, false])
    func `volumes, their modes and files that are mounted over are as configured`(userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        let volume = "\(fixture.directory)/volume"
        try makeDirectories(volume)
        try writeFile("\(volume)/file", create: "content\n", mode: 0o644)
        try fixture.sandbox()
        var config = fixture.shell(
            """
            cat /data/file; echo new > /data/new; touch /fixed/no 2>/dev/null || echo read-only; cat /etc/hosts
            touch /memory/x && grep -o ' /memory [^ ]*' /proc/self/mountinfo
            grep -o ' /data [^ ]*' /proc/self/mountinfo
            """)
        config.mounts = [
            ContainerMount(source: .bind(volume), destination: "/data"),
            ContainerMount(source: .bind(volume), destination: "/fixed", readOnly: true),
            ContainerMount(source: .bind("\(volume)/file"), destination: "/etc/hosts", readOnly: true),
            ContainerMount(source: .tmpfs(sizeBytes: 1 << 20), destination: "/memory"),
        ]
        let lines = try fixture.run(config).output.split(separator: "\n").map(String.init)
        #expect(lines.prefix(3) == ["content", "read-only", "content"])
        let mapped = userNamespace ? ",idmapped" : ""
        #expect(
            lines.dropFirst(3) == [" /memory rw,nosuid,nodev,relatime", " /data rw,nosuid,nodev,relatime\(mapped)"])
        #expect(try readText("\(volume)/new") == "new\n")
    }

    @Test func `a mount whose source is missing fails with its name`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.shell("true")
        config.mounts = [ContainerMount(source: .bind("/nope/volume"), destination: "/data")]
        let observation = try fixture.runtime.startContainer(podUID: "pod", config)
        #expect(observation.phase == .failed("bind /nope/volume to /data: No such file or directory"))
    }
}
