import CLinux
import Failpoints
import Glibc

/// A process to be started: its steps, and the descriptors that they use. The caller keeps the descriptors open until
/// `start` returns, and closes them.
public struct Launch {
    /// What the process does before its program runs; the last step is `execute`.
    public var steps: [LaunchStep]
    /// Namespaces to start in: new ones, or with `join` those of a process.
    public var namespaces: Int32 = 0
    /// A cgroup v2 directory to start in.
    public var cgroup: Int32?
    /// Open join files of cgroups in v1 hierarchies, for `joinCgroups`.
    public var cgroupProcs: [Int32] = []
    /// Standard input, output and error, for `streams`.
    public var streams: (Int32, Int32, Int32) = (0, 1, 2)
    /// A socket over which the controlling side of `terminal` comes.
    public var terminalSocket: Int32?
    /// The pidfd of a process whose namespaces are joined.
    public var join: Int32?
    /// The user namespace that `mapOwners`, `bind` and `joinUserNamespace` use.
    public var userNamespace: Int32?
    /// Starts the process in the v1 cgroups that it is in; of no use for another launch afterwards.
    public var helper: ParkedHelper?
    /// Whether the process is not spared when memory runs out, even where this one is: a negative `oom_score_adj`
    /// (proc(5)) becomes 0.
    public var isNotSpared = false

    /// Describes a launch.
    public init(steps: [LaunchStep]) { self.steps = steps }

    /// What the launch is for, as failpoints tell it apart.
    private var kind: String {
        if join != nil { return "exec" }
        if helper != nil { return "ready" }
        return namespaces == 0 ? "process" : "container"
    }

    /// The places where the process can die; see `linux_launch.die_before`.
    private var deaths: [Int64] {
        let joining = [LAUNCH_JOINING, LAUNCH_JOINED, LAUNCH_CLONED].map(Int64.init)
        return (join == nil ? [] : joining) + steps.indices.map(Int64.init)
    }

    /// Starts the process and waits until its program runs or a step has failed. It is a child of this process.
    public func start() throws(LaunchError) -> StartedProcess {
        let program = LaunchProgram(steps)
        var launched = linux_launched()
        program.steps.withUnsafeBufferPointer { steps in
            cgroupProcs.withUnsafeBufferPointer { procs in
                var launch = linux_launch()
                launch.steps = steps.baseAddress
                launch.count = UInt32(steps.count)
                launch.namespaces = UInt64(UInt32(bitPattern: namespaces))
                launch.cgroup = cgroup ?? -1
                launch.cgroup_procs = procs.baseAddress
                launch.cgroup_procs_count = UInt32(procs.count)
                launch.streams = streams
                launch.terminal_socket = terminalSocket ?? -1
                launch.join = join ?? -1
                launch.user_namespace = userNamespace ?? -1
                launch.parked = helper?.raw
                launch.not_spared = isNotSpared ? 1 : 0
                launch.die_before = failpointStep(of: deaths, kind) ?? Int64(LAUNCH_STARTED)
                linux_launch_start(&launch, &launched)
            }
        }
        withExtendedLifetime((program, helper)) {}
        switch launched.failed_step {
        case Int64(LAUNCH_STARTED): return StartedProcess(pid: launched.process, pidfd: launched.pidfd)
        case Int64(LAUNCH_CLONING): throw LaunchError(failure: .cloning, errno: launched.error)
        case Int64(LAUNCH_JOINING): throw LaunchError(failure: .joining, errno: launched.error)
        case let index:
            let step = steps.indices.contains(Int(index)) ? steps[Int(index)] : nil
            throw LaunchError(failure: step.map { .step($0) } ?? .cloning, errno: launched.error)
        }
    }
}

/// A process that was started.
public struct StartedProcess: Sendable, Hashable {
    /// Its process id.
    public var pid: Int32
    /// Its pidfd, which the receiver closes.
    public var pidfd: Int32
}

/// Why a process could not be started.
public struct LaunchError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What failed.
    public enum Failure: Sendable, Hashable {
        /// Making the process.
        case cloning
        /// Joining the namespaces of another process.
        case joining
        /// A step of the process.
        case step(LaunchStep)
    }
    /// What failed.
    public var failure: Failure
    /// The error number, as in errno(3).
    public var errno: Int32

    /// Makes an error.
    public init(failure: Failure, errno: Int32) {
        self.failure = failure
        self.errno = errno
    }

    /// Whether the program could not be executed, whatever the surroundings.
    public var isProgramFailure: Bool {
        switch failure {
        case .step(.execute), .step(.workingDirectory): true
        default: false
        }
    }

    /// Whether a step failed: otherwise there was no process.
    public var isOfStep: Bool { if case .step = failure { true } else { false } }

    /// What failed and why.
    public var description: String {
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        switch failure {
        case .cloning: return "start a process: \(reason)"
        case .joining: return "join the container: \(reason)"
        case .step(.execute(_, let arguments, _)) where errno == ENOENT:
            return "executable \"\(arguments.first ?? "")\" (or its interpreter) not found in the image"
        case .step(let step) where errno == EOPNOTSUPP && step.mapsOwners:
            return
                "\(step): its file system cannot show other owners, which the pod's user namespace needs; "
                + "use another file system, a newer kernel, or security.userNamespace: false"
        case .step(let step): return "\(step): \(reason)"
        }
    }
}
