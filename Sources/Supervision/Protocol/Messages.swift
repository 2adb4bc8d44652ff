import Linux

/// What a supervisor is started with: its configuration file.
public struct SupervisorConfig: Codable, Sendable, Hashable {
    /// The pod's identity.
    public var podUID: String
    /// The host name inside the pod.
    public var hostname: String
    /// Whether the node's network and UTS namespaces are used.
    public var hostNetwork: Bool
    /// The user and group ids that the pod's users have on the node; nil for the node's own.
    public var userRange: UserRange?
    /// Kernel settings of the pod's namespaces, by dotted name.
    public var sysctls: [String: String]
    /// The directory of the socket and of what else concerns only the running supervisor.
    public var runDirectory: String
    /// The files of the cgroups that the supervisor joins by writing `0`, once it has nothing else to do: in a v2 hierarchy
    /// that takes a grace period of the kernel, some 10 ms, for which no container should wait.
    public var cgroupProcs: [String]
    /// What a supervisor that waits for its pod has done for it already; nil for one that has its pod from the start.
    public var parking: Parking?

    /// What is done ahead of time.
    public struct Parking: Codable, Sendable, Hashable {
        /// The `cgroup.procs` files of the v1 cgroups of the first container.
        public var helperProcs: [String]

        /// Describes what is done.
        public init(helperProcs: [String]) { self.helperProcs = helperProcs }
    }

    /// Describes a supervisor.
    public init(
        podUID: String, hostname: String, hostNetwork: Bool, userRange: UserRange?, sysctls: [String: String],
        runDirectory: String, cgroupProcs: [String], parking: Parking? = nil
    ) {
        self.podUID = podUID
        self.hostname = hostname
        self.hostNetwork = hostNetwork
        self.userRange = userRange
        self.sysctls = sysctls
        self.runDirectory = runDirectory
        self.cgroupProcs = cgroupProcs
        self.parking = parking
    }
}

/// Where a container's output goes.
public struct LogTarget: Codable, Sendable, Hashable {
    /// The file, in the CRI log format.
    public var path: String
    /// A file is rotated when it reaches this many bytes.
    public var maximumBytes: Int64
    /// How many files are kept, the current one included.
    public var maximumFiles: Int

    /// Describes a log.
    public init(path: String, maximumBytes: Int64, maximumFiles: Int) {
        self.path = path
        self.maximumBytes = maximumBytes
        self.maximumFiles = maximumFiles
    }
}

/// Where the kernel counts the processes of a cgroup that it killed for want of memory.
public struct OOMCounter: Codable, Sendable, Hashable {
    /// The file: `memory.events` (v2) or `memory.oom_control` (v1).
    public var path: String
    /// The key of its line `KEY COUNT`.
    public var key: String

    /// Describes a counter.
    public init(path: String, key: String) {
        self.path = path
        self.key = key
    }
}

/// A value for a control file of the kernel.
public struct ControlValue: Codable, Sendable, Hashable {
    /// The file.
    public var path: String
    /// What is written to it.
    public var value: String

    /// Describes a value.
    public init(path: String, value: String) {
        self.path = path
        self.value = value
    }
}

/// A container to be launched. With the request come, in this order, the cgroup v2 directory (when `hasUnifiedCgroup`)
/// and the `cgroup.procs` files of the v1 hierarchies.
public struct LaunchRequest: Codable, Sendable, Hashable {
    /// `NAME.ATTEMPT`.
    public var container: String
    /// The container's directory on the node, in which its end is recorded.
    public var directory: String
    /// The namespaces that it does not share with the pod.
    public var namespaces: Int32
    /// What makes its root, up to and including `pivot`.
    public var rootSteps: [LaunchStep]
    /// Who its processes are.
    public var identity: ProcessIdentity
    /// The program and its arguments.
    public var arguments: [String]
    /// Whether it gets a pseudo-terminal.
    public var terminal: Bool
    /// Where its output goes.
    public var log: LogTarget
    /// Whether the first descriptor is a cgroup v2 directory.
    public var hasUnifiedCgroup: Bool
    /// Tells whether it ran out of memory.
    public var oomCounter: OOMCounter?
    /// Whether the supervisor's helper is in the container's v1 cgroups and starts it there.
    public var usesHelper = false
    /// A limit to be set once the container runs and the helper, which counts as a process of it, has gone.
    public var limitAfterStart: ControlValue?

