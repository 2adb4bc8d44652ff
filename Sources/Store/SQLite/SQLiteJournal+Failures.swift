import CSQLite
import Glibc

/// What SQLite's answers mean for the store.
extension SQLiteJournal {
    /// A failure to open or read the file.
    static func refusal(_ failure: SQLiteFailure, opening path: String) -> StoreError {
        if failure.code == SQLiteFailure.content { return .corrupt(failure.message) }
        switch failure.primary {
        case SQLITE_BUSY, SQLITE_LOCKED:
            return .corrupt("database \(path) is in use by another process: stop that one first")
        case SQLITE_NOTADB:
            return .corrupt("\(path) is not a SQLite database")
        case SQLITE_FULL:
            return .full("no room to open database \(path): \(detail(failure))")
        case SQLITE_CORRUPT:
            return .corrupt("database \(path) is damaged: \(detail(failure))")
        default:
            return .corrupt("cannot open database \(path): \(detail(failure))")
        }
    }

    /// A failure to write. A write that found no room changed nothing; after any other failure, a failed fsync above
    /// all, what the disk holds is unknown, and asking again may get a false answer (ATC'20, "Can Applications
    /// Recover from fsync Failures?").
    static func refusal(_ failure: SQLiteFailure, writing path: String) -> StoreError {
        let isWrite = failure.code == SQLITE_IOERR | (3 << 8)  // SQLITE_IOERR_WRITE, a macro Swift does not import.
        let hasNoRoom = [ENOSPC, EDQUOT, EFBIG].contains(failure.systemErrno)
        if failure.primary == SQLITE_FULL || (isWrite && hasNoRoom) {
            return .full("no room to write to database \(path): \(detail(failure))")
        }
        return .failed(
            "writing to database \(path) failed and nothing more is written until a restart: \(detail(failure))")
    }

    private static func detail(_ failure: SQLiteFailure) -> String {
        guard failure.systemErrno != 0 else { return failure.message }
        return "\(failure.message) (\(String(cString: strerror(failure.systemErrno))))"
    }
}
