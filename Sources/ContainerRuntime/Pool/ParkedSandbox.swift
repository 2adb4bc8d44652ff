import Glibc
import Linux
import Supervision

/// A sandbox that waits for its pod: a supervisor with namespaces, and a helper of it in the v1 cgroups of a first container.
struct ParkedSandbox: Sendable {
    /// `RUN/parked/ID`: what becomes the pod's run directory.
    let directory: String
    /// `ROOT/.parked-ID`, in the v1 hierarchies: what becomes the pod's cgroup.
    let cgroup: String
    /// The supervisor, a child of this process.
    let process: StartedProcess
    /// A connection on which ends are told; the supervisor ends when it is closed before it has a pod.
    let connection: Transferred

    /// Whether the supervisor still runs.
    var isAlive: Bool { !awaitReadable(process.pidfd, milliseconds: 0) }
}

/// A connection on its way from the thread that made it to the one that uses it from then on; never used by both.
struct Transferred: @unchecked Sendable {
    let connection: SupervisorConnection
}

/// Names of what is parked. None of them is the name of a pod: those do not begin with a dot.
enum ParkedNames {
    /// In the run directory.
    static let directory = "parked"
    /// The cgroup in the v2 hierarchy, where there is one, that supervisors are in until they have time to join their
    /// pod's: v2 cannot rename.
    static let shared = ".parked"
    /// What the v1 cgroups begin with.
    static let prefix = ".parked-"
    /// In a parked and in a pod's v1 cgroup: the cgroup that becomes the first container's.
    static let container = "parked"
}
