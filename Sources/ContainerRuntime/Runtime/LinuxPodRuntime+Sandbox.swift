import CLinux
import Failpoints
import Glibc
import Linux
import Model
import Supervision
import Synchronization

extension LinuxPodRuntime {
    /// See `PodRuntime`.
    public func createSandbox(_ config: SandboxConfig) throws(RuntimeError) -> SandboxInfo {
        let pod = try paths(config.podUID)
        try check(config)
        if let connection = try connect(pod) {
            try RuntimeError.wrapping { () throws(LinuxError) in
                try watcher.watch(
                    podUID: pod.podUID, directory: pod.run, supervisorPID: connection.supervisorPID)
            }
            return info(pod, connection.supervisorPID)
        }
        do {
            try endLostSupervisor(pod)
            return info(pod, try adopt(config, pod) ?? startSupervisor(config, pod))
        } catch let error as LinuxError {
            throw RuntimeError(error)
        } catch let error as RuntimeError {
            throw error
        } catch {
            throw RuntimeError(.system, "start the supervisor \(supervisorPath): \(error)")
        }
    }

    private func check(_ config: SandboxConfig) throws(RuntimeError) {
        guard !config.hostname.isEmpty, config.hostname.utf8.count <= 64, !config.hostname.utf8.contains(0) else {
            throw RuntimeError(.invalid, "host name \"\(config.hostname)\" is empty or longer than 64 bytes")
        }
        for (name, value) in config.sysctls.sorted(by: { $0.key < $1.key }) {
            if let problem = SandboxSetup.problem(name, value, hostNetwork: config.hostNetwork) {
                throw RuntimeError(.invalid, problem)
            }
        }
    }

    func info(_ pod: PodPaths, _ supervisor: Int32) -> SandboxInfo {
        SandboxInfo(
            podUID: pod.podUID, supervisorPID: supervisor, networkNamespacePath: "/proc/\(supervisor)/ns/net",
            userRange: userRanges.withLock { $0.byPod[pod.podUID] })
    }

    private func startSupervisor(_ config: SandboxConfig, _ pod: PodPaths) throws -> Int32 {
        try kernel.makeDirectories(pod.containers, mode: 0o700)
        try kernel.makeDirectories(pod.run, mode: 0o700)
        failpoint(.sandboxDirectoriesMade)
        // With v2 the supervisor is out of the agent's cgroup from its first instruction; v1 can wait.
        let later = cgroups.unified == nil ? [] : try cgroups.legacyJoinFiles(path: pod.supervisorCgroup)
        let range = config.userNamespace ? try takeUserRange(pod) : nil
        let intent = SupervisorConfig(
            podUID: config.podUID, hostname: config.hostname, hostNetwork: config.hostNetwork, userRange: range,
            sysctls: config.sysctls, runDirectory: pod.run, cgroupProcs: later)
        try kernel.writeWhole(pod.config, intent.json.serialized())
        let cgroup = try kernel.createCgroup(pod.supervisorCgroup, CgroupResources())
        defer { cgroup.close() }
        let process = try starter.finish(
            starter.begin(
                config: pod.config, log: pod.supervisorLog, cgroup: cgroup.v2DirectoryFD,
                cgroupProcs: cgroups.unified == nil ? cgroup.v1ProcsFDs : []))
        // Its end is noticed from here on; the watcher reaps it.
        do {
            try watcher.watch(podUID: pod.podUID, directory: pod.run, supervisorPID: process.pid)
        } catch {
            // It has ended already, or does not listen: nobody else would reap it.
            starter.end(process)
            guard [ECONNREFUSED, ECONNRESET, ENOENT, EPIPE].contains(error.errno) else { throw error }
            throw RuntimeError(
                .supervisorLost, "the supervisor, process \(process.pid), does not answer any more: \(error)")
        }
        close(process.pidfd)
        failpoint(.supervisorWatched)
        return process.pid
    }

    /// The pod's user ids, which it keeps until it is removed.
    private func takeUserRange(_ pod: PodPaths) throws(RuntimeError) -> UserRange {
        if let problem = UserRanges.problem(ofKernel: kernelRelease) { throw RuntimeError(.system, problem) }
        guard let range = userRanges.withLock({ $0.take(for: pod.podUID) }) else {
            throw RuntimeError(.system, "no range of \(UserRange.count) user ids is left on this node")
        }
        return range
    }

    /// Ends what a supervisor that does not listen has left: itself if it hangs, and its containers, which end with it
    /// unless they have renounced that.
    func endLostSupervisor(_ pod: PodPaths) throws(LinuxError) {
        try killSupervisor(recordedIn: pod.run)
        try kernel.removeCgroup(pod.cgroup)
    }

    /// Ends the supervisor of a run directory, if there is one.
    func killSupervisor(recordedIn directory: String) throws(LinuxError) {
        guard let pidfd = try recordedSupervisor(directory) else { return }
        defer { close(pidfd) }
        try signalProcess(pidfd: pidfd, signal: SIGKILL)
        _ = awaitReadable(pidfd, milliseconds: SupervisorStarter.patience)
    }

    /// The process that a supervisor wrote down as itself, if it still is that process.
    private func recordedSupervisor(_ directory: String) throws(LinuxError) -> Int32? {
        guard let text = try? readText("\(directory)/\(SupervisorFiles.pid)", limit: 256) else { return nil }
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let pid = Int32(words[0]), let start = UInt64(words[1]), pid > 1,
            let pidfd = try openProcess(pid)
        else { return nil }
        // The descriptor pins the number: what is read now is of the process that it names.
        if processStartTime(pid) == start { return pidfd }
        close(pidfd)
        return nil
    }

    /// See `PodRuntime`.
    public func removeSandbox(podUID: String) throws(RuntimeError) {
        let pod = try paths(podUID)
        failpoint(.supervisorEnding)
        if let connection = try? connect(pod) { shutDown(connection) }
        failpoint(.supervisorEnded)
        do {
            try endLostSupervisor(pod)
            try trash.run.put(pod.run)
            // Last, because it is what makes the pod known.
            try trash.data.put(pod.data)
        } catch {
            throw RuntimeError(error)
        }
        userRanges.withLock { $0.giveBack(podUID) }
    }

    /// Has a supervisor kill its containers and end. Whatever does not work is left to `endLostSupervisor`.
    private func shutDown(_ connection: SupervisorConnection) {
        guard let pidfd = try? openProcess(connection.supervisorPID) else { return }
        defer { close(pidfd) }
        guard (try? connection.request(.shutdown)) != nil else { return }
        _ = awaitReadable(pidfd, milliseconds: SupervisorStarter.patience)
    }

    /// Removes everything that no live pod owns: directories, supervisors, processes and cgroups of earlier pods. To be
    /// called once when the agent starts, before any other call.
    public func sweep(livePodUIDs: Set<String>) throws(RuntimeError) {
        var found: Set<String> = []
        do {
            for directory in [dataDirectory, runDirectory] {
                found.formUnion(try listDirectory("\(directory)/pods"))
            }
            found.formUnion(try cgroups.children(path: cgroupRoot))
            try sweepParked()
        } catch {
            throw RuntimeError(error)
        }
        for podUID in found.subtracting(livePodUIDs).sorted() where PodPaths.isName(podUID) {
            try removeSandbox(podUID: podUID)
        }
        trash.data.drain()
        trash.run.drain()
    }
}
