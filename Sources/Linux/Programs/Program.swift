import CLinux
import Failpoints
import Glibc

/// A program of the node that outlives whoever starts it, and is found again by whoever comes after.
///
/// It runs in a session of its own. Its number and start time stand in a file; its environment names that file, so that a
/// program is found even when its starter was killed before it could write the file.
public struct Program: Sendable, Hashable {
    /// The absolute path of the executable.
    public var executable: String
    /// What follows the program's name.
    public var arguments: [String]
    /// Further variables of its environment, as `NAME=value`.
    public var environment: [String]
    /// Where its number and start time are kept. One file belongs to one program.
    public var pidFile: String
    /// Where its standard output and error go.
    public var logFile: String
    /// How many bytes of the standard output wait in a pipe for whoever reads them; the log has it when nil.
    public var outputRoom: Int?
    /// How many bytes the log may have before its older half is given up; checked by `boundLog`.
    public var logLimit: Int

    /// Describes a program.
    public init(
        executable: String, arguments: [String], environment: [String] = [], pidFile: String, logFile: String,
        logLimit: Int = 1 << 20, outputRoom: Int? = nil
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        self.pidFile = pidFile
        self.logFile = logFile
        self.logLimit = logLimit
        self.outputRoom = outputRoom
    }

    /// What the program's environment says of it.
    var marker: String { "MARTLET_PROGRAM=\(pidFile)" }

    /// Starts the program and writes down what it is. It is a child of this process for as long as this process lives.
    ///
    /// - Throws: `LaunchError` when it cannot be executed, `LinuxError` when its files cannot be written; then it does not
    ///   run.
    public func start() throws -> RunningProgram {
        let null = try Descriptor(opening: "/dev/null", flags: O_RDWR)
        let log = try Descriptor(opening: logFile, flags: O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
        var launch = Launch(steps: [
            .newSession, .streams(user: 0), .umask(mask: 0o022),
            .execute(
                candidates: [executable], arguments: [executable] + arguments,
                environment: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", marker] + environment
            ),
        ])
        let output = try makeOutput(log)
        launch.streams = (null.raw, output.raw, log.raw)
        let process = try Self.start(launch, null, output, log)
        failpoint(.programStarted)
        do {
            guard let startTime = processStartTime(process.pid) else {
                throw LinuxError("open", path: "/proc/\(process.pid)/stat", errno: ESRCH)
            }
            let running = RunningProgram(pid: process.pid, startTime: startTime, pidfd: process.pidfd, isChild: true)
            try writeDurably(pidFile, text: "\(running.pid) \(running.startTime) \(executable)\n", mode: 0o644)
            return running
        } catch {
            try? signalProcess(pidfd: process.pidfd, signal: SIGKILL)
            _ = awaitReadable(process.pidfd, milliseconds: 10_000)
            _ = try? reapChild(pidfd: process.pidfd)
            close(process.pidfd)
            throw error
        }
    }
}

extension Program {
    /// Starts with streams that last until then.
    private static func start(
        _ launch: Launch, _ input: borrowing Descriptor, _ output: borrowing Descriptor, _ log: borrowing Descriptor
    ) throws(LaunchError) -> StartedProcess { try launch.start() }
}

/// A program that runs.
public struct RunningProgram: Sendable, Hashable {
    /// Its process id.
    public var pid: Int32
    /// When it started, in clock ticks since the machine did.
    public var startTime: UInt64
    /// Its pidfd, which the receiver closes.
    public var pidfd: Int32
    /// Whether this process started it, and learns how it ends.
    public var isChild: Bool
}
