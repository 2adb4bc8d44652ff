import ContainerRuntime
import Failpoints
import Glibc
import Linux
import Model

/// Performs pods' actions. May be called from several threads, for one pod from one at a time.
package struct PodExecutor: Sendable {
    let runtime: any PodRuntime
    let images: any ImageStore
    let network: any PodNetworking
    let connection: any AgentConnection
    let volumes: any PodVolumes
    package let copies: any PodCopyStore
    let paths: AgentPaths

    /// Brings together what actions work with.
    package init(
        runtime: any PodRuntime, images: any ImageStore, network: any PodNetworking, connection: any AgentConnection,
        volumes: any PodVolumes, copies: any PodCopyStore, paths: AgentPaths
    ) {
        self.runtime = runtime
        self.images = images
        self.network = network
        self.connection = connection
        self.volumes = volumes
        self.copies = copies
        self.paths = paths
    }

    /// Performs one action.
    ///
    /// - Returns: how it ended, and what the runtime has of the pod after it.
    package func perform(_ action: PodAction, for record: PodRecord) -> (PodActionResult, SandboxObservation?) {
        let result = perform(action, record)
        do throws(RuntimeError) {
            return (result, try runtime.observe(podUID: record.pod.uid))
        } catch {
            let isSilent = error.code == .supervisorLost
            return (
                .failure(reason: isSilent ? PodRecord.supervisorSilent : "RuntimeFailed", message: error.message),
                record.sandbox
            )
        }
    }

    private func perform(_ action: PodAction, _ record: PodRecord) -> PodActionResult {
        let pod = record.pod
        do {
            switch action {
            case .observe: return .done
            case .resolveImage(_, let reference):
                let id = try images.resolve(reference)
                _ = try images.unpacked(id)
                return .image(id)
            case .prepareVolumes: return try prepareVolumes(pod)
            case .createSandbox: return try createSandbox(pod)
            case .attachNetwork: return try attachNetwork(pod, record)
            case .startContainer(let name, let attempt): return try start(name, attempt, record)
            case .signal(let name, let attempt, let signal):
                try runtime.signalContainer(podUID: pod.uid, name: name, attempt: attempt, signal: signal)
            case .removeContainer(let name, let attempt):
                try runtime.removeContainer(podUID: pod.uid, name: name, attempt: attempt)
                try volumes.removeLog(podUID: pod.uid, container: name, attempt: attempt)
            case .resetSandbox:
                try network.detach(podUID: pod.uid)
                failpoint(.sandboxReset)
                try runtime.removeSandbox(podUID: pod.uid)
            case .teardown: try tearDown(pod.uid)
            case .release: try release(pod)
            }
            return .done
        } catch {
            return failure(error, of: action)
        }
    }

    /// Takes apart everything a pod has here; the copy goes last, so that a crash in between is made good at the start.
    func tearDown(_ uid: String) throws {
        try runtime.removeSandbox(podUID: uid)
        failpoint(.sandboxTornDown)
        try network.detach(podUID: uid)
        failpoint(.networkTornDown)
        try volumes.remove(podUID: uid)
        failpoint(.volumesTornDown)
        try volumes.removeLogs(podUID: uid)
        failpoint(.logsTornDown)
        try copies.remove(uid)
        failpoint(.copyTornDown)
    }

    private func prepareVolumes(_ pod: Pod) throws -> PodActionResult {
        // Intent before effect: from here on the pod has something here, and a restarted agent must know of it.
        try copies.save(pod)
        let settings = try readSettings(of: pod)
        failpoint(.settingsRead)
        try volumes.prepare(pod, settings: settings)
        return .settings(settings)
    }

    private func readSettings(of pod: Pod) throws -> PodSettings {
        var settings = PodSettings()
        let wanted = SettingReferences(of: pod)
        for (name, isOptional) in wanted.secrets {
            settings.secrets[name] = try unlessMissing(isOptional) { () throws(ConnectionError) in
                try connection.secret(namespace: pod.namespace, name: name)
            }
        }
        for (name, isOptional) in wanted.configMaps {
            settings.configMaps[name] = try unlessMissing(isOptional) { () throws(ConnectionError) in
                try connection.configMap(namespace: pod.namespace, name: name)
            }
        }
        return settings
    }

    private func unlessMissing(
        _ isOptional: Bool, _ body: () throws(ConnectionError) -> [String: [UInt8]]
    ) throws(ConnectionError) -> [String: [UInt8]] {
        do throws(ConnectionError) {
            return try body()
        } catch {
            if case .notFound = error, isOptional { return [:] }
            throw error
        }
    }

    private func createSandbox(_ pod: Pod) throws -> PodActionResult {
        let config = SandboxConfig(
            podUID: pod.uid, hostname: pod.spec.hostname ?? pod.name, hostNetwork: pod.spec.hostNetwork == true,
            userNamespace: (pod.spec.initContainers + pod.spec.containers).contains {
                SecuritySpec.usesUserNamespace($0.securityContext)
            })
        _ = try runtime.createSandbox(config)
        return .done
    }

    private func attachNetwork(_ pod: Pod, _ record: PodRecord) throws -> PodActionResult {
        guard let info = record.sandbox?.info else {
            return .failure(reason: "NetworkFailed", message: "the sandbox is gone")
        }
        let address =
            pod.spec.hostNetwork == true
            ? network.hostAddress
            : try network.attach(
                podUID: pod.uid, networkNamespacePath: info.networkNamespacePath,
                ports: (pod.spec.initContainers + pod.spec.containers).flatMap(\.ports))
        try volumes.writeNames(pod, address: address)
        return .address(address)
    }

    private func start(_ name: String, _ attempt: Int, _ record: PodRecord) throws -> PodActionResult {
        guard let container = record.allContainers.first(where: { $0.name == name }),
            let image = record.images[name]?.value
        else { return .failure(reason: "CreateContainerError", message: "container \(name) is not prepared") }
        let environment = PodEnvironment(
            pod: record.pod, address: record.network.value, hostAddress: network.hostAddress,
            settings: record.volumes.value ?? PodSettings())
        var config = ContainerConfig(
            name: name, attempt: attempt, image: image, logPath: paths.log(record.pod.uid, name, attempt))
        config.fill(from: container)
        config.environment = try environment.variables(of: container)
        config.mounts = try volumes.mounts(
            for: container, of: record.pod, rootID: record.sandbox?.info?.userRange?.first)
        let observation = try runtime.startContainer(podUID: record.pod.uid, config)
        if case .failed(let message) = observation.phase {
            return .failure(reason: "CreateContainerError", message: message)
        }
        return .done
    }

    private func release(_ pod: Pod) throws(ConnectionError) {
        failpoint(.podReleasing)
        do throws(ConnectionError) {
            try connection.release(pod)
            failpoint(.podReleased)
        } catch {
            if case .notFound = error { return }
            throw error
        }
    }

    /// The disk is full: how full it is, as the error only says that.
    private func full(_ message: String) -> PodActionResult {
        let room = (try? FileSystemRoom(path: paths.data)).map { "; \(paths.data) has \($0)" } ?? ""
        return .failure(reason: "NodeDiskFull", message: message + room)
    }

    private func failure(_ error: any Error, of action: PodAction) -> PodActionResult {
        switch error {
        case let error as VolumeManager.Failure: return .failure(reason: error.reason, message: error.message)
        case let error as PodEnvironment.Failure:
            return .failure(reason: "CreateContainerConfigError", message: error.message)
        case let error as ConnectionError:
            let reason = action == .prepareVolumes ? "ConfigUnavailable" : action.failureReason
            return .failure(reason: reason, message: error.message)
        case let error as LinuxError where [ENOSPC, EDQUOT].contains(error.errno):
            return full("\(error)")
        case let error as RuntimeError:
            if error.code == .full { return full(error.message) }
            if error.code == .unkillable { return .failure(reason: "Unkillable", message: error.message) }
            return .failure(reason: action.failureReason, message: error.message)
        default: return .failure(reason: action.failureReason, message: "\(error)")
        }
    }
}

