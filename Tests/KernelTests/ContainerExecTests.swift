import ContainerRuntime
import Glibc
import Linux
import Testing

@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized)
struct ContainerExecTests {
    /// A pod with a container that runs until it is removed.
    private func running(
        userNamespace: Bool = true, _ change: (inout ContainerConfig) -> Void = { _ in }
    ) throws -> RuntimeFixture {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        var config = fixture.shell("echo ready; sleep 1000")
        change(&config)
        let observation = try fixture.runtime.startContainer(podUID: "pod", config)
        guard case .running = observation.phase else { throw RuntimeError(.startFailed, "\(observation.phase)") }
        return fixture
    }

    private func exec(
        _ fixture: RuntimeFixture, _ command: [String], terminal: Bool = false, input: String? = nil
    ) throws -> (code: Int, output: String, error: String) {
        let config = ExecConfig(command: command, terminal: terminal, stdin: input != nil)
        let session = try fixture.runtime.exec(podUID: "pod", name: "web", attempt: 0, config)
        if let input, let descriptor = session.standardInput {
            try writeAll(descriptor, Array(input.utf8), path: "stdin")
            close(descriptor)
        }
        func text(_ descriptor: Int32?) -> String {
            guard let descriptor else { return "" }
            defer { close(descriptor) }
            var text: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            // A terminal ends with EIO.
            while case let count = read(descriptor, &chunk, chunk.count), count > 0 { text += chunk[..<count] }
            return String(decoding: text, as: UTF8.self)
        }
        let output = text(session.terminal ?? session.standardOutput)
        let error = text(session.standardError)
        defer { close(session.completion) }
        return (try fixture.runtime.execResult(session), output, error)
    }

    @Test(arguments: [true, false])
    func `a process runs in the container with its streams and exit code`(userNamespace: Bool) throws {
        let fixture = try running(userNamespace: userNamespace)
        let script = "echo out; echo err >&2; cat; ls -d /proc/1; exit 3"
        let (code, output, error) = try exec(fixture, ["/bin/sh", "-c", script], input: "in\n")
        #expect(code == 3)
        #expect(output == "out\nin\n/proc/1\n")
        #expect(error == "err\n")
        #expect(try exec(fixture, ["sh", "-c", "kill -9 $$"]).code == 137)
    }

    @Test(arguments: [true, false])
    func `the process has the container's identity, cgroups and namespaces`(userNamespace: Bool) throws {
        let fixture = try running(userNamespace: userNamespace) { $0.userID = 1000 }
        let script = "grep -E 'Uid|CapBnd|NoNewPrivs|Seccomp:' /proc/self/status; hostname; cat /proc/self/cgroup"
        let lines = try exec(fixture, ["sh", "-c", script]).output.split(separator: "\n").map(String.init)
        #expect(lines[0] == "Uid:\t1000\t1000\t1000\t1000")
        #expect(lines[1] == "CapBnd:\t00000000a80405fb")
        #expect(lines[2] == "NoNewPrivs:\t1")
        #expect(lines[3] == "Seccomp:\t2")
        #expect(lines[4] == "web-0")
        let cgroups = lines.dropFirst(5).filter {
            $0.contains(":memory:") || $0.contains(":pids:") || $0.hasPrefix("0::")
        }
        #expect(!cgroups.isEmpty && cgroups.allSatisfy { $0.hasSuffix(":/") })
        #expect(try exec(fixture, ["ls", "/proc/self/fd"]).output == "0\n1\n2\n3\n")
    }

    @Test(arguments: [false, true])
    func `a process whose client has gone is killed`(terminal: Bool) throws {
        let fixture = try running()
        let config = ExecConfig(command: ["sh", "-c", "trap '' HUP; echo $$; exec sleep 1000"], terminal: terminal)
        let session = try fixture.runtime.exec(podUID: "pod", name: "web", attempt: 0, config)
        let output = try #require(session.terminal ?? session.standardOutput)
        var chunk = [UInt8](repeating: 0, count: 64)
        let count = read(output, &chunk, chunk.count)
        let pid = String(decoding: chunk.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber)
        try #require(!pid.isEmpty)
        #expect(try exec(fixture, ["ls", "-d", "/proc/\(pid)"]).code == 0)
        for descriptor in [session.terminal, session.standardOutput, session.standardError, session.completion] {
            if let descriptor { close(descriptor) }
        }
        try fixture.eventually { try exec(fixture, ["ls", "-d", "/proc/\(pid)"]).code == 1 ? true : nil }
    }

