import CLinux
import Glibc

extension CgroupDriver {
    /// Moves a process into a cgroup, in every hierarchy in use.
    public func addProcess(_ pid: Int32, path: String) throws(LinuxError) {
        for directory in try directories(of: path) { try writeFile("\(directory)/cgroup.procs", "\(pid)") }
    }

    /// The processes of a cgroup and those below it, in any hierarchy, in ascending order; none where the cgroup is
    /// missing.
    public func processes(path: String) throws(LinuxError) -> [Int32] {
        var pids: Set<Int32> = []
        for directory in try directories(of: path) { try Self.collectProcesses(directory, into: &pids) }
        return pids.sorted()
    }

    /// Sends `SIGKILL` to every process of a cgroup and of those below it, also to those that are being forked. Their
    /// end is not awaited. Nothing happens where the cgroup is missing.
    public func kill(path: String) throws(LinuxError) {
        if let directory = try unifiedDirectory(of: path), fileExists("\(directory)/cgroup.kill") {
            try Self.ignoringMissing { () throws(LinuxError) in try writeFile("\(directory)/cgroup.kill", "1") }
            // A process that was caught between joining two hierarchies is only in a v1 one.
            return try killListed(path: path)
        }
        guard let (directory, version) = try freezerDirectory(of: path), fileExists(directory) else {
            return try killListed(path: path)
        }
        try Self.setFrozen(true, directory, version)
        let result = Result { () throws(LinuxError) in
            for _ in 0..<100 {
                try killListed(path: path)
                // Frozen processes do not fork: then the listed ones were all.
                if try FreezerController.isFrozen(directory: directory, version: version) {
                    return try killListed(path: path)
                }
                usleep(1000)
            }
        }
        try Self.setFrozen(false, directory, version)
        try Self.ignoringMissing { () throws(LinuxError) in try result.get() }
    }

    private func freezerDirectory(of path: String) throws(LinuxError) -> (String, CgroupVersion)? {
        if let directory = try unifiedDirectory(of: path) { return (directory, .v2) }
        return try directory(of: path, for: .freezer)
    }

    private static func setFrozen(
        _ frozen: Bool, _ directory: String, _ version: CgroupVersion
    ) throws(LinuxError) {
        let file = FreezerController.file(frozen: frozen, version: version)
        try ignoringMissing { () throws(LinuxError) in try writeFile("\(directory)/\(file.name)", file.value) }
    }

    /// Kills the processes that are listed now. The number of a process that ended may be another's by now: the process
    /// is pinned first, and killed only when it is listed still.
    private func killListed(path: String) throws(LinuxError) {
        var pinned: [(pid: Int32, descriptor: Int32)] = []
        defer { for (_, descriptor) in pinned { close(descriptor) } }
        for pid in try processes(path: path) {
            let descriptor = linux_pidfd_open(pid, 0)
            if descriptor >= 0 { pinned.append((pid, descriptor)) }
        }
        if pinned.isEmpty { return }
        let listed = Set(try processes(path: path))
        for (pid, descriptor) in pinned where listed.contains(pid) {
            try systemCall("kill", path: "\(pid)", ignoring: ESRCH) { linux_pidfd_send_signal(descriptor, SIGKILL) }
        }
    }

    private static func collectProcesses(_ directory: String, into pids: inout Set<Int32>) throws(LinuxError) {
        do {
            // 0 stands for a process of another pid namespace, which cannot be named here.
            pids.formUnion(try readWords("\(directory)/cgroup.procs").compactMap { Int32($0) }.filter { $0 > 0 })
        } catch let error where error.errno == ENOENT || error.errno == ENODEV {
            return
        }
        for child in try childNames(directory) { try collectProcesses("\(directory)/\(child)", into: &pids) }
    }

    /// The cgroups directly below a directory; none where it is missing.
    static func childNames(_ directory: String) throws(LinuxError) -> [String] {
        do {
            let descriptor = try Descriptor(opening: directory, flags: O_RDONLY | O_DIRECTORY)
            let entries = try directoryEntries(descriptor.raw, path: directory)
            return entries.filter(\.isDirectory).map(\.name).sorted()
        } catch let error where error.errno == ENOENT {
            return []
        }
    }

    /// Runs what may find that the cgroup has gone (`ENOENT`; `ENODEV` once its directory was opened).
    static func ignoringMissing(_ body: () throws(LinuxError) -> Void) throws(LinuxError) {
        do {
            try body()
        } catch let error where error.errno == ENOENT || error.errno == ENODEV {
            return
        }
    }
}
