import Glibc
import Linux
import Model

/// A container that the supervisor launched.
final class SupervisedContainer {
    let request: LaunchRequest
    let pid: Int32
    let pidfd: Int32
    let startedAt: Int64
    /// What joins the container's cgroups: the v2 directory, and `cgroup.procs` files.
    let cgroup: Int32?
    let cgroupProcs: [Int32]
    /// The controlling side of the container's terminal.
    let terminal: Int32?
    var pumps: [OutputPump] = []
    var exit: ExitRecord?
    /// The registration that waits for the first process to end.
    var endToken: EventLoop.Token?
    private let oomKillsBefore: UInt64

    init(
        _ request: LaunchRequest, _ process: StartedProcess, startedAt: Int64, descriptors: CgroupDescriptors,
        terminal: Int32?, oomKillsBefore: UInt64
    ) {
        // The plan has been carried out and is never needed again.
        var request = request
        request.rootSteps = []
        self.request = request
        pid = process.pid
        pidfd = process.pidfd
        self.startedAt = startedAt
        cgroup = descriptors.unified
        cgroupProcs = descriptors.procs
        self.terminal = terminal
        self.oomKillsBefore = oomKillsBefore
    }

    deinit { for descriptor in [pidfd] + cgroupProcs + [cgroup, terminal].compactMap({ $0 }) { close(descriptor) } }

    var record: ContainerRecord {
        ContainerRecord(container: request.container, pid: pid, startedAt: startedAt, exit: exit)
    }

    /// The end of the container, once its first process was reaped.
    func exitRecord(_ end: ProcessEnd) -> ExitRecord {
        let signal: Int32? = if case .killed(let signal) = end { signal } else { nil }
        // A child that was killed makes a shell, for one, end with its code: any failure counts.
        let ranOut = end.exitCode != 0 && Self.oomKills(request.oomCounter) > oomKillsBefore
        return ExitRecord(
            startedAt: startedAt, finishedAt: wallClock(), exitCode: end.exitCode, signal: signal, outOfMemory: ranOut)
    }

    static func oomKills(_ counter: OOMCounter?) -> UInt64 {
        guard let counter, let text = try? readText(counter.path) else { return 0 }
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == counter.key { return UInt64(words[1]) ?? 0 }
        }
        return 0
    }

    /// Writes an end where it outlives the supervisor and the machine. A part of it is no JSON: then nobody was told.
    static func record(_ exit: ExitRecord, directory: String) throws(LinuxError) {
        try writeOnce("\(directory)/\(SupervisorFiles.exit)", exit.json.serialized())
    }
}

/// The descriptors that come with a launch.
struct CgroupDescriptors {
    var unified: Int32?
    var procs: [Int32]

    init(_ descriptors: [Int32], hasUnified: Bool) {
        unified = hasUnified ? descriptors.first : nil
        procs = Array(descriptors.dropFirst(hasUnified ? 1 : 0))
    }

    func close() { for descriptor in procs + [unified].compactMap({ $0 }) { Glibc.close(descriptor) } }
}
