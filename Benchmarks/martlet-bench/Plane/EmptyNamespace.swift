import CLinux
import Glibc
import Linux
import Model
import Threads

/// A network namespace without anything, which no process is in.
struct EmptyNamespace {
    private let descriptor: Int32

    init() throws {
        descriptor = try NetworkNamespace(path: "/proc/self/ns/net").run { () throws(LinuxError) in
            try systemCall("unshare") { linux_unshare(linux_clone_newnet) }
            return try Descriptor(opening: "/proc/thread-self/ns/net", flags: O_RDONLY).release()
        }
    }

    /// The file that names it.
    var path: String { "/proc/self/fd/\(descriptor)" }

    /// Lets the kernel remove it.
    func remove() { close(descriptor) }
}

/// The clock of measurements.
enum MachineTime {
    /// Milliseconds since the machine started.
    static var now: Double { Double(MachineClock.monotonic.nanoseconds) / 1e6 }
}
