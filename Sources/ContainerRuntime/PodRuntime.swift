public import Linux

/// What a pod's sandbox is made from. A sandbox is the supervisor process with the network, IPC and UTS namespaces
/// that the pod's containers share.
public struct SandboxConfig: Sendable, Hashable {
    /// The pod's identity: names the sandbox, its directory and its cgroups.
    public var podUID: String
    /// The host name inside.
    public var hostname: String
    /// Whether the node's network namespace is used instead of a new one.
    public var hostNetwork: Bool
    /// Whether the pod's user ids are unprivileged ones of the node that nothing else has.
    public var userNamespace: Bool
    /// Namespaced kernel settings, by dotted name.
    public var sysctls: [String: String]

    /// Makes a configuration.
    public init(
        podUID: String, hostname: String, hostNetwork: Bool = false, userNamespace: Bool = true,
        sysctls: [String: String] = [:]
    ) {
        self.podUID = podUID
        self.hostname = hostname
        self.hostNetwork = hostNetwork
        self.userNamespace = userNamespace
        self.sysctls = sysctls
    }
}

/// A running sandbox.
public struct SandboxInfo: Sendable, Hashable {
    /// The pod's identity.
    public var podUID: String
    /// The supervisor's process id.
    public var supervisorPID: Int32
    /// The file that names the sandbox's network namespace: `/proc/PID/ns/net`.
    public var networkNamespacePath: String
    /// The ids that the pod's users have on the node; nil for a pod without a user namespace.
    public var userRange: UserRange?

    /// Makes a description.
    public init(podUID: String, supervisorPID: Int32, networkNamespacePath: String, userRange: UserRange? = nil) {
        self.podUID = podUID
        self.supervisorPID = supervisorPID
        self.networkNamespacePath = networkNamespacePath
        self.userRange = userRange
    }
}

/// A file system mounted into a container.
public struct ContainerMount: Sendable, Hashable {
    /// Where the content comes from.
    public enum Source: Sendable, Hashable {
        /// A file or directory of the node, by absolute path.
        case bind(String)
        /// An empty memory file system of at most so many bytes.
        case tmpfs(sizeBytes: Int64?)
    }
    /// Where the content comes from.
    public var source: Source
    /// The path below a bound directory that is bound in its place, if any. No symbolic link may be in it.
    public var subPath: String
    /// Whether owners are as they are stored in a pod with a user namespace, too: they are the pod's own ids already.
    public var keepsOwners = false
    /// The absolute path in the container; made if it is missing.
    public var destination: String
    /// Whether the container may only read it.
    public var readOnly: Bool

    /// Makes a mount.
    public init(source: Source, subPath: String = "", destination: String, readOnly: Bool = false) {
        self.source = source
        self.subPath = subPath
        self.destination = destination
        self.readOnly = readOnly
    }
}

/// What a container may use, in cgroup terms.
public struct ContainerResources: Sendable, Hashable {
    /// The request in millicores; becomes the weight among containers that compete.
    public var cpuRequestMillicores: Int64?
    /// The limit in millicores; becomes a quota.
    public var cpuLimitMillicores: Int64?
    /// The limit in bytes; beyond it the container is killed.
    public var memoryLimitBytes: Int64?
    /// How many processes and threads it may have.
    public var pidsLimit: Int64?

    /// Makes resources without any limit.
    public init(
        cpuRequestMillicores: Int64? = nil, cpuLimitMillicores: Int64? = nil, memoryLimitBytes: Int64? = nil,
        pidsLimit: Int64? = nil
    ) {
        self.cpuRequestMillicores = cpuRequestMillicores
        self.cpuLimitMillicores = cpuLimitMillicores
        self.memoryLimitBytes = memoryLimitBytes
        self.pidsLimit = pidsLimit
    }
}

