import Failpoints
import Glibc
import Linux
import Model
import Supervision

extension LinuxPodRuntime {
    /// See `PodRuntime`.
    public func startContainer(podUID: String, _ config: ContainerConfig) throws(RuntimeError) -> ContainerObservation {
        let pod = try paths(podUID)
        let key = try ContainerKey(name: config.name, attempt: config.attempt)
        let connection = try connected(pod)
        if fileExists(pod.container(key).directory), let known = try known(key, pod, connection) { return known }
        do {
            return try launch(config, key, pod, connection)
        } catch {
            // A failure for good is on disk: it is observed, now and whenever the call is repeated.
            guard let recorded = exitRecord(pod.container(key)) else { throw error }
            return observation(key, recorded)
        }
    }

    /// A container that may have been started before.
    private func known(
        _ key: ContainerKey, _ pod: PodPaths, _ connection: SupervisorConnection
    ) throws(RuntimeError) -> ContainerObservation? {
        if let record = try records(connection).first(where: { $0.container == "\(key)" }) {
            return observation(key, record)
        }
        let container = pod.container(key)
        if let exit = exitRecord(container) { return observation(key, exit) }
        guard fileExists("\(container.directory)/\(SupervisorFiles.launched)") else { return nil }
        // An earlier agent's request may have been carried out since the supervisor was asked.
        let record = try records(connection).first { $0.container == "\(key)" }
        return record.map { observation(key, $0) } ?? lostObservation(key)
    }

    private func launch(
        _ config: ContainerConfig, _ key: ContainerKey, _ pod: PodPaths, _ connection: SupervisorConnection
    ) throws(RuntimeError) -> ContainerObservation {
        let image = try images.unpacked(config.image)
        let user = try UserResolver(image: image)
            .resolve(image: image.configuration.user, userID: config.userID, groupID: config.groupID)
        let capabilities = try CapabilitySet.containerDefaults
            .applying(drop: config.dropCapabilities, add: config.addCapabilities)
            .intersection(.bounding())
        let container = pod.container(key)
        let sandbox = try intent(pod)
        let range = config.userNamespace ? try userRange(of: sandbox, for: user, config) : nil
        var planner = LaunchPlanner(
            config: config, image: image, user: user, userRange: range, capabilities: capabilities.mask, filter: nil,
            paths: container, mountPoints: mountPoints, hostname: sandbox.hostname, cgroups: cgroupView,
            maskedPaths: thermalPaths,
            hasUnifiedCgroup: false)
        if config.seccomp { planner.filter = try SeccompProfile.hexadecimalFilter(capabilities: capabilities) }
        // Nothing is made for a configuration that cannot be carried out.
        _ = try planner.request()
        let cgroup = try RuntimeError.wrapping { () throws(LinuxError) in
            try prepare(container, config, range)
            failpoint(.containerDirectoriesMade, container.cgroup)
            // The cgroup in which the supervisor's helper waits, unless that is another container's by now.
            planner.usesHelper = try kernel.moveCgroup("\(pod.cgroup)/\(ParkedNames.container)", to: container.cgroup)
            return try kernel.createCgroup(
                container.cgroup, resources(config.resources, withHelper: planner.usesHelper))
        }
        defer { cgroup.close() }
        planner.hasUnifiedCgroup = cgroup.v2DirectoryFD != nil
        planner.oomCounter = try RuntimeError.wrapping { () throws(LinuxError) in
            try cgroups.oomCountFile(path: container.cgroup).map { OOMCounter(path: $0.path, key: $0.key) }
        }
        if planner.usesHelper { planner.limitAfterStart = try pidsLimit(config.resources, container) }
        let descriptors = [cgroup.v2DirectoryFD].compactMap { $0 } + cgroup.v1ProcsFDs
        let request = try planner.request()
        failpoint(.launchAsking, container.cgroup)
        let answer = try ask(connection, .launch(request), descriptors: descriptors)
        failpoint(.launchAnswered, container.cgroup)
        guard case .container(let record) = answer.reply else {
            throw RuntimeError(.supervisorLost, "the supervisor gave an unexpected answer")
        }
        return observation(key, record)
    }

    /// The directories that a container's root is made from. The intent comes first. What an interrupted start left is
    /// removed: a `volatile` overlay cannot be mounted a second time.
    private func prepare(
        _ container: ContainerPaths, _ config: ContainerConfig, _ range: UserRange?
    ) throws(LinuxError) {
        try kernel.makeDirectories(container.directory, mode: 0o700)
        let intent: JSONValue = [
            "name": .string(config.name), "attempt": .integer(Int64(config.attempt)),
            "image": .string(config.image.text),
        ]
        try kernel.writeWhole(container.config, intent.serialized())
        for directory in [container.upper, container.work] { try kernel.removeTree(directory) }
        for directory in [container.upper, container.work] {
            try kernel.makeDirectories(directory, mode: 0o755)
        }
        // The root directory's mode is what the container sees as that of `/`, whatever the umask here.
        try systemCall("chmod", path: container.upper) { chmod(container.upper, 0o755) }
        guard let range else { return }
        try systemCall("chown", path: container.upper) { chown(container.upper, range.first, range.first) }
    }

