import CLinux
import Glibc
import Linux
import Testing

extension EndToEnd {
    @Suite struct Exec {
        @Test func `a command's output, input and exit code are passed on`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("shell") }
            try cluster.run(
                "shell",
                """
                env: {MARK: here}
                workingDir: /tmp
                sidecars: [{name: helper, command: [sh, -c, 'exec sleep 1000']}]
                """)
            let output = try cluster.martlet(
                "exec", "shell", "--", "sh", "-c", "echo out $MARK $(pwd); echo err >&2; exit 7")
            #expect(output.code == 7 && output.out == "out here /tmp\n" && output.err == "err\n", "\(output)")
            let killed = try cluster.martlet("exec", "shell", "--", "sh", "-c", "kill -9 $$")
            #expect(killed.code == 137, "\(killed)")
            let missing = try cluster.martlet("exec", "shell", "--", "/no/such/program")
            #expect(missing.code == 126 || missing.code == 127, "\(missing)")
            #expect(missing.err.contains("/no/such/program"), "\(missing)")
            let text = String(repeating: "0123456789abcde\n", count: 2000)
            let piped = try cluster.martlet("exec", "-i", "shell", "-c", "helper", "--", "cat", input: text)
            #expect(piped.code == 0 && piped.out == text)
            let big = try cluster.martlet("exec", "shell", "--", "head", "-c", "3000000", "/dev/zero")
            #expect(big.code == 0 && big.out.utf8.count == 3_000_000)
            let pod = try cluster.pod("shell").name
            let stock = try cluster.kubectl("exec", pod, "-c", "shell", "--", "sh", "-c", "echo stock; exit 5")
            #expect(stock.code == 5 && stock.out == "stock\n", "\(stock)")
        }

        @Test(arguments: ["martlet", "kubectl"])
        func `a command ends with the client that asked for it, and the server keeps nothing of it`(program: String)
            throws
        {
            let cluster = try EndToEnd.cluster()
            let name = "abandoned-\(program)"
            defer { cluster.delete(name) }
            try cluster.run(name, "replicas: 1")
            let pod = try cluster.pod(name).name
            let server = try #require(cluster.server?.pid)
            let before = try listDirectory("/proc/\(server)/fd").count
            let clients = try (0..<5).map { _ in
                try cluster.start([program, "exec", pod, "--", "sh", "-c", "echo up; exec sleep 1234"])
            }
            for client in clients {
                try client.awaitOutput("the command's start") { $0.out == "up\n" }
                client.kill(SIGKILL)
                _ = try client.awaitEnd()
            }
            try eventually("the end of the commands") {
                try cluster.exec(pod, "ps").contains("sleep 1234") ? nil : true
            }
            // Connections to the server that other clients hold come and go; five commands would hold fifteen and more.
            try eventually("the server to let go", last: { "\((try? listDirectory("/proc/\(server)/fd").count) ?? 0)" })
            {
                try listDirectory("/proc/\(server)/fd").count < before + 10 ? true : nil
            }
        }

        @Test(arguments: ["martlet", "kubectl"])
        func `a terminal has the size of the window, follows it, and passes on the exit code`(program: String) throws {
            let cluster = try EndToEnd.cluster()
            let name = "terminal-\(program)"
            defer { cluster.delete(name) }
            try cluster.run(name, "replicas: 1")
            let terminal = try Terminal(rows: 31, columns: 97)
            let pod = try cluster.pod(name).name
            let child = try cluster.start([program, "exec", "-it", pod, "--", "sh"], terminal: terminal.path)
            try terminal.type("stty size; tty; echo up\n")
            try terminal.awaitOutput { $0.contains("31 97\r\n") && $0.contains("/dev/pts/") && $0.contains("\r\nup") }
            terminal.resize(rows: 40, columns: 120)
            // The new size arrives some time after the window has changed.
            try terminal.type("until [ \"$(stty size)\" = '40 120' ]; do sleep 0.05; done; echo resized\n")
            try terminal.awaitOutput { $0.contains("\r\nresized") }
            // The interrupt goes to whatever is in the foreground: that must be the command, not the shell that starts it.
            try terminal.type("sh -c 'echo started; exec sleep 1000'\n")
            try terminal.awaitOutput { $0.contains("\r\nstarted") }
            try terminal.type("\u{3}")
            try terminal.type("exit 9\n")
            #expect(try child.awaitEnd(seconds: 20) == 9)
        }
    }
}

/// A pseudo-terminal whose other side is a program's.
private final class Terminal {
    let path: String
    private let descriptor: Int32
    private var bytes: [UInt8] = []

    init(rows: UInt16, columns: UInt16) throws {
        descriptor = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
        try #require(descriptor >= 0 && grantpt(descriptor) == 0 && unlockpt(descriptor) == 0)
        var name = [CChar](repeating: 0, count: 64)
        try #require(ptsname_r(descriptor, &name, name.count) == 0)
        path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        resize(rows: rows, columns: columns)
    }

    deinit { close(descriptor) }

    func resize(rows: UInt16, columns: UInt16) { _ = linux_set_window_size(descriptor, rows, columns) }

    func type(_ text: String) throws { try writeAll(descriptor, Array(text.utf8), path: path) }

    func awaitOutput(_ isThere: (String) -> Bool) throws {
        let deadline = Deadline(20)
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !isThere(String(decoding: bytes, as: UTF8.self)) {
            guard !deadline.isOver else {
                throw TimedOut(what: "the terminal", last: String(decoding: bytes, as: UTF8.self))
            }
            guard awaitReadable(descriptor, milliseconds: 100) else { continue }
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 { bytes += buffer.prefix(count) }
        }
    }
}

// pty(7), which the Glibc module leaves out.
@_silgen_name("posix_openpt") private func posix_openpt(_ flags: Int32) -> Int32
@_silgen_name("grantpt") private func grantpt(_ descriptor: Int32) -> Int32
@_silgen_name("unlockpt") private func unlockpt(_ descriptor: Int32) -> Int32
@_silgen_name("ptsname_r") private func ptsname_r(
    _ descriptor: Int32, _ buffer: UnsafeMutablePointer<CChar>, _ size: Int
) -> Int32