/// What a container is made from. Image defaults (entrypoint, user, environment) are merged by the runtime.
public struct ContainerConfig: Sendable, Hashable {
    /// The container's name in the pod.
    public var name: String
    /// Counts the starts of this name in this pod from 0; with the name it identifies the container.
    public var attempt: Int
    /// The image, as `ImageStore.resolve` returned it.
    public var image: ImageID
    /// Replaces the image's entrypoint when not empty.
    public var command: [String] = []
    /// Replaces the image's arguments when not empty.
    public var args: [String] = []
    /// Variables set over the image's, in order.
    public var environment: [(name: String, value: String)] {
        get { environmentEntries.map { ($0.name, $0.value) } }
        set { environmentEntries = newValue.map { EnvironmentEntry(name: $0.name, value: $0.value) } }
    }
    var environmentEntries: [EnvironmentEntry] = []
    /// The directory to start in; the image's when nil.
    public var workingDirectory: String?
    /// Further file systems, in order.
    public var mounts: [ContainerMount] = []
    /// Numeric user; the image's when nil.
    public var userID: UInt32?
    /// Numeric group; the image's when nil.
    public var groupID: UInt32?
    /// Whether the root file system is read-only.
    public var readOnlyRoot = false
    /// Capabilities added to the default ones, without `CAP_`, or `ALL`.
    public var addCapabilities: [String] = []
    /// Capabilities dropped from the default ones first, or `ALL`.
    public var dropCapabilities: [String] = []
    /// Whether setuid programs may gain privileges.
    public var allowPrivilegeEscalation = false
    /// Whether the default system call filter is installed.
    public var seccomp = true
    /// Whether its user ids are the pod's, which are unprivileged ones of the node; needs a sandbox that has such.
    public var userNamespace = true
    /// What it may use.
    public var resources = ContainerResources()
    /// Whether it gets a pseudo-terminal.
    public var terminal = false
    /// The file its output goes to in the CRI log format; directories are made.
    public var logPath: String
    /// A log file is rotated when it reaches this many bytes.
    public var logMaxBytes: Int64 = 10 << 20
    /// How many log files are kept, the current one included.
    public var logMaxFiles = 3

    /// Makes a configuration.
    public init(name: String, attempt: Int, image: ImageID, logPath: String) {
        self.name = name
        self.attempt = attempt
        self.image = image
        self.logPath = logPath
    }
}

struct EnvironmentEntry: Sendable, Hashable {
    var name: String
    var value: String
}

/// An image that the node holds.
public struct ImageID: Sendable, Hashable, CustomStringConvertible {
    /// `sha256:...` of the image's manifest, or `rootfs:PATH` for a plain directory.
    public let text: String
    /// Names an image.
    public init(_ text: String) { self.text = text }
    /// The digest or the directory.
    public var description: String { text }
}

/// What was observed of a container.
public struct ContainerObservation: Sendable, Hashable {
    /// Where the container is in its life.
    public enum Phase: Sendable, Hashable {
        /// Being made: intent is recorded, the process has not been seen to run.
        case creating
        /// Its first process runs.
        case running(pid: Int32)
        /// Its first process ended. `signal` is set when a signal ended it, then `exitCode` is 128 + signal.
        case exited(exitCode: Int, signal: Int?, outOfMemory: Bool)
        /// It could not be started.
        case failed(String)
    }
    /// The container's name in the pod.
    public var name: String
    /// Which start of that name.
    public var attempt: Int
    /// Where it is in its life.
    public var phase: Phase
    /// When it started, in nanoseconds since the Unix epoch.
    public var startedAt: Int64?
    /// When it ended, in nanoseconds since the Unix epoch.
    public var finishedAt: Int64?
    /// Which of its limits it ran into; nil for none.
    public var pressure: CgroupPressure?
    /// Whether its first process runs, but was stopped (`SIGSTOP`).
    public var isStopped = false

    /// Makes an observation.
    public init(name: String, attempt: Int, phase: Phase, startedAt: Int64? = nil, finishedAt: Int64? = nil) {
        self.name = name
        self.attempt = attempt
        self.phase = phase
        self.startedAt = startedAt
        self.finishedAt = finishedAt
    }
}

/// A sandbox found on the machine, with its containers.
public struct SandboxObservation: Sendable, Hashable {
    /// The pod's identity.
    public var podUID: String
    /// The running sandbox; nil when the supervisor is gone and only remains are left.
    public var info: SandboxInfo?
    /// Its containers, by name and attempt.
    public var containers: [ContainerObservation]

    /// Makes an observation.
    public init(podUID: String, info: SandboxInfo?, containers: [ContainerObservation]) {
        self.podUID = podUID
        self.info = info
        self.containers = containers
    }
}

/// What a container used, read from its cgroups.
public struct ContainerUsage: Sendable, Hashable {
    /// Processor time since the start, in nanoseconds.
    public var cpuNanoseconds: UInt64
    /// Memory now, in bytes, without pages that could be dropped.
    public var memoryBytes: UInt64
    /// Processes and threads now.
    public var pids: UInt64

    /// Makes a reading.
    public init(cpuNanoseconds: UInt64, memoryBytes: UInt64, pids: UInt64) {
        self.cpuNanoseconds = cpuNanoseconds
        self.memoryBytes = memoryBytes
        self.pids = pids
    }
}

