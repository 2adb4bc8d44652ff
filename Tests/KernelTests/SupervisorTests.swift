import ContainerRuntime
import Glibc
import Linux
import Supervision
import Testing

/// What a supervisor stands, from its clients and from the machine.
@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct SupervisorTests {
    /// A connection on which anything can be sent.
    private final class RawClient {
        let descriptor: Int32

        init(_ fixture: RuntimeFixture, seconds: Int = 20) throws {
            descriptor = try UnixSocket.connect(
                path: "\(fixture.directory)/run/pods/pod/\(SupervisorFiles.socket)", seconds: seconds)
        }

        deinit { close(descriptor) }

        func send(_ bytes: [UInt8]) -> Bool {
            Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
        }

        /// Waits for bytes; none when the supervisor has closed the connection.
        func receive() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 4096)
            return Array(bytes[..<max(0, recv(descriptor, &bytes, bytes.count, 0))])
        }
    }

    private static let list = Frame.encode(SupervisorRequest.list)

    /// Checks that the supervisor answers, with its containers.
    private func containers(_ fixture: RuntimeFixture) throws -> [ContainerRecord] {
        let connection = try SupervisorConnection(directory: "\(fixture.directory)/run/pods/pod")
        guard case .containers(let records) = try connection.request(.list).reply else {
            throw LinuxError("list", errno: EBADMSG)
        }
        return records
    }

    private func descriptors(_ pid: Int32) throws -> Int { try listDirectory("/proc/\(pid)/fd").count }

    private func children(_ pid: Int32) throws -> Int {
        try readText("/proc/\(pid)/task/\(pid)/children").split(separator: " ").count
    }

    /// The memory that a process has for itself, in KiB.
    private func ownMemory(_ pid: Int32) throws -> Int {
        let text = try readText("/proc/\(pid)/smaps_rollup")
        let line = text.split(separator: "\n").first { $0.hasPrefix("Private_Dirty:") }
        return Int(line?.split(separator: " ").dropFirst().first ?? "") ?? 0
    }

    @Test(
        arguments: [
            [0xFF, 0xFF, 0xFF, 0xFF, 0x7B], [0x00, 0x40, 0x00, 0x01], [0, 0, 0, 0], [0, 0, 0, 2, 0x7B, 0x7D],
            [0, 0, 0, 3, 0xFF, 0xFE, 0x00], [0, 0, 0, 6] + Array("{\"a\":1".utf8), [0, 0, 0, 4] + Array("null".utf8),
            [0, 0, 0, 10] + Array("{\"exec\":{}".utf8),
            [0, 0, 0, 200] + Array(repeating: UInt8(ascii: "["), count: 200),
        ] as [[UInt8]])
    func `whoever sends nonsense is cut off, and nobody else`(bytes: [UInt8]) throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        let other = try RawClient(fixture)
        let client = try RawClient(fixture)
        #expect(client.send(bytes))
        #expect(client.receive().isEmpty)
        #expect(other.send(Self.list))
        #expect(!other.receive().isEmpty)
    }

    @Test func `a request may come in pieces, and its sender may vanish in the middle`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let before = try descriptors(info.supervisorPID)
        let slow = try RawClient(fixture)
        for byte in Self.list { #expect(slow.send([byte])) }
        #expect(!slow.receive().isEmpty)
        do {
            let vanishing = try RawClient(fixture)
            #expect(vanishing.send(Array(Self.list.dropLast())))
        }
        #expect(try containers(fixture).isEmpty)
        try fixture.eventually { try descriptors(info.supervisorPID) == before + 1 ? true : nil }
    }

    @Test
    func `CVE-2022-23471, 31030: a client that asks and does not read costs neither much memory nor any time`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000"))
        let client = try RawClient(fixture, seconds: 1)
        let requests = Array(repeatElement(Self.list, count: 1000).joined())
        var sent = 0
        while client.send(requests), sent < 10_000 { sent += 1 }
        #expect(sent < 10_000)
        #expect(try containers(fixture).count == 1)
        try fixture.eventually { try ownMemory(info.supervisorPID) < 4096 ? true : nil }
        // It waits: a loop that turns for nothing never does.
        try fixture.eventually { try readText("/proc/\(info.supervisorPID)/stat").contains(") S ") ? true : nil }
    }

    @Test func `two hundred clients are served at once, and too many are turned away`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let before = try descriptors(info.supervisorPID)
        var clients = try (0..<200).map { _ in try RawClient(fixture) }
        for client in clients { #expect(client.send(Self.list)) }
        for client in clients { #expect(!client.receive().isEmpty) }
        let surplus = try (0..<100).map { _ in try RawClient(fixture) }
        for client in surplus { _ = client.send(Self.list) }
        #expect(surplus.count(where: { $0.receive().isEmpty }) > 0)
        #expect(clients[0].send(Self.list) && !clients[0].receive().isEmpty)
        for client in surplus { shutdown(client.descriptor, Int32(SHUT_RDWR)) }
        clients = []
        try fixture.eventually { try descriptors(info.supervisorPID) == before ? true : nil }
    }

    @Test func `many processes in a row leave nothing behind`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000"))
        func run(_ count: Int) throws {
            for _ in 0..<count {
                let session = try fixture.runtime.exec(
                    podUID: "pod", name: "web", attempt: 0, ExecConfig(command: ["/bin/true"]))
                #expect(try fixture.runtime.execResult(session) == 0)
                session.close()
            }
        }
        try run(20)
        let (open, memory) = (try descriptors(info.supervisorPID), try ownMemory(info.supervisorPID))
        try run(100)
        try fixture.eventually { try descriptors(info.supervisorPID) <= open ? true : nil }
        #expect(try children(info.supervisorPID) == 1)
        #expect(try ownMemory(info.supervisorPID) <= memory + 128)
    }

    @Test func `CVE-2025-64329: clients that vanish while a process is started leave nothing behind`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000"))
        let before = try descriptors(info.supervisorPID)
        let request = ExecRequest(container: "web.0", arguments: ["/bin/cat"], terminal: false, stdin: true)
        for _ in 0..<20 {
            let client = try RawClient(fixture)
            #expect(client.send(Frame.encode(SupervisorRequest.exec(request))))
        }
        // Standard input ends with its writer, and so does the program.
        try fixture.eventually {
            try children(info.supervisorPID) == 1 && descriptors(info.supervisorPID) <= before ? true : nil
        }
        #expect(try containers(fixture).count == 1)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGPIPE])
    func `a signal that asks to end is ignored: containers live as long as their pod`(signal: Int32) throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        _ = try fixture.runtime.startContainer(podUID: "pod", fixture.shell("sleep 1000"))
        #expect(kill(info.supervisorPID, signal) == 0)
        #expect(try containers(fixture).allSatisfy { $0.exit == nil })
    }

    @Test func `a supervisor that was stopped for a while has missed nothing`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        let script = "echo ready; while [ ! -e /data/go ]; do sleep 0.01; done; echo more; touch /data/gone; exit 9"
        let volume = "\(fixture.directory)/volume"
        try makeDirectories(volume)
        var config = fixture.shell(script)
        config.mounts = [ContainerMount(source: .bind(volume), destination: "/data")]
        _ = try fixture.runtime.startContainer(podUID: "pod", config)
        try fixture.eventually { fixture.output(fixture.log()) == "ready" ? true : nil }
        #expect(kill(info.supervisorPID, SIGSTOP) == 0)
        // The container goes on, and ends.
        try writeFile("\(volume)/go", create: "")
        try fixture.eventually { fileExists("\(volume)/gone") ? true : nil }
        #expect(kill(info.supervisorPID, SIGCONT) == 0)
        #expect(try fixture.awaitEnd("web").phase == .exited(exitCode: 9, signal: nil, outOfMemory: false))
        #expect(fixture.output(fixture.log()) == "ready\nmore")
    }

    @Test func `logs are rotated without losing or cutting an entry, and a line without an end is marked`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        var config = fixture.shell("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo -n partial")
        (config.logMaxBytes, config.logMaxFiles) = (64 << 10, 3)
        #expect(try fixture.run(config).0.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
        let directory = parentDirectory(of: config.logPath)
        let names = try listDirectory(directory).sorted()
        #expect(names == ["web.0.log", "web.0.log.1", "web.0.log.2"])
        var lines: [String] = []
        for name in names.reversed() {
            let text = try readText("\(directory)/\(name)", limit: 1 << 20)
            #expect(text.utf8.count <= 64 << 10)
            #expect(text.hasSuffix("\n"))
            lines += text.split(separator: "\n").map(String.init)
        }
        #expect(lines.last?.hasSuffix(" stdout P partial") == true)
        // Without a gap up to the last one.
        let first = 20_000 - (lines.count - 1)
        #expect(first > 0)
        for (offset, line) in lines.dropLast().enumerated() where !line.hasSuffix(" stdout F line \(first + offset)") {
            Issue.record("\(line) instead of line \(first + offset)")
            break
        }
    }

    @Test func `a container that writes much and fast costs no memory`() throws {
        let fixture = try RuntimeFixture()
        let info = try fixture.sandbox()
        var config = fixture.shell("yes 0123456789abcdefghijklmnopqrstuvwxyz | head -c 104857600")
        (config.logMaxBytes, config.logMaxFiles) = (1 << 20, 2)
        let before = try ownMemory(info.supervisorPID)
        _ = try fixture.runtime.startContainer(podUID: "pod", config)
        var most = 0
        while true {
            most = max(most, try ownMemory(info.supervisorPID))
            let phase = try fixture.runtime.observe(podUID: "pod")?.containers.first?.phase
            if case .exited? = phase { break }
            _ = poll(nil, 0, 5)
        }
        #expect(most < before + 1024)
        #expect(try listDirectory(parentDirectory(of: config.logPath)).count == 2)
    }
}
