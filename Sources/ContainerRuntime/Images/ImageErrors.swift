import Glibc
import Linux

extension RuntimeError {
    /// A system call that failed while images were handled; a full disk is told from other failures.
    init(storing error: LinuxError) {
        let isFull = error.errno == ENOSPC || error.errno == EDQUOT
        self.init(isFull ? .full : .system, error.description)
    }
}

/// Runs file system work, with its failures as the runtime's errors.
@discardableResult
func storing<Result: ~Copyable>(_ body: () throws(LinuxError) -> Result) throws(RuntimeError) -> Result {
    do throws(LinuxError) {
        return try body()
    } catch {
        throw RuntimeError(storing: error)
    }
}