/// Why the runtime could not do something.
public struct RuntimeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: String, Sendable {
        /// No such image, sandbox or container.
        case notFound
        /// The image's content is damaged, unsafe or of an unknown format.
        case badImage
        /// The configuration cannot be carried out: unknown capability, bad user, mount outside the root.
        case invalid
        /// The command of the container could not be started (no such file, not executable).
        case startFailed
        /// A system call failed.
        case system
        /// The supervisor is gone or does not answer.
        case supervisorLost
        /// The disk is full.
        case full
        /// A process was killed and does not end: it is stuck in the kernel, or frozen.
        case unkillable
    }
    /// What kind of failure it is.
    public var code: Code
    /// What failed, in lower case, with the path or the name it is about.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}

/// A process started in a running container. Whoever holds it closes the descriptors; a process whose `completion` is
/// closed before it has ended is killed.
public struct ExecSession: Sendable {
    /// The terminal's controlling side, when one was asked for.
    public var terminal: Int32?
    /// The writing end of standard input, when asked for.
    public var standardInput: Int32?
    /// The reading end of standard output; nil with a terminal.
    public var standardOutput: Int32?
    /// The reading end of standard error; nil with a terminal.
    public var standardError: Int32?
    /// Readable when the process has ended; then `PodRuntime.execResult` tells how.
    public var completion: Int32

    /// Makes a session.
    public init(
        terminal: Int32?, standardInput: Int32?, standardOutput: Int32?, standardError: Int32?, completion: Int32
    ) {
        self.terminal = terminal
        self.standardInput = standardInput
        self.standardOutput = standardOutput
        self.standardError = standardError
        self.completion = completion
    }
}

/// What to start in a running container.
public struct ExecConfig: Sendable, Hashable {
    /// The program and its arguments.
    public var command: [String]
    /// Whether it gets a pseudo-terminal.
    public var terminal: Bool
    /// Whether its standard input is connected.
    public var stdin: Bool

    /// Makes a configuration.
    public init(command: [String], terminal: Bool = false, stdin: Bool = false) {
        self.command = command
        self.terminal = terminal
        self.stdin = stdin
    }
}

/// Runs pods' containers on this machine. Every method may block for the length of a few system calls and may be called
/// from any thread; calls for one pod are made one at a time by the caller. Every method is idempotent: repeating
/// a call after a crash finishes or repeats its effect.
public protocol PodRuntime: AnyObject, Sendable {
    /// Makes a pod's sandbox, or returns the one that runs.
    func createSandbox(_ config: SandboxConfig) throws(RuntimeError) -> SandboxInfo
    /// Starts a container; returns when its first process has been executed or the start has failed for good.
    /// A container of the same name and attempt that was already started is observed, not started again.
    func startContainer(podUID: String, _ config: ContainerConfig) throws(RuntimeError) -> ContainerObservation
    /// Sends a signal to a container's first process; nothing happens when it has ended.
    /// `SIGKILL` (9) kills every process of the container.
    func signalContainer(podUID: String, name: String, attempt: Int, signal: Int32) throws(RuntimeError)
    /// Removes what an ended container left (root file system, cgroups); kills it first if it still runs.
    func removeContainer(podUID: String, name: String, attempt: Int) throws(RuntimeError)
    /// Kills what is left of a pod and removes everything it had on the machine.
    func removeSandbox(podUID: String) throws(RuntimeError)
    /// What is on the machine now.
    func observe() throws(RuntimeError) -> [SandboxObservation]
    /// What one pod has on the machine now; nil when nothing.
    func observe(podUID: String) throws(RuntimeError) -> SandboxObservation?
    /// Starts a process in a running container.
    func exec(podUID: String, name: String, attempt: Int, _ config: ExecConfig) throws(RuntimeError) -> ExecSession
    /// How a process started by `exec` ended: its exit code, 128 + signal where a signal ended it. Waits for it.
    func execResult(_ session: ExecSession) throws(RuntimeError) -> Int
    /// Sets the size of the terminal of a process started by `exec`.
    func resize(_ session: ExecSession, rows: UInt16, columns: UInt16) throws(RuntimeError)
    /// Reads what a container used.
    func usage(podUID: String, name: String, attempt: Int) throws(RuntimeError) -> ContainerUsage
    /// Has a callback called, on a thread of the runtime, whenever a container of a pod or its supervisor has ended.
    /// The argument is the pod's identity; the callee then calls `observe(podUID:)`. It must not block.
    func setExitHandler(_ handler: @escaping @Sendable (String) -> Void)
}