    /// Describes a container.
    public init(
        container: String, directory: String, namespaces: Int32, rootSteps: [LaunchStep], identity: ProcessIdentity,
        arguments: [String], terminal: Bool, log: LogTarget, hasUnifiedCgroup: Bool, oomCounter: OOMCounter?
    ) {
        self.container = container
        self.directory = directory
        self.namespaces = namespaces
        self.rootSteps = rootSteps
        self.identity = identity
        self.arguments = arguments
        self.terminal = terminal
        self.log = log
        self.hasUnifiedCgroup = hasUnifiedCgroup
        self.oomCounter = oomCounter
    }
}

/// A process to be started in a running container.
public struct ExecRequest: Codable, Sendable, Hashable {
    /// `NAME.ATTEMPT`.
    public var container: String
    /// The program and its arguments.
    public var arguments: [String]
    /// Whether it gets a pseudo-terminal.
    public var terminal: Bool
    /// Whether its standard input is connected.
    public var stdin: Bool

    /// Describes a process.
    public init(container: String, arguments: [String], terminal: Bool, stdin: Bool) {
        self.container = container
        self.arguments = arguments
        self.terminal = terminal
        self.stdin = stdin
    }
}

/// What a client asks of a supervisor; one request at a time on a connection.
public enum SupervisorRequest: Sendable, Hashable {
    /// Gives a supervisor that waits for a pod its pod. Answer: `done`.
    case adopt(SupervisorConfig)
    /// Launches a container, or describes the one that was launched before. Answer: `container`.
    case launch(LaunchRequest)
    /// Sends a signal to a container's first process. Answer: `done`.
    case signal(container: String, signal: Int32)
    /// Forgets an ended container. Answer: `done`.
    case forget(container: String)
    /// Answer: `containers`.
    case list
    /// Starts a process in a container. Answer: `started`, with the descriptors of its streams and its completion.
    case exec(ExecRequest)
    /// From now on `ended` is sent whenever a container ends. Answer: `done`.
    case subscribe
    /// Kills the containers and ends. Answer: `done`, before that.
    case shutdown
}

/// What a supervisor answers or tells.
public enum SupervisorReply: Sendable, Hashable {
    /// It is done.
    case done
    /// A container.
    case container(ContainerRecord)
    /// All containers.
    case containers([ContainerRecord])
    /// A process runs. The descriptors are those of the terminal, or of standard input (when asked for), output and
    /// error; the last one is a pipe that yields the exit code as four bytes when the process has ended.
    case started(pid: Int32)
    /// It could not be done.
    case failed(kind: FailureKind, message: String)
    /// To subscribers: a container has ended, and that is on disk.
    case ended(container: String)
}

/// Why a supervisor could not do something.
public enum FailureKind: String, Codable, Sendable, Hashable {
    /// There is no such container, or it has ended.
    case notFound
    /// The program cannot be executed.
    case startFailed
    /// A system call failed.
    case system
    /// The request makes no sense.
    case invalid
}

/// How a container ended; the content of its `exit.json`.
public struct ExitRecord: Codable, Sendable, Hashable {
    /// When it started, in nanoseconds since the Unix epoch.
    public var startedAt: Int64?
    /// When it ended, in nanoseconds since the Unix epoch.
    public var finishedAt: Int64
    /// The exit code; 128 + signal where a signal ended it.
    public var exitCode: Int32
    /// The signal that ended it.
    public var signal: Int32?
    /// Whether the kernel killed for want of memory in it.
    public var outOfMemory: Bool
    /// Why it could not be started; then the rest says nothing.
    public var failure: String?

    /// Describes an end.
    public init(
        startedAt: Int64?, finishedAt: Int64, exitCode: Int32, signal: Int32?, outOfMemory: Bool, failure: String? = nil
    ) {
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.exitCode = exitCode
        self.signal = signal
        self.outOfMemory = outOfMemory
        self.failure = failure
    }
}

/// A container as its supervisor knows it.
public struct ContainerRecord: Codable, Sendable, Hashable {
    /// `NAME.ATTEMPT`.
    public var container: String
    /// The first process.
    public var pid: Int32
    /// When it started, in nanoseconds since the Unix epoch.
    public var startedAt: Int64
    /// How it ended; nil when it runs.
    public var exit: ExitRecord?

    /// Describes a container.
    public init(container: String, pid: Int32, startedAt: Int64, exit: ExitRecord?) {
        self.container = container
        self.pid = pid
        self.startedAt = startedAt
        self.exit = exit
    }
}

/// Names of the files that supervisor and runtime share.
public enum SupervisorFiles {
    /// In the supervisor's directory: its socket.
    public static let socket = "supervisor.sock"
    /// In the supervisor's directory: `PID STARTTIME`, see proc_pid_stat(5).
    public static let pid = "supervisor.pid"
    /// In a container's directory: there as soon as the container may have been started.
    public static let launched = "launched"
    /// In a container's directory: how it ended.
    public static let exit = "exit.json"
}
