import Failpoints
import Glibc
import Linux

/// What the runtime does to the machine, apart from what it asks of supervisors: the seam at which tests make the n-th
/// effect fail.
public protocol Kernel: Sendable {
    /// Makes a directory and those above it.
    func makeDirectories(_ path: String, mode: UInt32) throws(LinuxError)
    /// Replaces a file for good.
    func writeDurably(_ path: String, _ bytes: [UInt8]) throws(LinuxError)
    /// Replaces a file so that a process that dies leaves the old one or the new one; not for the end of the machine.
    func writeWhole(_ path: String, _ bytes: [UInt8]) throws(LinuxError)
    /// Gives a file or a directory another name.
    func rename(_ path: String, to other: String) throws(LinuxError)
    /// Removes whatever is at a path.
    func removeTree(_ path: String) throws(LinuxError)
    /// Makes a cgroup with its limits.
    func createCgroup(_ path: String, _ resources: CgroupResources) throws(LinuxError) -> CgroupHandle
    /// Gives a cgroup another name in its parent, in the v1 hierarchies; false when it is not in all of them.
    func moveCgroup(_ path: String, to other: String) throws(LinuxError) -> Bool
    /// Kills what runs in a cgroup and removes it with those below it.
    func removeCgroup(_ path: String) throws(LinuxError)
    /// Starts a process.
    func start(_ launch: Launch) throws(LaunchError) -> StartedProcess
}

/// The machine itself.
public struct LinuxKernel: Kernel {
    private let cgroups: CgroupDriver

    /// Uses the machine with these cgroup hierarchies.
    public init(cgroups: CgroupDriver) { self.cgroups = cgroups }

    /// See `Kernel`.
    public func makeDirectories(_ path: String, mode: UInt32) throws(LinuxError) {
        try Linux.makeDirectories(path, mode: mode)
    }
    /// See `Kernel`.
    public func writeDurably(_ path: String, _ bytes: [UInt8]) throws(LinuxError) {
        try Linux.writeDurably(path, bytes)
    }
    /// See `Kernel`.
    public func writeWhole(_ path: String, _ bytes: [UInt8]) throws(LinuxError) {
        try Linux.writeWhole(path, bytes)
    }
    /// See `Kernel`.
    public func rename(_ path: String, to other: String) throws(LinuxError) {
        try systemCall("rename", path: other) { Glibc.rename(path, other) }
        failpoint(.directoryRenamed, other)
    }
    /// See `Kernel`.
    public func removeTree(_ path: String) throws(LinuxError) { try Linux.removeTree(path) }
    /// See `Kernel`.
    public func createCgroup(_ path: String, _ resources: CgroupResources) throws(LinuxError) -> CgroupHandle {
        try cgroups.create(path: path, resources: resources)
    }
    /// See `Kernel`.
    public func moveCgroup(_ path: String, to other: String) throws(LinuxError) -> Bool {
        try cgroups.move(path: path, to: other)
    }
    /// See `Kernel`.
    public func removeCgroup(_ path: String) throws(LinuxError) { try cgroups.remove(path: path) }
    /// See `Kernel`.
    public func start(_ launch: Launch) throws(LaunchError) -> StartedProcess { try launch.start() }
}
