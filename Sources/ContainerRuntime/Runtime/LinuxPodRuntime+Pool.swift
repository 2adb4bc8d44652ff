import Failpoints
import Glibc
import Linux
import Model
import Supervision
import Synchronization

extension LinuxPodRuntime {
    /// From now on sandboxes are kept ready for pods; those of an earlier agent are removed. To be called once.
    public func keepSandboxesReady(_ size: PoolSize = PoolSize()) throws(RuntimeError) {
        try RuntimeError.wrapping { () throws(LinuxError) in try sweepParked() }
        let hasUsers = UserRanges.problem(ofKernel: kernelRelease) == nil
        do {
            let made = SandboxPools(
                mapped: hasUsers ? try SandboxPool(size, maker(userRanges)) : nil,
                plain: try SandboxPool(PoolSize(least: hasUsers ? 0 : size.least, most: size.most), maker(nil)))
            pools.withLock { $0 = made }
        } catch {
            throw RuntimeError(.system, "\(error)")
        }
    }

    /// Ends those that are ready, and waits until no more are made.
    public func keepNoSandboxesReady() {
        let pools = pools.withLock { pools in
            defer { pools = nil }
            return pools
        }
        pools?.stop()
    }

    private func maker(_ userRanges: SharedUserRanges?) -> SandboxMaker {
        SandboxMaker(
            runDirectory: runDirectory, cgroupRoot: cgroupRoot, cgroups: cgroups, kernel: kernel, starter: starter,
            userRanges: userRanges)
    }

    /// How many sandboxes are ready.
    public var sandboxesReady: Int {
        let pools = pools.withLock { $0 }
        return (pools?.mapped?.count ?? 0) + (pools?.plain.count ?? 0)
    }

    /// A sandbox that is ready and suits a pod. One that had a sandbox before has files with user ids of its own.
    private func takeReady(_ config: SandboxConfig, _ pod: PodPaths) -> ParkedSandbox? {
        guard !config.hostNetwork, let pools = pools.withLock({ $0 }) else { return nil }
        guard config.userNamespace else { return pools.plain.take() }
        return userRanges.withLock { $0.byPod[pod.podUID] } == nil ? pools.mapped?.take() : nil
    }

    /// Makes a sandbox out of one that is ready; nil when there is none, or when that does not work: then one is made
    /// from nothing, which also says what does not work.
    ///
    /// A crash in between leaves a supervisor whose directory is still among the parked ones, where the next agent's
    /// sweep finds it: it has its place among the pods only once it has its pod.
    func adopt(_ config: SandboxConfig, _ pod: PodPaths) throws -> Int32? {
        guard let parked = takeReady(config, pod) else { return nil }
        failpoint(.sandboxTaken)
        userRanges.withLock { $0.move(parked.cgroup, to: pod.podUID) }
        let intent = SupervisorConfig(
            podUID: config.podUID, hostname: config.hostname, hostNetwork: false,
            userRange: config.userNamespace ? userRanges.withLock { $0.byPod[pod.podUID] } : nil,
            sysctls: config.sysctls, runDirectory: pod.run,
            cgroupProcs: [try cgroups.unifiedProcessFile(path: pod.supervisorCgroup)].compactMap { $0 })
        do {
            try kernel.makeDirectories(pod.containers, mode: 0o700)
            try kernel.writeWhole(pod.config, intent.json.serialized())
            guard try kernel.moveCgroup(parked.cgroup, to: pod.cgroup) || cgroups.legacyRoots.isEmpty else {
                throw LinuxError("rename", path: parked.cgroup, errno: ENOENT)
            }
            let answer = try parked.connection.connection.request(.adopt(intent))
            guard case .done = answer.reply else { throw LinuxError("adopt", errno: EPROTO) }
            failpoint(.sandboxAdopted)
            try kernel.rename(parked.directory, to: pod.run)
        } catch {
            starter.end(parked.process)
            try? kernel.removeTree(parked.directory)
            try? kernel.removeCgroup(parked.cgroup)
            try endLostSupervisor(pod)
            return nil
        }
        watcher.watch(
            podUID: pod.podUID, supervisorPID: parked.process.pid, pidfd: parked.process.pidfd,
            connection: parked.connection)
        return parked.process.pid
    }

    /// Removes what earlier agents kept ready.
    func sweepParked() throws(LinuxError) {
        let directory = "\(runDirectory)/\(ParkedNames.directory)"
        for id in fileExists(directory) ? try listDirectory(directory) : [] {
            try removeParked("\(directory)/\(id)")
        }
        for name in try cgroups.children(path: cgroupRoot) where name.hasPrefix(ParkedNames.prefix) {
            try kernel.removeCgroup("\(cgroupRoot)/\(name)")
        }
    }

    /// Ends a supervisor that waits, and removes its directory. One that is only beginning may write itself down meanwhile;
    /// that is three files.
    private func removeParked(_ directory: String) throws(LinuxError) {
        for attempt in 1...5 {
            try killSupervisor(recordedIn: directory)
            do {
                return try kernel.removeTree(directory)
            } catch  where error.errno == ENOTEMPTY && attempt < 5 {
                continue
            }
        }
    }
}
