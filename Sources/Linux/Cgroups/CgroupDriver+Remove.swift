import Failpoints
import Glibc

/// How often a removal is tried, and the longest pause between tries: about 4 s in all.
private let removalAttempts = 50
private let longestPauseMicroseconds: UInt32 = 100_000

extension CgroupDriver {
    /// Removes a cgroup and those below it from every hierarchy, killing what still runs there. Missing is success.
    ///
    /// - Throws: `EBUSY` when processes do not end within about 4 s, because they wait in the kernel.
    public func remove(path: String) throws(LinuxError) {
        var pause: UInt32 = 500
        for attempt in 1...removalAttempts {
            do {
                for directory in try directories(of: path) {
                    try Self.removeDirectories(directory)
                    failpoint(.cgroupRemoved, path)
                }
                return
            } catch let error where error.errno == EBUSY {
                if attempt == removalAttempts { throw stuck(path, error) }
                try kill(path: path)
                usleep(pause)
                pause = min(pause * 2, longestPauseMicroseconds)
            }
        }
    }

    /// Says which processes keep a cgroup from being removed.
    private func stuck(_ path: String, _ error: LinuxError) -> LinuxError {
        var error = error
        let pids = ((try? processes(path: path)) ?? []).map(String.init)
        if !pids.isEmpty {
            error.detail =
                "\(pids.count == 1 ? "process" : "processes") \(pids.prefix(5).joined(separator: ", ")) cannot be killed: "
                + "stuck in the kernel, or frozen"
        }
        return error
    }

    private static func removeDirectories(_ directory: String) throws(LinuxError) {
        if rmdir(directory) == 0 || errno == ENOENT { return }
        for child in try childNames(directory) { try removeDirectories("\(directory)/\(child)") }
        try systemCall("rmdir", path: directory, ignoring: ENOENT) { rmdir(directory) }
    }
}
