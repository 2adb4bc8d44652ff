import CLinux
import Failpoints
import Glibc
import Linux
import Proxy

/// The files that HAProxy reads. What it would be started with again is always a configuration that was checked.
struct ProxyFiles: Sendable {
    /// Where they are.
    let directory: String
    /// HAProxy's executable.
    let executable: String

    var configuration: String { "\(directory)/haproxy.cfg" }
    var lastGood: String { "\(configuration).last-good" }
    private var candidate: String { "\(configuration).new" }
    private var certificates: String { "\(directory)/certs" }

    /// Why HAProxy would not take a configuration.
    struct Refusal: Error {
        /// What it said.
        var reason: String
    }

    func prepare() throws(LinuxError) {
        try makeDirectories(directory, mode: 0o700)
        try makeDirectories(certificates, mode: 0o700)
    }

    /// Writes a configuration with other rules than the one before, once HAProxy has found nothing wrong with it. The one
    /// before is kept until `accept`.
    func propose(_ new: HAProxyConfiguration) throws {
        try writeMaps(new)
        for certificate in new.certificates {
            try writeIfOther("\(certificates)/\(certificate.name).pem", certificate.pem, mode: 0o600)
        }
        try writeWhole(candidate, Array(new.text.utf8))
        let check = try OneShot.run(executable, ["-c", "-f", candidate])
        guard check.end == .exited(code: 0) else {
            unlink(candidate)
            throw Refusal(reason: Self.complaint(check.output))
        }
        if fileExists(configuration), !fileExists(lastGood) {
            try writeWhole(lastGood, try readFile(configuration))
        }
        try systemCall("rename", path: configuration) { rename(candidate, configuration) }
        failpoint(.proxyProposed)
    }

    /// Makes the proposed configuration the one to go back to, and removes what only others needed.
    func accept(_ new: HAProxyConfiguration) throws(LinuxError) {
        try writeWhole(lastGood, Array(new.text.utf8))
        let names = Set(new.certificates.map { "\($0.name).pem" })
        for name in try listDirectory(certificates) where !names.contains(name) { unlink("\(certificates)/\(name)") }
    }

    /// Goes back to the configuration that was accepted last.
    func goBack() throws(LinuxError) {
        guard fileExists(lastGood) else { return }
        try writeWhole(configuration, try readFile(lastGood))
    }

    /// Writes a configuration with the same rules as the one that runs: with other servers, and other maps.
    func update(_ new: HAProxyConfiguration) throws(LinuxError) {
        try writeMaps(new)
        try writeIfOther(configuration, new.text, mode: 0o600)
        try writeIfOther(lastGood, new.text, mode: 0o600)
    }

    private func writeMaps(_ new: HAProxyConfiguration) throws(LinuxError) {
        for map in new.maps { try writeIfOther("\(directory)/\(map.name.rawValue)", map.text, mode: 0o600) }
    }

    private func writeIfOther(_ path: String, _ text: String, mode: mode_t) throws(LinuxError) {
        let bytes = Array(text.utf8)
        if let present = try? readFile(path, limit: 64 << 20), present == bytes { return }
        try writeWhole(path, bytes, mode: mode)
    }

    /// The lines of HAProxy's output that say what is wrong.
    static func complaint(_ output: String) -> String {
        let lines = output.split(separator: "\n").filter { $0.hasPrefix("[ALERT]") }
        let texts = lines.map { line in line.split(separator: " : ", maxSplits: 1).last.map(String.init) ?? String(line)
        }
        return texts.isEmpty ? String(output.suffix(500)) : texts.prefix(3).joined(separator: "; ")
    }
}

/// A program that is run to its end.
enum OneShot {
    /// How long it may take.
    private static let milliseconds: Int32 = 30_000

    /// Runs a program and returns how it ended and what it wrote.
    static func run(_ executable: String, _ arguments: [String]) throws -> (end: ProcessEnd?, output: String) {
        let null = try Descriptor(opening: "/dev/null", flags: O_RDWR)
        let file = try Descriptor(owning: systemCall("memfd_create") { linux_memfd_create("output") })
        var launch = Launch(steps: [
            .newSession, .streams(user: 0),
            .execute(
                candidates: [executable], arguments: [executable] + arguments,
                environment: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]),
        ])
        launch.streams = (null.raw, file.raw, file.raw)
        let process = try withExtendedLifetime((null.raw, file.raw)) { try launch.start() }
        defer { close(process.pidfd) }
        if !awaitReadable(process.pidfd, milliseconds: milliseconds) {
            try signalProcess(pidfd: process.pidfd, signal: SIGKILL)
            _ = awaitReadable(process.pidfd, milliseconds: milliseconds)
        }
        let end = try reapChild(pidfd: process.pidfd)
        lseek(file.raw, 0, SEEK_SET)
        let output = try readAll(file.raw, path: "output", limit: 1 << 20)
        return (end, String(decoding: output, as: UTF8.self))
    }
}
