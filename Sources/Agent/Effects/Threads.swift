import Glibc
import Threads

/// The text of an error number (errno(3)).
func errnoText(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Starts a thread that runs a body to its end. An agent that cannot have its threads cannot work at all.
///
/// Their stacks are small: most of them only wait, and the default of 8 MiB each would count against limits on address space.
func startThread(_ body: @escaping @Sendable () -> Void) {
    do {
        try Thread.detach(stackBytes: 512 << 10, body)
    } catch {
        preconditionFailure("\(error)")
    }
}
