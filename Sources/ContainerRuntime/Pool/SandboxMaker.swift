import Failpoints
import Glibc
import Linux
import Model
import Supervision
import Synchronization

/// Makes the sandboxes of a pool, and takes apart those that nobody needs.
struct SandboxMaker: Sendable {
    let runDirectory: String
    let cgroupRoot: String
    let cgroups: CgroupDriver
    let kernel: any Kernel
    let starter: SupervisorStarter
    /// Where the sandboxes' user ids come from; nil for sandboxes without a user namespace.
    let userRanges: SharedUserRanges?
    private static let count = Atomic(0)

    /// A supervisor that is about to be ready.
    struct Beginning {
        var directory: String
        var cgroup: String
        var supervisor: SupervisorStarter.Starting
    }

    /// Starts one; nil when that fails.
    func begin() -> Beginning? {
        // No other process or runtime uses the same name.
        let id = "\(getpid())-\(Self.count.add(1, ordering: .relaxed).newValue)"
        let directory = "\(runDirectory)/\(ParkedNames.directory)/\(id)"
        let cgroup = "\(cgroupRoot)/\(ParkedNames.prefix)\(id)"
        do {
            return Beginning(directory: directory, cgroup: cgroup, supervisor: try start(directory, cgroup))
        } catch {
            remove(directory, cgroup)
            return nil
        }
    }

    private func start(_ directory: String, _ cgroup: String) throws -> SupervisorStarter.Starting {
        // The directory comes first: it is what a later agent finds.
        try kernel.makeDirectories(directory, mode: 0o700)
        failpoint(.parkingBegun)
        let supervisor = try cgroups.createLegacy(path: "\(cgroup)/supervisor", resources: CgroupResources())
        let container = try cgroups.createLegacy(
            path: "\(cgroup)/\(ParkedNames.container)",
            resources: CgroupResources(devices: CgroupDeviceRule.containerDefaults))
        let range = userRanges?.withLock { $0.take(for: cgroup) }
        if userRanges != nil, range == nil { throw LinuxError("take user ids", errno: ENOSPC) }
        let config = SupervisorConfig(
            podUID: "", hostname: "", hostNetwork: false, userRange: range, sysctls: [:], runDirectory: directory,
            cgroupProcs: supervisor, parking: SupervisorConfig.Parking(helperProcs: container))
        try kernel.writeWhole("\(directory)/config.json", config.json.serialized())
        let shared = try cgroups.createUnified(path: "\(cgroupRoot)/\(ParkedNames.shared)")
        defer { if let shared { close(shared) } }
        return try starter.begin(
            config: "\(directory)/config.json", log: "\(directory)/supervisor.log", cgroup: shared, cgroupProcs: [])
    }

    /// Waits until one is ready; nil, and nothing is left of it, when it does not become so.
    func finish(_ beginning: Beginning) -> ParkedSandbox? {
        do {
            let process = try starter.finish(beginning.supervisor)
            do {
                let connection = try SupervisorConnection(directory: beginning.directory)
                _ = try connection.request(.subscribe)
                failpoint(.sandboxParked)
                return ParkedSandbox(
                    directory: beginning.directory, cgroup: beginning.cgroup, process: process,
                    connection: Transferred(connection: connection))
            } catch {
                starter.end(process)
                throw error
            }
        } catch {
            remove(beginning.directory, beginning.cgroup)
            return nil
        }
    }

    /// Takes a sandbox apart that has no pod.
    func discard(_ sandbox: ParkedSandbox) {
        starter.end(sandbox.process)
        failpoint(.parkedEnded)
        remove(sandbox.directory, sandbox.cgroup)
        failpoint(.parkedRemoved)
    }

    private func remove(_ directory: String, _ cgroup: String) {
        // What does not work now is done by the sweep of the next agent.
        try? kernel.removeCgroup(cgroup)
        try? kernel.removeTree(directory)
        userRanges?.withLock { $0.giveBack(cgroup) }
    }
}
