import Glibc
import Linux
import Supervision

extension RuntimeError {
    /// The error of a system call.
    init(_ error: LinuxError) {
        let code: Code =
            switch error.errno {
            case ENOSPC, EDQUOT: .full
            case EBUSY where error.operation == "rmdir" && error.detail != nil: .unkillable
            default: .system
            }
        self.init(code, error.description)
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