    /// - Parameter withHelper: Whether the cgroup was made ahead of time, with its device rules, and holds a helper, which
    ///   counts as a process until it has started the container.
    private func resources(_ resources: ContainerResources, withHelper: Bool) -> CgroupResources {
        CgroupResources(
            cpuWeightMillicores: resources.cpuRequestMillicores, cpuLimitMillicores: resources.cpuLimitMillicores,
            memoryLimitBytes: resources.memoryLimitBytes,
            pidsLimit: resources.pidsLimit.map { withHelper ? $0 + 1 : $0 },
            devices: withHelper && cgroups.legacy[.devices] != nil ? nil : CgroupDeviceRule.containerDefaults)
    }

    /// The limit of processes that holds once the helper has gone.
    private func pidsLimit(
        _ resources: ContainerResources, _ container: ContainerPaths
    ) throws(RuntimeError) -> ControlValue? {
        try RuntimeError.wrapping { () throws(LinuxError) in
            guard let limit = resources.pidsLimit, let path = try cgroups.legacyPidsFile(path: container.cgroup) else {
                return nil
            }
            return ControlValue(path: path, value: "\(limit)")
        }
    }

    /// The ids of a container that has the pod's user namespace.
    private func userRange(
        of sandbox: SupervisorConfig, for user: ResolvedUser, _ config: ContainerConfig
    ) throws(RuntimeError) -> UserRange {
        guard let range = sandbox.userRange else {
            throw RuntimeError(
                .invalid, "container \(config.name) needs a user namespace, and its pod was made without one")
        }
        if let id = ([user.user, user.group] + user.groups).first(where: { $0 >= UserRange.count }) {
            throw RuntimeError(
                .invalid,
                "user or group \(id) of container \(config.name) is larger than \(UserRange.count - 1), the last one "
                    + "of a pod with a user namespace; use a lower one, or set security.userNamespace: false")
        }
        return range
    }

    /// What the pod's supervisor was started with.
    private func intent(_ pod: PodPaths) throws(RuntimeError) -> SupervisorConfig {
        let bytes = try RuntimeError.wrapping { () throws(LinuxError) in try readFile(pod.config, limit: 1 << 20) }
        guard let config = try? SupervisorConfig(json: JSONValue(parsing: bytes)) else {
            throw RuntimeError(.system, "\(pod.config) is damaged; remove the pod")
        }
        return config
    }

    /// See `PodRuntime`.
    public func signalContainer(
        podUID: String, name: String, attempt: Int, signal: Int32
    ) throws(RuntimeError) {
        let pod = try paths(podUID)
        let key = try ContainerKey(name: name, attempt: attempt)
        guard signal > 0, signal <= 64 else { throw RuntimeError(.invalid, "\(signal) is not a signal") }
        guard let connection = try connect(pod) else { return }  // Its containers have ended with it.
        do {
            _ = try ask(connection, .signal(container: "\(key)", signal: signal))
            failpoint(.signalSent)
        } catch  where error.code == .notFound && fileExists(pod.container(key).directory) {
            return
        } catch  where error.code == .supervisorLost && signal == SIGKILL {
            // A supervisor that is stopped or stuck keeps nobody alive.
            try RuntimeError.wrapping { () throws(LinuxError) in try cgroups.kill(path: pod.container(key).cgroup) }
        }
    }

    /// See `PodRuntime`.
    public func removeContainer(podUID: String, name: String, attempt: Int) throws(RuntimeError) {
        let pod = try paths(podUID)
        let key = try ContainerKey(name: name, attempt: attempt)
        let container = pod.container(key)
        if let connection = try connect(pod) { try end(key, connection) }
        failpoint(.containerForgotten)
        do {
            try kernel.removeCgroup(container.cgroup)
            // At once: half of it would look like an attempt that is being made.
            try trash.data.put(container.directory)
            failpoint(.containerRemoved)
        } catch {
            throw RuntimeError(error)
        }
    }

    /// Kills a container if it runs, and has its supervisor forget it.
    private func end(_ key: ContainerKey, _ connection: SupervisorConnection) throws(RuntimeError) {
        if let record = try records(connection).first(where: { $0.container == "\(key)" }), record.exit == nil {
            let pidfd = try RuntimeError.wrapping { () throws(LinuxError) in try openProcess(record.pid) }
            defer { if let pidfd { close(pidfd) } }
            _ = try ask(connection, .signal(container: "\(key)", signal: SIGKILL))
            if let pidfd, !awaitReadable(pidfd, milliseconds: 10_000) {
                throw RuntimeError(
                    .unkillable,
                    "process \(record.pid) of container \(key) cannot be killed: stuck in the kernel, or frozen")
            }
        }
        _ = try ask(connection, .forget(container: "\(key)"))
    }

    /// See `PodRuntime`.
    public func usage(podUID: String, name: String, attempt: Int) throws(RuntimeError) -> ContainerUsage {
        let container = try paths(podUID).container(ContainerKey(name: name, attempt: attempt))
        do {
            let usage = try cgroups.usage(path: container.cgroup)
            return ContainerUsage(
                cpuNanoseconds: usage.cpuNanoseconds, memoryBytes: usage.memoryBytes, pids: usage.pids)
        } catch  where error.errno == ENOENT {
            throw RuntimeError(.notFound, "container \(name).\(attempt) of pod \(podUID) has no cgroup")
        } catch {
            throw RuntimeError(error)
        }
    }
}
