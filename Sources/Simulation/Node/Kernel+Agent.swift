import Agent
import ContainerRuntime
import Model

/// Pods' sandboxes and containers.
extension Kernel: PodRuntime {
    func createSandbox(_ config: SandboxConfig) throws(RuntimeError) -> SandboxInfo {
        let uid = config.podUID
        try step("make the directory of", uid) { $0.hasDirectory = true }
        let pid = pods[uid]?.supervisor ?? makePID()
        try step("start the supervisor of", uid) { $0.supervisor = pid }
        return info(uid, pid)
    }

    private func info(_ uid: String, _ pid: Int32) -> SandboxInfo {
        SandboxInfo(podUID: uid, supervisorPID: pid, networkNamespacePath: "/proc/\(pid)/ns/net")
    }

    func startContainer(podUID: String, _ config: ContainerConfig) throws(RuntimeError) -> ContainerObservation {
        guard pods[podUID]?.supervisor != nil else { throw RuntimeError(.supervisorLost, "the supervisor is gone") }
        if let known = process(podUID, config.name, config.attempt), world.sabotage != .doubleStarts {
            return known.observation
        }
        let log = "\(config.name)/\(config.attempt)"
        try step("make the log of", podUID) { if !$0.logs.contains(log) { $0.logs.append(log) } }
        launch(config, pod: podUID)
        try step("answer for", podUID) { _ in }
        guard let started = process(podUID, config.name, config.attempt) else {
            throw RuntimeError(.notFound, "the container is gone")
        }
        return started.observation
    }

    private func process(_ uid: String, _ name: String, _ attempt: Int) -> Process? {
        pods[uid]?.processes.first { $0.observation.name == name && $0.observation.attempt == attempt }
    }

    func signalContainer(podUID: String, name: String, attempt: Int, signal: Int32) throws(RuntimeError) {
        try step("signal", podUID) { _ in }
        self.signal(signal, to: name, attempt: attempt, pod: podUID)
    }

    func removeContainer(podUID: String, name: String, attempt: Int) throws(RuntimeError) {
        try step("remove a container of", podUID) {
            $0.processes.removeAll { $0.observation.name == name && $0.observation.attempt == attempt }
        }
    }

    func removeSandbox(podUID: String) throws(RuntimeError) {
        try step("kill the supervisor of", podUID) {
            $0.supervisor = nil
            $0.processes = []
        }
        try step("remove the directory of", podUID) { $0.hasDirectory = false }
    }

    func observe() throws(RuntimeError) -> [SandboxObservation] { podUIDs.compactMap { observation($0) } }

    func observe(podUID: String) throws(RuntimeError) -> SandboxObservation? { observation(podUID) }

    private func observation(_ uid: String) -> SandboxObservation? {
        guard let pod = pods[uid], pod.hasDirectory || pod.supervisor != nil || !pod.processes.isEmpty else {
            return nil
        }
        return SandboxObservation(
            podUID: uid, info: pod.supervisor.map { info(uid, $0) }, containers: pod.processes.map(\.observation))
    }

    func exec(podUID: String, name: String, attempt: Int, _ config: ExecConfig) throws(RuntimeError) -> ExecSession {
        throw RuntimeError(.notFound, "nothing is executed here")
    }

    func execResult(_ session: ExecSession) throws(RuntimeError) -> Int { 0 }

    func resize(_ session: ExecSession, rows: UInt16, columns: UInt16) throws(RuntimeError) {}

    func usage(podUID: String, name: String, attempt: Int) throws(RuntimeError) -> ContainerUsage {
        ContainerUsage(cpuNanoseconds: 0, memoryBytes: 0, pids: 0)
    }

    func setExitHandler(_ handler: @escaping @Sendable (String) -> Void) {}
}

/// Images: those that exist are found, unless the registry is out of order.
extension Kernel: ImageStore {
    func resolve(_ reference: String) throws(RuntimeError) -> ImageID {
        if case .missing = Image(reference) { throw RuntimeError(.notFound, "image \(reference) does not exist") }
        if world.happens(.registry, "kernel \(node)") { throw RuntimeError(.system, "the registry does not answer") }
        return ImageID(reference)
    }

    func unpacked(_ id: ImageID) throws(RuntimeError) -> UnpackedImage {
        UnpackedImage(id: id, layerDirectories: [], configuration: ImageConfiguration())
    }

    func list() throws(RuntimeError) -> [ImageRecord] { [] }
    func remove(_ reference: String) throws(RuntimeError) {}
    func collectGarbage(inUse: Set<ImageID>) throws(RuntimeError) -> Int64 { 0 }
}

/// Pods' addresses.
extension Kernel: PodNetworking {
    func repair() throws -> Bool { false }

    var hostAddress: String { address }

    func attach(podUID: String, networkNamespacePath: String, ports: [ContainerPort]) throws -> String {
        let address = pods[podUID]?.address ?? makeAddress()
        try step("give an address to", podUID) { $0.address = address }
        return address
    }

    func detach(podUID: String) throws { try step("take the address of", podUID) { $0.address = nil } }

    func sweep(livePodUIDs: Set<String>) throws {
        for uid in podUIDs where !livePodUIDs.contains(uid) { try detach(podUID: uid) }
    }
}

/// Pods' volumes and logs.
extension Kernel: PodVolumes {
    func prepare(_ pod: Pod, settings: PodSettings) throws {
        for volume in pod.spec.volumes {
            let isOnMemory = volume.secret != nil || volume.configMap != nil || volume.emptyDir?.medium == "Memory"
            try step("make a volume of", pod.uid) {
                if isOnMemory {
                    if !$0.memoryVolumes.contains(volume.name) { $0.memoryVolumes.append(volume.name) }
                } else if !$0.volumes.contains(volume.name) {
                    $0.volumes.append(volume.name)
                }
            }
        }
    }

    func writeNames(_ pod: Pod, address: String) throws {
        try step("write the names of", pod.uid) { if !$0.volumes.contains(".etc") { $0.volumes.append(".etc") } }
    }

    func mounts(for container: Container, of pod: Pod, rootID: UInt32?) throws -> [ContainerMount] { [] }

    func remove(podUID: String) throws {
        if world.sabotage == .leakedVolumes, podUID.hasSuffix("a") { return }
        try step("unmount the volumes of", podUID) { $0.memoryVolumes = [] }
        try step("remove the volumes of", podUID) { $0.volumes = [] }
    }

    func removeLog(podUID: String, container: String, attempt: Int) throws {
        try step("remove a log of", podUID) { $0.logs.removeAll { $0 == "\(container)/\(attempt)" } }
    }

    func removeLogs(podUID: String) throws { try step("remove the logs of", podUID) { $0.logs = [] } }

    func podsWithRemains() -> Set<String> {
        Set(
            podUIDs.filter { uid in
                let pod = pods[uid] ?? Possessions()
                return !pod.volumes.isEmpty || !pod.memoryVolumes.isEmpty || !pod.logs.isEmpty
            })
    }
}

/// Copies of pods: another thing that is kept on the machine's disk.
///
/// `@unchecked Sendable`: a simulation has one thread.
struct KernelCopies: PodCopyStore, @unchecked Sendable {
    unowned let kernel: Kernel

    func save(_ pod: Pod) throws { try kernel.step("copy", pod.uid) { $0.copy = pod } }
    func remove(_ uid: String) throws { try kernel.step("remove the copy of", uid) { $0.copy = nil } }
    func load() -> [Pod] { kernel.podUIDs.compactMap { kernel.pods[$0]?.copy } }
}
