import Glibc
import Linux
public import Model
import Threads

/// Where and how HAProxy runs.
public struct HAProxyOptions: Sendable {
    /// Where its files and sockets are; at most 80 bytes, as sockets' names have room for little more.
    public var directory: String
    /// HAProxy's executable.
    public var executable: String
    /// The user that serves requests, if there is one of this name.
    public var user: String
    /// How many bytes of lines about requests wait while nobody reads them: 4 MiB, or what the kernel grants.
    var logRoom = 4 << 20
    /// A clock that never jumps.
    public var clock: @Sendable () -> TimeSpan

    /// Where Debian has the program.
    public static let defaultExecutable = "/usr/sbin/haproxy"

    /// Options for a run directory: `RUN/proxy`, Debian's HAProxy.
    public init(directory: String) {
        self.directory = directory
        executable = Self.defaultExecutable
        user = "haproxy"
        clock = { MachineClock.monotonic }
    }

    /// How HAProxy is run: a master process that reloads, and workers that serve (management.txt, section 3).
    var program: Program {
        Program(
            executable: executable,
            arguments: [
                "-W", "-S", "\(directory)/master.sock,mode,600", "-f",
                ProxyFiles(directory: directory, executable: executable).configuration,
            ],
            pidFile: "\(directory)/haproxy.pid", logFile: "\(directory)/haproxy.log", outputRoom: logRoom)
    }

    /// Whether there is a HAProxy to run.
    public var isInstalled: Bool { access(executable, X_OK) == 0 }

    /// Whether the machine has the user.
    var hasUser: Bool { getpwnam(user) != nil }
}

/// Why HAProxy cannot be run at all.
public struct HAProxyOptionsError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what to do, in a sentence.
    public var description: String
}
