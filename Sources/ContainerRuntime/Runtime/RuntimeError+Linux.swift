import Glibc
import Linux
import Supervision

extension RuntimeError {
    /// The error of a system call.
    init(_ error: LinuxError) {
        self.init([ENOSPC, EDQUOT].contains(error.errno) ? .full : .system, error.description)
    }

    /// What a supervisor could not do.
    init(supervisor kind: FailureKind, _ message: String) {
        let code: Code =
            switch kind {
            case .notFound: .notFound
            case .startFailed: .startFailed
            case .system: .system
            case .invalid: .invalid
            }
        self.init(code, message)
    }

    /// Runs what makes system calls.
    @discardableResult
    static func wrapping<Value: ~Copyable>(
        _ body: () throws(LinuxError) -> Value
    ) throws(RuntimeError) -> Value {
        do {
            return try body()
        } catch {
            throw RuntimeError(error)
        }
    }
}
