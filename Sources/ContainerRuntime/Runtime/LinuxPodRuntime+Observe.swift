import Glibc
import Linux
import Model
import Supervision

extension LinuxPodRuntime {
    /// See `PodRuntime`.
    public func observe() throws(RuntimeError) -> [SandboxObservation] {
        var found: Set<String> = []
        do {
            for directory in [dataDirectory, runDirectory] {
                found.formUnion(try listDirectory("\(directory)/pods"))
            }
            found.formUnion(try cgroups.children(path: cgroupRoot))
        } catch {
            throw RuntimeError(error)
        }
        var observations: [SandboxObservation] = []
        for podUID in found.sorted() where PodPaths.isName(podUID) {
            if let observation = try observe(podUID: podUID) { observations.append(observation) }
        }
        return observations
    }

    /// See `PodRuntime`.
    public func observe(podUID: String) throws(RuntimeError) -> SandboxObservation? {
        let pod = try paths(podUID)
        guard fileExists(pod.data) || fileExists(pod.run) || cgroups.exists(path: pod.cgroup) else { return nil }
        // What a supervisor knows is read before the disk: an end is on disk before a supervisor forgets it.
        let live = try supervised(pod)
        let names = (try? listDirectory(pod.containers)) ?? []
        let containers = names.compactMap { ContainerKey($0) }.map { key in
            let record = live?.records.first { $0.container == "\(key)" }
            var found =
                record.map { observation(key, $0) } ?? observationFromDisk(key, pod, isSupervised: live != nil)
            found.pressure = (try? cgroups.pressure(path: pod.container(key).cgroup)).flatMap { $0 }
            if case .running(let pid) = found.phase { found.isStopped = isProcessStopped(pid) }
            return found
        }
        return SandboxObservation(
            podUID: podUID, info: live.map { info(pod, $0.pid) },
            containers: containers.sorted { ($0.name, $0.attempt) < ($1.name, $1.attempt) })
    }

    /// What a pod's supervisor knows; nil when there is none. It is watched from now on.
    private func supervised(_ pod: PodPaths) throws(RuntimeError) -> (pid: Int32, records: [ContainerRecord])? {
        guard let connection = try connect(pod) else { return nil }
        do throws(RuntimeError) {
            let records = try records(connection)
            try RuntimeError.wrapping { () throws(LinuxError) in
                try watcher.watch(
                    podUID: pod.podUID, directory: pod.run, supervisorPID: connection.supervisorPID)
            }
            return (connection.supervisorPID, records)
        } catch {
            // It may have ended in between; then nothing listens any more.
            if try connect(pod) == nil { return nil }
            throw error
        }
    }

    /// What a pod's supervisor knows of its containers.
    func records(_ connection: SupervisorConnection) throws(RuntimeError) -> [ContainerRecord] {
        guard case .containers(let records) = try ask(connection, .list).reply else {
            throw RuntimeError(.supervisorLost, "the supervisor gave an unexpected answer")
        }
        return records
    }

    private func observationFromDisk(
        _ key: ContainerKey, _ pod: PodPaths, isSupervised: Bool
    ) -> ContainerObservation {
        let container = pod.container(key)
        if let exit = exitRecord(container) { return observation(key, exit) }
        let launched = fileExists("\(container.directory)/\(SupervisorFiles.launched)")
        // A supervisor that does not list it is about to: the launch is on its way.
        return launched && !isSupervised
            ? lostObservation(key) : ContainerObservation(name: key.name, attempt: key.attempt, phase: .creating)
    }

    /// How a container ended, from its directory; nil when that is not written there.
    func exitRecord(_ container: ContainerPaths) -> ExitRecord? {
        guard let bytes = try? readFile("\(container.directory)/\(SupervisorFiles.exit)", limit: 1 << 20) else {
            return nil
        }
        return try? ExitRecord(json: JSONValue(parsing: bytes))
    }

    func observation(_ key: ContainerKey, _ record: ContainerRecord) -> ContainerObservation {
        if let exit = record.exit { return observation(key, exit) }
        return ContainerObservation(
            name: key.name, attempt: key.attempt, phase: .running(pid: record.pid), startedAt: record.startedAt)
    }

    func observation(_ key: ContainerKey, _ exit: ExitRecord) -> ContainerObservation {
        let phase: ContainerObservation.Phase =
            if let failure = exit.failure {
                .failed(failure)
            } else {
                .exited(
                    exitCode: Int(exit.exitCode), signal: exit.signal.map(Int.init), outOfMemory: exit.outOfMemory)
            }
        return ContainerObservation(
            name: key.name, attempt: key.attempt, phase: phase, startedAt: exit.startedAt, finishedAt: exit.finishedAt)
    }

    /// A container that was killed because its supervisor ended.
    func lostObservation(_ key: ContainerKey) -> ContainerObservation {
        ContainerObservation(
            name: key.name, attempt: key.attempt,
            phase: .exited(exitCode: 128 + Int(SIGKILL), signal: Int(SIGKILL), outOfMemory: false))
    }
}
