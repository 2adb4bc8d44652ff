import Glibc
import Linux

/// An open store's own directory below `tmp`, told from abandoned ones by a lock that dies with the process.
struct Workspace: ~Copyable {
    /// The directory; removed when the store is closed.
    let path: String
    private let lock: FileLock

    /// Makes one. Only while no other process looks for abandoned ones.
    init(in directory: String) throws(RuntimeError) {
        let made = try storing { () throws(LinuxError) in try Self.make(in: directory) }
        let lock = try FileLock("\(made)/lock", LOCK_EX)
        path = made
        self.lock = lock
    }

    deinit { try? removeTree(path) }

    private static func make(in directory: String) throws(LinuxError) -> String {
        var number = 0
        while true {
            let path = "\(directory)/store-\(getpid())-\(number)"
            do throws(LinuxError) {
                try systemCall("mkdir", path: path) { mkdir(path, 0o700) }
                return path
            } catch  where error.errno == EEXIST {
                number += 1
            }
        }
    }

    /// Removes those of processes that are gone.
    static func removeAbandoned(in directory: String) throws(RuntimeError) {
        for name in try storing({ () throws(LinuxError) in try listDirectory(directory) }) {
            let path = "\(directory)/\(name)"
            // The lock file is missing where the process died before it made it.
            if fileExists("\(path)/lock"), isLocked("\(path)/lock") { continue }
            try storing { () throws(LinuxError) in try removeTree(path) }
        }
    }

    private static func isLocked(_ path: String) -> Bool {
        do throws(RuntimeError) {
            let lock = try FileLock(path, LOCK_EX | LOCK_NB)
            lock.hold()
            return false
        } catch {
            return true
        }
    }
}
