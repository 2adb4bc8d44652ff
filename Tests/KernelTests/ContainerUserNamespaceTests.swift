import ContainerRuntime
import Glibc
import Linux
import Synchronization
import Testing

/// A pod's user ids, seen from inside and from the node.
@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized, .timeLimit(.minutes(10)))
struct ContainerUserNamespaceTests {
    private func owner(_ path: String) throws -> (UInt32, UInt32) {
        var status = stat()
        try systemCall("lstat", path: path) { lstat(path, &status) }
        return (status.st_uid, status.st_gid)
    }

    /// The real user of a process, on the node.
    private func user(of observation: ContainerObservation) throws -> UInt32? {
        guard case .running(let pid) = observation.phase else { return nil }
        let line = try readText("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("Uid:") }
        return line?.split(separator: "\t").dropFirst().first.flatMap { UInt32($0) }
    }

    @Test(arguments: [0, 1000, 65535] as [UInt32])
    func `a container's users are unprivileged ones of the node`(user: UInt32) throws {
        let fixture = try RuntimeFixture()
        let range = try #require(try fixture.sandbox().userRange)
        #expect(range.first >= 1 << 20)
        #expect(range.first.isMultiple(of: 65536))
        var config = fixture.shell("id -u; cat /proc/self/uid_map; sleep 1000")
        (config.userID, config.groupID) = (user, user)
        let observation = try fixture.runtime.startContainer(podUID: "pod", config)
        #expect(try self.user(of: observation) == range.first + user)
        try fixture.eventually { fixture.output(config.logPath).contains("\n") ? true : nil }
        let words = fixture.output(config.logPath).split { $0 == " " || $0 == "\n" }.map(String.init)
        #expect(words == ["\(user)", "0", "\(range.first)", "65536"])
    }

    @Test func `no two pods share ids, and a pod keeps its own as long as it is there`() throws {
        let fixture = try RuntimeFixture()
        let ranges = try ["a", "b", "c"].map { try fixture.sandbox($0).userRange }
        #expect(Set(ranges).count == 3)
        let other = try fixture.restarted()
        let again = try other.createSandbox(SandboxConfig(podUID: "b", hostname: "web-0"))
        #expect(again.userRange == ranges[1])
        #expect(try other.observe(podUID: "c")?.info?.userRange == ranges[2])
        try other.removeSandbox(podUID: "b")
        #expect(try other.createSandbox(SandboxConfig(podUID: "b", hostname: "web-0")).userRange == ranges[1])
    }

    @Test func `everything in the root belongs to users of the container`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let places = "/ /bin/busybox /etc/passwd /dev /dev/null /dev/ptmx /dev/shm /memory /made /made/deep"
        var config = fixture.shell("stat -L -c '%n %u %g' \(places); touch /new /etc/passwd; stat -c %u /new")
        config.mounts = [ContainerMount(source: .tmpfs(sizeBytes: nil), destination: "/memory")]
        config.workingDirectory = "/made/deep"
        let expected = places.split(separator: " ").map { "\($0) 0 0" } + ["0"]
        let output = try fixture.run(config).output
        #expect(output.split(separator: "\n").map(String.init) == expected)
        #expect(try owner("\(fixture.directory)/image/etc/passwd") == (0, 0))
    }

    @Test func `a volume's owners are the same in the container and on the disk`() throws {
        let fixture = try RuntimeFixture()
        let volume = "\(fixture.directory)/volume"
        try makeDirectories(volume, mode: 0o755)
        try writeFile("\(volume)/file", create: "content\n", mode: 0o600)
        chown("\(volume)/file", 1000, 1001)
        chown(volume, 1000, 1001)
        try fixture.sandbox()
        var config = fixture.shell("stat -c '%u %g' /data/file; cat /data/file; touch /data/new; touch /data/sub/x")
        (config.userID, config.groupID) = (1000, 1001)
        config.mounts = [
            ContainerMount(source: .bind(volume), destination: "/data"),
            ContainerMount(source: .tmpfs(sizeBytes: nil), destination: "/data/sub"),
        ]
        #expect(try fixture.run(config).output == "1000 1001\ncontent")
        #expect(try owner("\(volume)/new") == (1000, 1001))
        // The mount point was made by the runtime, as the container's root.
        #expect(try owner("\(volume)/sub") == (0, 0))
    }

    @Test func `a container can opt out, alone in its pod or with it`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        #expect(try fixture.sandbox("plain", userNamespace: false).userRange == nil)
        for pod in ["pod", "plain"] {
            var config = fixture.shell("sleep 1000")
            config.userNamespace = false
            #expect(try user(of: fixture.runtime.startContainer(podUID: pod, config)) == 0)
        }
        let error = #expect(throws: RuntimeError.self) {
            try fixture.runtime.startContainer(podUID: "plain", fixture.shell("true", name: "other"))
        }
        #expect(error?.message == "container other needs a user namespace, and its pod was made without one")
    }

    @Test(arguments: [(65536, 0, 65536), (0, 70000, 70000)] as [(UInt32, UInt32, UInt32)])
    func `an id that no pod has is refused by its number`(user: UInt32, group: UInt32, named: UInt32) throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.shell("true")
        (config.userID, config.groupID) = (user, group)
        let error = #expect(throws: RuntimeError.self) { try fixture.runtime.startContainer(podUID: "pod", config) }
        #expect(error?.code == .invalid)
        #expect(error?.message.hasPrefix("user or group \(named) of container web is larger than 65535") == true)
        config.userNamespace = false
        #expect(try fixture.run(config).0.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
    }

    @Test func `a volume whose file system cannot show other owners is refused by its name`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.shell("true")
        config.mounts = [ContainerMount(source: .bind("/proc/bus"), destination: "/data")]
        let observation = try fixture.runtime.startContainer(podUID: "pod", config)
        guard case .failed(let message) = observation.phase else { throw RuntimeError(.startFailed, "it runs") }
        #expect(message.hasPrefix("bind /proc/bus to /data: its file system cannot show other owners"))
        #expect(message.hasSuffix("security.userNamespace: false"))
    }

    @Test func `capabilities act on the pod's network, and on nothing of the node`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox(sysctls: ["net.ipv4.ip_unprivileged_port_start": "1024"])
        var config = fixture.shell(
            """
            ip addr add 127.0.0.9/8 dev lo && echo address
            (nc -l -p 80 -w 1 >/dev/null 2>&1; echo $?) & sleep 0.1; kill $! 2>/dev/null
            hostname other 2>/dev/null || echo host name kept
            """)
        config.addCapabilities = ["NET_ADMIN"]
        symlink("busybox", "\(fixture.directory)/image/bin/ip")
        let output = try fixture.run(config).output
        #expect(output.contains("address"))
        #expect(output.contains("host name kept"))
    }

    @Test func `who pings and who may is told in the pod's own numbers`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox(sysctls: ["net.ipv4.ping_group_range": "5 1000"])
        try fixture.sandbox("other")
        for (podUID, expected) in [("pod", "5\t1000"), ("other", "0\t65535")] {
            let config = fixture.shell("cat /proc/sys/net/ipv4/ping_group_range", name: podUID)
            let output = try fixture.run(config, podUID: podUID).output
            #expect(output == expected)
        }
    }

    @Test func `a pod on the node's network has its own users too`() throws {
        let fixture = try RuntimeFixture()
        let range = try #require(try fixture.sandbox(hostNetwork: true).userRange)
        let observation = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000"))
        #expect(try user(of: observation) == range.first)
    }
}
