import Glibc

/// Repeats a system call for as long as a signal interrupts it, and turns -1 into an error.
///
/// Not for close(2): Linux has released the descriptor when close returns EINTR.
@discardableResult
public func systemCall<Result: SignedInteger>(
    _ operation: String, path: String = "", _ body: () -> Result
) throws(LinuxError) -> Result {
    while true {
        let result = body()
        guard result == -1 else { return result }
        let code = errno
        if code != EINTR { throw LinuxError(operation, path: path, errno: code) }
    }
}

/// As `systemCall`, but one error number is no error: the object is already as it should be.
public func systemCall<Result: SignedInteger>(
    _ operation: String, path: String = "", ignoring code: Int32, _ body: () -> Result
) throws(LinuxError) {
    do {
        try systemCall(operation, path: path, body)
    } catch let error where error.errno == code {
        return
    }
}

/// A file descriptor with one owner, closed when the owner goes away.
public struct Descriptor: ~Copyable, Sendable {
    /// The descriptor; valid as long as this value lives.
    public let raw: Int32

    /// Takes over a descriptor.
    public init(owning raw: Int32) { self.raw = raw }

    /// Opens a file; `O_CLOEXEC` is always added.
    public init(opening path: String, flags: Int32, mode: mode_t = 0) throws(LinuxError) {
        raw = try systemCall("open", path: path) { open(path, flags | O_CLOEXEC, mode) }
    }

    /// Hands the descriptor to another owner.
    public consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }

    deinit { close(raw) }
}
