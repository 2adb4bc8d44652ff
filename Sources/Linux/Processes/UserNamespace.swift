import CLinux
import Glibc

/// The user ids, and the group ids of the same numbers, that a pod has on the node: 65,536 of them, so that no two pods,
/// and no pod and anything else, share an owner of files or of processes.
public struct UserRange: Codable, Sendable, Hashable {
    /// How many ids a range has: 0 to 65535, which is what images use.
    public static let count: UInt32 = 65_536
    /// The id on the node that is 0, root, in the pod.
    public let first: UInt32

    /// The range that begins at an id.
    public init(first: UInt32) { self.first = first }

    /// The id on the node of an id in the pod.
    public func onNode(_ id: UInt32) -> UInt32 { first + id }

    /// The content of `uid_map` and `gid_map`, see user_namespaces(7).
    var map: String { "0 \(first) \(Self.count)" }
}

extension UserRange: CustomStringConvertible {
    /// `FIRST-LAST`, the ids on the node.
    public var description: String { "\(first)-\(first + Self.count - 1)" }
}

/// A user namespace, kept by its descriptor.
public enum UserNamespace {
    /// Makes a user namespace with a range of ids. This process stays in its own.
    ///
    /// - Parameters:
    ///   - entering: namespaces (`CLONE_NEW*`) that are made with it, belong to it, and become those of this process, which
    ///     must have one thread.
    /// - Returns: its descriptor, which the caller closes.
    public static func make(_ range: UserRange, entering: Int32 = 0) throws(LinuxError) -> Int32 {
        var holder = linux_holder()
        do {
            try systemCall("clone3") { linux_hold_namespaces(UInt64(UInt32(bitPattern: entering)), &holder) }
        } catch {
            // ENOSPC in user_namespaces(7); the words of strerror(3) speak of a disk.
            guard error.errno == ENOSPC else { throw error }
            throw LinuxError(
                "make a user namespace", path: "/proc/sys/user/max_user_namespaces", errno: EUSERS,
                detail: "the kernel allows no more; raise the number in it, or set security.userNamespace: false")
        }
        defer { linux_release_holder(&holder) }
        let process = "/proc/\(holder.process)"
        try writeFile("\(process)/gid_map", range.map)
        try writeFile("\(process)/uid_map", range.map)
        let namespace = try Descriptor(opening: "\(process)/ns/user", flags: O_RDONLY)
        if entering != 0 { try systemCall("setns") { linux_join(holder.pidfd, entering) } }
        return namespace.release()
    }

    /// Whether the file system of a directory can show other owners than it stores.
    ///
    /// - Throws: `EINVAL` when it cannot.
    public static func checkMapping(of path: String, _ range: UserRange) throws(LinuxError) {
        let namespace = try Descriptor(owning: make(range))
        try systemCall("mount_setattr", path: path) { linux_can_map(path, namespace.raw) }
    }
}