extension PodAction {
    /// The word by which the status says that this action failed.
    var failureReason: String {
        switch self {
        case .resolveImage: "ImageUnavailable"
        case .prepareVolumes: "VolumeFailed"
        case .createSandbox, .resetSandbox: "SandboxFailed"
        case .attachNetwork: "NetworkFailed"
        case .startContainer: "CreateContainerError"
        case .teardown, .release: "TeardownFailed"
        case .observe, .signal, .removeContainer: "RuntimeFailed"
        }
    }
}

/// The Secrets and ConfigMaps that a pod reads, by name, with whether it may start without them.
struct SettingReferences {
    private(set) var secrets: [String: Bool] = [:]
    private(set) var configMaps: [String: Bool] = [:]

    init(of pod: Pod) {
        for container in pod.spec.initContainers + pod.spec.containers {
            for source in container.env.compactMap(\.valueFrom) {
                if let key = source.secretKeyRef { Self.note(key.name, key.optional, in: &secrets) }
                if let key = source.configMapKeyRef { Self.note(key.name, key.optional, in: &configMaps) }
            }
        }
        for volume in pod.spec.volumes {
            if let source = volume.secret { Self.note(source.name, source.optional, in: &secrets) }
            if let source = volume.configMap { Self.note(source.name, source.optional, in: &configMaps) }
        }
    }

    private static func note(_ name: String, _ isOptional: Bool?, in references: inout [String: Bool]) {
        references[name] = (references[name] ?? true) && isOptional == true
    }
}

extension ContainerConfig {
    /// Takes over what the pod's spec says of a container, except environment and mounts.
    mutating func fill(from container: Container) {
        command = container.command
        args = container.args
        workingDirectory = container.workingDir
        terminal = container.tty == true
        let security = container.securityContext
        userID = security?.runAsUser.flatMap(UInt32.init(exactly:))
        groupID = security?.runAsGroup.flatMap(UInt32.init(exactly:))
        readOnlyRoot = security?.readOnlyRootFilesystem == true
        addCapabilities = security?.capabilities?.add ?? []
        dropCapabilities = security?.capabilities?.drop ?? []
        allowPrivilegeEscalation = security?.allowPrivilegeEscalation == true
        seccomp = security?.seccomp != "Unconfined"
        userNamespace = SecuritySpec.usesUserNamespace(security)
        let requirements = container.resources
        resources = ContainerResources(
            cpuRequestMillicores: requirements?.requests["cpu"]?.thousandths,
            cpuLimitMillicores: requirements?.limits["cpu"]?.thousandths,
            memoryLimitBytes: requirements?.limits["memory"]?.whole,
            pidsLimit: requirements?.limits["pids"]?.whole)
    }
}
