import ContainerRuntime
import Glibc
import Linux
import Testing

/// One thing that a program tries in a container.
struct EscapeAttempt: Sendable {
    /// Its name in what the probe writes.
    var name: String
    /// Whether Docker's defaults allow it.
    var docker = false
    /// Whether it works here, with a user namespace and without one.
    var mapped = false
    var plain = false

    /// What a container can do as far as anything is concerned that is not plain computing. What is not named is allowed
    /// nowhere.
    static let allowed: [EscapeAttempt] = [
        .init(name: "ptrace-own", docker: true, mapped: true, plain: true),
        .init(name: "read-own-memory", docker: true, mapped: true, plain: true),
        .init(name: "become-user", docker: true, mapped: true, plain: true),
        .init(name: "setuid-program", docker: true),
        .init(name: "file-capabilities", docker: true, mapped: true, plain: true),
        .init(name: "chroot", docker: true, mapped: true, plain: true),
        .init(name: "lower-ports", docker: true, mapped: true, plain: true),
        .init(name: "ping-socket", docker: true, mapped: true, plain: true),
        .init(name: "device-null", docker: true, plain: true),
        .init(name: "socket-raw", docker: true),
        .init(name: "socket-packet", docker: true),
    ]

    static func named(_ name: String) -> EscapeAttempt { allowed.first { $0.name == name } ?? .init(name: name) }
}

/// Everything that `Tests/ContainerProbe` tries, and what came of it. Nothing may work that does not work with Docker.
@Suite(.enabled(if: isRoot, Comment(rawValue: rootNeeded)), .serialized, .timeLimit(.minutes(10)))
struct ContainerEscapeTests {
    private func results(userNamespace: Bool) throws -> [(name: String, result: String)] {
        let fixture = try RuntimeFixture(userNamespace: userNamespace)
        try fixture.addProbe()
        try fixture.addProbe("isolation")
        try fixture.sandbox()
        var found: [(name: String, result: String)] = []
        for command in [["/bin/isolation"], ["/bin/probe", "calls"]] {
            let (end, output) = try fixture.run(fixture.config("web\(command.count)", command))
            #expect(end.phase == .exited(exitCode: 0, signal: nil, outOfMemory: false))
            for line in output.split(separator: "\n") {
                let words: [String] = line.split(separator: " ").map(String.init)
                found.append((name: words[0], result: words.count > 1 ? words[1] : ""))
            }
        }
        return found
    }

    @Test func `nothing works in a container that Docker's defaults do not allow, and what works is listed`() throws {
        let mapped = try results(userNamespace: true)
        let plain = try results(userNamespace: false)
        #expect(mapped.map { $0.name } == plain.map { $0.name })
        #expect(mapped.count > 80)
        var table = ["| attempt | Docker | here | with `userNamespace: false` |", "|---|---|---|---|"]
        for (mapped, plain) in zip(mapped, plain) {
            let expected = EscapeAttempt.named(mapped.name)
            // A node may forbid more, such as tracing.
            #expect(mapped.result != "ok" || expected.mapped, "\(mapped.name)")
            #expect(plain.result != "ok" || expected.plain, "\(plain.name)")
            if !expected.docker { #expect(mapped.result != "ok" && plain.result != "ok", "\(mapped.name)") }
            let docker = expected.docker ? "ok" : "refused"
            table.append("| \(mapped.name) | \(docker) | \(mapped.result) | \(plain.result) |")
        }
        // `hack/isolation` shows these lines.
        for line in table { print("isolation: \(line)") }
    }

    private func refused(_ names: String...) throws {
        let found = try results(userNamespace: true)
        for name in names {
            let result = found.first { $0.name == name }?.result ?? "missing"
            #expect(result != "ok" && result != "missing", "\(name)")
        }
    }

    @Test func `CVE-2021-3493, CVE-2023-0386, 2640, 32629: a container mounts no overlay`() throws {
        try refused("unshare-user", "unshare-mount", "clone-user", "clone3", "mount", "fsopen", "move_mount")
    }

    @Test
    func `CVE-2021-22555, CVE-2022-1015, 1016, CVE-2023-32233, CVE-2024-1086, CVE-2026-23111, 46331: no filters`()
        throws
    {
        try refused("unshare-user", "clone-user", "clone3", "setns", "interface", "socket-packet")
    }

    @Test
    func `CVE-2016-0728, CVE-2020-8835, CVE-2021-31440, 41073, CVE-2022-2602, CVE-2023-2598: large interfaces`()
        throws
    {
        try refused(
            "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup",
            "init_module")
    }

    @Test func `CVE-2021-4034, 33909: a setuid program gives nothing`() throws { try refused("setuid-program") }

    @Test func `CVE-2026-43391, 43403: no file is opened by handle`() throws {
        try refused("open-by-handle", "open_by_handle_at", "setns")
    }

    @Test func `CVE-2020-15257: a container on the node's network meets no abstract socket of ours`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox(hostNetwork: true)
        let output = try fixture.run(fixture.shell("grep -c . /proc/net/unix; grep '@.*martlet' /proc/net/unix")).output
        // The node's sockets are seen, so the grep means something.
        #expect(output.split(separator: "\n").count == 1 && output != "0")
    }

    @Test func `CVE-2021-21284, 41091, 41103, CVE-2024-25621: nobody but root reaches what a pod has on disk`() throws {
        let fixture = try RuntimeFixture()
        try fixture.sandbox()
        _ = try fixture.run(fixture.shell("true"))
        for path in ["data/pods", "data/pods/pod", "run/pods", "data/pods/pod/containers/web.0"] {
            var status = stat()
            try systemCall("stat", path: path) { stat("\(fixture.directory)/\(path)", &status) }
            #expect(status.st_mode & 0o077 == 0, "\(path)")
            #expect(status.st_uid == 0, "\(path)")
        }
    }

    @Test func `every attempt is in the documentation`() throws {
        let root = parentDirectory(of: parentDirectory(of: parentDirectory(of: #filePath)))
        let page = try readText("\(root)/docs/runtime.md", limit: 1 << 20)
        for attempt in EscapeAttempt.allowed {
            let answers = [attempt.docker, attempt.mapped, attempt.plain].map { $0 ? "yes" : "no" }
            let row = "| `\(attempt.name)` | \(answers.joined(separator: " | ")) |"
            #expect(page.contains(row), "docs/runtime.md: \(attempt.name)")
        }
        var names: [String] = []
        for file in ["probe.c", "isolation.c"] {
            let source = try readText("\(root)/Tests/ContainerProbe/\(file)", limit: 1 << 20)
            for line in source.split(separator: "\n") where line.contains("report(\"") {
                let quoted: [Substring] = line.split(separator: "\"")
                if quoted.count > 1 { names.append(String(quoted[1])) }
            }
        }
        #expect(names.count > 80)
        for name in names where !page.contains("`\(name)`") {
            Issue.record("docs/runtime.md does not name the attempt `\(name)`")
        }
    }
}
