import Glibc

/// A system call that failed: what was tried, on what, and why.
///
/// Reads like `write /sys/fs/cgroup/pids/x/pids.max: No space left on device`.
public struct LinuxError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was tried, by the name of the system call where there is one: `open`, `write`, `clone3`.
    public var operation: String
    /// The file or the object that it was tried on; empty where there is none.
    public var path: String
    /// The error number, as in errno(3).
    public var errno: Int32
    /// What the kernel or the caller adds, such as netlink's extended acknowledgement.
    public var detail: String?

    /// Makes an error.
    public init(_ operation: String, path: String = "", errno: Int32, detail: String? = nil) {
        self.operation = operation
        self.path = path
        self.errno = errno
        self.detail = detail
    }

    /// Makes an error out of the calling thread's `errno`; to be called before anything else can change it.
    public static func last(_ operation: String, path: String = "") -> LinuxError {
        LinuxError(operation, path: path, errno: Glibc.errno)
    }

    /// The operation, the path and the reason.
    public var description: String {
        let subject = path.isEmpty ? operation : "\(operation) \(path)"
        // Thread-safe since glibc 2.32: see strerror(3), ATTRIBUTES.
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        return detail.map { "\(subject): \(reason): \($0)" } ?? "\(subject): \(reason)"
    }
}
