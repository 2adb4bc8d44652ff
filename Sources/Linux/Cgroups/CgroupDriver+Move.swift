import Failpoints
import Glibc

extension CgroupDriver {
    /// The root directories of the v1 hierarchies in use.
    public var legacyRoots: [String] { roots.filter { $0 != unified } }

    /// Makes a cgroup in the v1 hierarchies alone, to be given its place later by `move`, which v2 does not have.
    ///
    /// - Returns: The files to which a process with one thread writes `0` to join.
    public func createLegacy(path: String, resources: CgroupResources) throws(LinuxError) -> [String] {
        let relative = try Self.components(of: path).joined(separator: "/")
        for root in legacyRoots {
            try makeDirectories("\(root)/\(relative)")
            failpoint(.cgroupMade, path)
        }
        try update(path: path, resources: resources, only: .v1)
        failpoint(.cgroupLimited, path)
        return legacyRoots.map { "\($0)/\(relative)/\(Self.legacyJoinFile)" }
    }

    /// Makes a cgroup in the v2 hierarchy alone, and opens it; nil on machines without one.
    public func createUnified(path: String) throws(LinuxError) -> Int32? {
        guard let directory = try unifiedDirectory(of: path) else { return nil }
        try makeDirectories(directory)
        failpoint(.cgroupMade, path)
        return try Descriptor(opening: directory, flags: O_RDONLY | O_DIRECTORY).release()
    }

    /// Gives a cgroup, with its processes and those below it, another name in the same parent, in the v1 hierarchies.
    ///
    /// - Returns: Whether it was there, and with that had been moved, in every one of them.
    public func move(path: String, to other: String) throws(LinuxError) -> Bool {
        let from = try Self.components(of: path).joined(separator: "/")
        let to = try Self.components(of: other).joined(separator: "/")
        var isWhole = !legacyRoots.isEmpty
        for root in legacyRoots {
            do {
                try systemCall("rename", path: "\(root)/\(from)") { rename("\(root)/\(from)", "\(root)/\(to)") }
                failpoint(.cgroupMoved, other)
            } catch let error where error.errno == ENOENT {
                isWhole = false
            }
        }
        return isWhole
    }

    /// The file that limits the processes of a cgroup on v1; nil where that is done on v2 or not at all.
    public func legacyPidsFile(path: String) throws(LinuxError) -> String? {
        guard let (directory, version) = try directory(of: path, for: .pids), version == .v1 else { return nil }
        return "\(directory)/pids.max"
    }
}