    @Test func `the children of a process whose client has gone are killed`() throws {
        let fixture = try running()
        let config = ExecConfig(command: ["sh", "-c", "(trap '' HUP; sleep 1000; true) & echo $!; wait"])
        let session = try fixture.runtime.exec(podUID: "pod", name: "web", attempt: 0, config)
        let output = try #require(session.standardOutput)
        defer { for descriptor in [output, session.standardError ?? -1] { close(descriptor) } }
        var chunk = [UInt8](repeating: 0, count: 64)
        #expect(read(output, &chunk, chunk.count) > 0)
        close(session.completion)
        // The end of the file comes once no process has the stream open any more.
        #expect(awaitReadable(output, milliseconds: 20_000))
        #expect(read(output, &chunk, chunk.count) == 0)
    }

    @Test func `limits of descriptors and core dumps are the same for every process`() throws {
        let fixture = try running()
        let limits = try exec(fixture, ["sh", "-c", "ulimit -c; ulimit -n"]).output
        var node = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &node)
        #expect(limits == "0\n\(min(65536, node.rlim_max))\n")
        let (_, output) = try fixture.run(fixture.shell("ulimit -c; ulimit -n", name: "other"))
        #expect(output == limits.dropLast())
    }

    @Test(arguments: [true, false])
    func `a terminal is one, and has the size it is given`(userNamespace: Bool) throws {
        let fixture = try running(userNamespace: userNamespace)
        let config = ExecConfig(command: ["sh", "-c", "tty; read line; stty size"], terminal: true)
        let session = try fixture.runtime.exec(podUID: "pod", name: "web", attempt: 0, config)
        let terminal = try #require(session.terminal)
        defer {
            close(terminal)
            close(session.completion)
        }
        try fixture.runtime.resize(session, rows: 33, columns: 101)
        try writeAll(terminal, Array("\n".utf8), path: "terminal")
        var text = ""
        var chunk = [UInt8](repeating: 0, count: 4096)
        while case let count = read(terminal, &chunk, chunk.count), count > 0 {
            text += String(decoding: chunk[..<count], as: UTF8.self)
        }
        #expect(text.contains("/dev/pts/0"))
        #expect(text.contains("33 101"))
        #expect(try fixture.runtime.execResult(session) == 0)
    }

    @Test(arguments: [true, false])
    func `a container may have a terminal`(userNamespace: Bool) throws {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.sandbox()
        var config = fixture.shell("tty; tty < /dev/console; echo end")
        config.terminal = true
        let lines = try fixture.run(config).output.split(separator: "\n")
        #expect(lines.first == "/dev/pts/0" || lines.first == "/dev/console")
        #expect(lines.last == "end")
    }

    @Test func `a program that is not there is refused`() throws {
        let fixture = try running()
        let error = #expect(throws: RuntimeError.self) { try exec(fixture, ["/nope"]) }
        #expect(error?.code == .startFailed)
        #expect(error?.message == "executable \"/nope\" (or its interpreter) not found in the image")
    }

    @Test func `processes end with the container although nobody waits for them`() throws {
        let fixture = try running()
        let session = try fixture.runtime.exec(
            podUID: "pod", name: "web", attempt: 0, ExecConfig(command: ["sh", "-c", "trap '' HUP PIPE; sleep 1000"]))
        for descriptor in [session.standardOutput, session.standardError].compactMap({ $0 }) { close(descriptor) }
        try fixture.runtime.signalContainer(podUID: "pod", name: "web", attempt: 0, signal: SIGKILL)
        #expect(try fixture.runtime.execResult(session) == 137)
        close(session.completion)
        #expect(try fixture.awaitEnd("web").phase == .exited(exitCode: 137, signal: 9, outOfMemory: false))
        let error = #expect(throws: RuntimeError.self) { try exec(fixture, ["true"]) }
        #expect(error?.code == .notFound)
    }
}
