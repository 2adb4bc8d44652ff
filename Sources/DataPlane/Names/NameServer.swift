import Failpoints
import Glibc
public import Linux
public import Model
public import Network
public import Threads

/// The node's DNS server: keeps dnsmasq(8) running, and has it know the names that there are.
///
/// Names are in a file that dnsmasq watches. Service records, which it reads at its start only, are changed by starting it
/// again: at most once in a while, so that many changes at the same time cost one start. Questions that come meanwhile are held,
/// see `HeldQuestions`.
public final class NameServer: Sendable {
    /// Where its files are.
    private let directory: String
    private let address: String
    private let executable: String
    private let spacing: TimeSpan
    private let clock: @Sendable () -> TimeSpan
    private let onEvent: @Sendable (ProgramEvent) -> Void
    private let content: Monitor<Content>

    private struct Content: Sendable {
        /// What the server has to be told at its start.
        var wanted: NameServerConfiguration
        /// What the running one was told.
        var current: String?
        /// When it was started last.
        var started: TimeSpan?
        /// The names in the file.
        var hosts: String?
        var program: SupervisedProgram?
        var thread: Thread?
        var isOver = false
    }

    /// Describes a server; `start` begins.
    ///
    /// - Parameters:
    ///   - directory: where its files are: `R/dns`.
    ///   - address: the address that it answers on: the bridge's.
    ///   - ranges: the pods' range and that of virtual addresses.
    ///   - upstream: the resolv.conf(5) that names the servers for everything else.
    ///   - spacing: how long it runs before it is started again for new service records.
    ///   - onEvent: told when it runs and when it ends.
    public init(
        directory: String, address: IPAddress, ranges: [CIDR], upstream: String = "/etc/resolv.conf",
        executable: String = NameServer.defaultExecutable, spacing: TimeSpan = .seconds(2),
        clock: @escaping @Sendable () -> TimeSpan = { MachineClock.monotonic },
        onEvent: @escaping @Sendable (ProgramEvent) -> Void = { _ in }
    ) {
        self.directory = directory
        self.address = "\(address)"
        self.executable = executable
        self.spacing = spacing
        self.clock = clock
        self.onEvent = onEvent
        var configuration = NameServerConfiguration(
            address: address, ranges: ranges, hostsDirectory: "\(directory)/hosts")
        configuration.upstream = upstream
        content = Monitor(Content(wanted: configuration))
    }

    /// Where Debian has the program.
    public static let defaultExecutable = "/usr/sbin/dnsmasq"

    /// Whether there is a program to run: pods use the node's own servers where there is none.
    public static func isInstalled(_ executable: String = NameServer.defaultExecutable) -> Bool {
        access(executable, X_OK) == 0
    }

    /// Takes over the server that runs with just this configuration, or starts one. Names that an earlier process set are served
    /// until others are set.
    public func start() throws {
        // Others than root read here: dnsmasq gives up its rights once it has its sockets.
        for folder in [directory, "\(directory)/hosts"] {
            try makeDirectories(folder, mode: 0o755)
            if chmod(folder, 0o755) != 0 { throw LinuxError.last("chmod", path: folder) }
        }
        let earlier = try? readText(configurationFile)
        var wanted = content.change { $0.wanted }
        wanted.serviceRecords = earlier.map(Self.serviceRecords) ?? ""
        content.change { $0.wanted = wanted }
        if earlier != wanted.text {
            // It was started with another configuration, if it runs.
            try Self.program(executable, in: directory).end()
            try writeWhole(configurationFile, Array(wanted.text.utf8), mode: 0o644)
        }
        try launch(wanted.text)
        let thread = try Thread { self.keepCurrent() }
        content.change { $0.thread = thread }
    }

    /// Sets the names that there are from now on. They are known at once; service records a moment later.
    public func set(_ names: Names) throws(LinuxError) {
        let hosts = names.hosts
        if content.change({ $0.hosts }) != hosts {
            // Beside the folder that is watched: it would take a temporary file for another one with names.
            try writeWhole("\(directory)/names", Array(hosts.utf8), mode: 0o644)
            try systemCall("rename", path: hostsFile) { rename("\(directory)/names", hostsFile) }
            failpoint(.namesSet)
            content.change { $0.hosts = hosts }
        }
        content.change { $0.wanted.serviceRecords = names.serviceRecords }
    }

    /// What the program is doing.
    public var status: ProgramStatus { content.change { $0.program }?.status ?? .stopped }

    /// Ends the supervision; the server goes on, for the next process to take over.
    public func leave() { finish()?.leave() }

    /// Ends the server.
    public func stop() { finish()?.stop() }

    /// Ends the server that an earlier process left in a directory; nothing happens when there is none.
    public static func end(
        directory: String, executable: String = NameServer.defaultExecutable
    ) throws(LinuxError) {
        try program(executable, in: directory).end()
    }

    private var configurationFile: String { "\(directory)/dnsmasq.conf" }
    private var hostsFile: String { "\(directory)/hosts/apps" }

    private static func program(_ executable: String, in directory: String) -> Program {
        Program(
            executable: executable, arguments: ["--conf-file=\(directory)/dnsmasq.conf"],
            pidFile: "\(directory)/dnsmasq.pid", logFile: "\(directory)/dnsmasq.log")
    }

    private func finish() -> SupervisedProgram? {
        let thread = content.change { content in
            content.isOver = true
            return content.thread
        }
        thread?.join()
        return content.change { content in
            defer { (content.program, content.thread) = (nil, nil) }
            return content.program
        }
    }

    private func launch(_ configuration: String) throws {
        let program = try SupervisedProgram(Self.program(executable, in: directory), onEvent: onEvent)
        try program.start()
        let now = clock()
        content.change { ($0.program, $0.current, $0.started) = (program, configuration, now) }
    }

    /// Starts the server again whenever it has to know other service records.
    private func keepCurrent() {
        while let text = nextConfiguration() {
            do {
                try writeWhole(configurationFile, Array(text.utf8), mode: 0o644)
                let held = try HeldQuestions(address: address)
                content.change { $0.program }?.stop()
                try launch(text)
                try held.answer(within: .seconds(5))
            } catch {
                onEvent(
                    .ended(reason: "dnsmasq was not started with new service records: \(error)", restartIn: spacing))
                content.change { ($0.current, $0.started) = (nil, self.clock()) }
            }
        }
    }

    /// Waits until another configuration is wanted and the server has run for a while; nil at the end.
    private func nextConfiguration() -> String? {
        while true {
            let isWanted = content.wait { content -> Bool? in
                if content.isOver { return false }
                return content.wanted.text != content.current ? true : nil
            }
            guard isWanted == true else { return nil }
            let wait = content.change { ($0.started ?? .zero) + self.spacing - self.clock() }
            if wait <= .zero { return content.change { $0.wanted.text } }
            _ = content.wait(atMost: wait) { $0.isOver ? true : nil }
        }
    }

    /// The service records of a configuration's text.
    private static func serviceRecords(_ text: String) -> String {
        text.split(separator: "\n").filter { $0.hasPrefix("srv-host=") }.map { $0 + "\n" }.joined()
    }
}
