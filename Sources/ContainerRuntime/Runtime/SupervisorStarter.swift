import CLinux
import Failpoints
import Glibc
import Linux
import Supervision

/// Starts supervisors.
struct SupervisorStarter: Sendable {
    /// How long a supervisor may take to start or to end, in milliseconds.
    static let patience: Int32 = 10_000

    let program: String
    let kernel: any Kernel

    /// A supervisor that has been started and has not said yet whether it is ready.
    struct Starting {
        var process: StartedProcess
        /// What it is configured with.
        var config: String
        /// The pipe on which it says so.
        var readiness: Int32
    }

    /// Starts a supervisor in a session and a cgroup of its own, so that neither a terminal's signals nor the end of the
    /// agent's cgroup reach it.
    func begin(config: String, log: String, cgroup: Int32?, cgroupProcs: [Int32]) throws -> Starting {
        let null = try Descriptor(opening: "/dev/null", flags: O_RDWR)
        let log = try Descriptor(opening: log, flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
        // Containers can come to see the supervisor's program as /proc/PID/exe (CVE-2019-5736).
        let file = try Descriptor(owning: systemCall("open_tree", path: program) { linux_open_read_only(program) })
        let readiness = try Pipe()
        defer { close(readiness.writing) }
        var launch = Launch(steps: [
            .joinCgroups, .newSession, .streams(user: 0), .umask(mask: 0o022),
            .execute(
                candidates: ["/proc/self/fd/\(file.raw)"], arguments: [program, config],
                environment: ["PATH=\(ProcessIdentity.defaultPath)"] + failpointEnvironment(for: .supervisor)),
        ])
        launch.cgroup = cgroup
        launch.cgroupProcs = cgroupProcs
        launch.streams = (null.raw, readiness.writing, log.raw)
        do {
            return Starting(
                process: try withExtendedLifetime(file) { try kernel.start(launch) }, config: config,
                readiness: readiness.reading)
        } catch {
            close(readiness.reading)
            throw error
        }
    }

    /// Waits until a supervisor listens; ends it when it does not.
    func finish(_ starting: Starting) throws(RuntimeError) -> StartedProcess {
        defer { close(starting.readiness) }
        failpoint(.supervisorStarted, starting.config)
        let said = awaitReady(starting.readiness)
        guard said == "ready" else {
            end(starting.process)
            throw RuntimeError(.system, "the supervisor \(program) did not start: \(said)")
        }
        failpoint(.supervisorReady, starting.config)
        return starting.process
    }

    /// What a starting supervisor says: `ready`, or why it is not.
    private func awaitReady(_ pipe: Int32) -> String {
        guard awaitReadable(pipe, milliseconds: Self.patience) else { return "it did not answer in time" }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(pipe, &bytes, bytes.count)
        guard count > 0 else { return "it ended" }
        return String(decoding: bytes[..<count].prefix { $0 != 0x0A }, as: UTF8.self)
    }

    /// Kills a supervisor that this process started, and takes it off the process table.
    func end(_ process: StartedProcess) {
        try? signalProcess(pidfd: process.pidfd, signal: SIGKILL)
        _ = awaitReadable(process.pidfd, milliseconds: Self.patience)
        _ = try? reapChild(pidfd: process.pidfd)
        close(process.pidfd)
    }
}
