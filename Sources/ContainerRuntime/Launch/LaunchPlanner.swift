import Linux
import Supervision

/// Turns a container's configuration into the steps that launch it. Pure: it reads and changes nothing.
struct LaunchPlanner {
    var config: ContainerConfig
    var image: UnpackedImage
    var user: ResolvedUser
    /// The ids that its users have on the node; nil for a container that shares the node's.
    var userRange: UserRange?
    /// The capabilities that programs may have at most.
    var capabilities: UInt64
    /// The system call filter, as hexadecimal bytes.
    var filter: String?
    var paths: ContainerPaths
    /// The layer below the image's; see `MountPoints`.
    var mountPoints: String
    var hostname: String
    var cgroups: CgroupView
    /// Masked in addition to the default paths.
    var maskedPaths: [String] = []
    var oomCounter: OOMCounter?
    var hasUnifiedCgroup: Bool
    /// Whether the supervisor's helper is in the container's cgroup, and the limit to be set once it has gone.
    var usesHelper = false
    var limitAfterStart: ControlValue?

    /// The request to the supervisor.
    func request() throws(RuntimeError) -> LaunchRequest {
        try checkTexts()
        let log = LogTarget(
            path: config.logPath, maximumBytes: config.logMaxBytes, maximumFiles: config.logMaxFiles)
        var request = LaunchRequest(
            container: "\(config.name).\(config.attempt)", directory: paths.directory,
            namespaces: ContainerNamespaces.atStart, rootSteps: try rootSteps(), identity: identity,
            arguments: try arguments(), terminal: config.terminal, log: log, hasUnifiedCgroup: hasUnifiedCgroup,
            oomCounter: oomCounter)
        request.usesHelper = usesHelper
        request.limitAfterStart = limitAfterStart
        return request
    }

    /// What the root is made of beneath the container's own directory, the top one first.
    var layers: [String] { image.layerDirectories + [mountPoints] }

    /// The steps that make the root and enter it.
    func rootSteps() throws(RuntimeError) -> [LaunchStep] {
        var steps: [LaunchStep] = [.joinCgroups, .unshare(flags: ContainerNamespaces.inCgroup), .privateMounts]
        if let userRange {
            steps.append(.ownFiles(id: userRange.first))
            steps += layers.map { .mapOwners(path: $0) }
        }
        steps.append(overlay)
        steps += ContainerDefaults.mounts(userRange)
        steps += cgroups.steps
        for mount in config.mounts { steps.append(try step(for: mount)) }
        steps += (ContainerDefaults.maskedPaths + maskedPaths).map { .mask(path: $0) }
        steps += ContainerDefaults.readOnlyPaths.map { .readOnly(path: $0) }
        if config.terminal { steps += [.terminal(user: identity.userOnNode), .console] }
        steps.append(.directory(path: workingDirectory, mode: 0o755))
        if config.readOnlyRoot { steps.append(.readOnlyRoot) }
        steps.append(.pivot)
        return steps
    }

    /// Who the container's processes are.
    var identity: ProcessIdentity {
        ProcessIdentity(
            userRange: userRange, user: user.user, group: user.group, groups: user.groups, capabilities: capabilities,
            noNewPrivileges: !config.allowPrivilegeEscalation, seccomp: filter,
            limits: ContainerDefaults.limits, workingDirectory: workingDirectory, environment: environment)
    }

    /// The program and its arguments. A command replaces the image's arguments too, as in Kubernetes.
    func arguments() throws(RuntimeError) -> [String] {
        let image = image.configuration
        let program = config.command.isEmpty ? image.entrypoint : config.command
        let rest = config.args.isEmpty && config.command.isEmpty ? image.command : config.args
        let arguments = program + rest
        guard let first = arguments.first, !first.isEmpty else {
            throw RuntimeError(.invalid, "container \(config.name) has no command, and neither has its image")
        }
        return arguments
    }

    /// The image's variables under the configuration's.
    var environment: [String] {
        var names: [String] = []
        var values: [String: String] = [:]
        func set(_ name: String, _ value: String) {
            if values.updateValue(value, forKey: name) == nil { names.append(name) }
        }
        set("PATH", ProcessIdentity.defaultPath)
        set("HOSTNAME", hostname)
        set("HOME", user.home.isEmpty ? "/" : user.home)
        if config.terminal { set("TERM", "xterm") }
        for entry in image.configuration.environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].isEmpty { set(String(parts[0]), String(parts[1])) }
        }
        for (name, value) in config.environment { set(name, value) }
        return names.map { "\($0)=\(values[$0] ?? "")" }
    }

    var workingDirectory: String {
        let directory = config.workingDirectory ?? image.configuration.workingDirectory ?? ""
        return directory.hasPrefix("/") ? directory : "/\(directory)"
    }
}
