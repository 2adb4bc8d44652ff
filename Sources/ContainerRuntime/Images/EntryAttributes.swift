import CLinux
import Glibc
import Linux

/// Owner, mode, times and extended attributes of an archive's entry, and how they get onto a file.
struct EntryAttributes {
    private let entry: ArchiveEntry
    private let path: ArchivePath

    init(_ entry: ArchiveEntry, _ path: ArchivePath) {
        self.entry = entry
        self.path = path
    }

    /// Sets everything but the times of an open file or directory. The owner first: changing it takes the setuid bit
    /// and the file capabilities away (chown(2)).
    func apply(to file: borrowing Descriptor) throws(RuntimeError) {
        let raw = file.raw
        let (owner, group) = try owner()
        try call("fchown", path) { fchown(raw, owner, group) }
        let permissions = entry.permissions
        try call("fchmod", path) { fchmod(raw, permissions) }
        try entry.extendedAttributes { (name, value) throws(RuntimeError) in
            guard isKept(String(cString: name)) else { return }
            try set(name, value, of: raw)
        }
    }

    /// Sets owner, mode and times of a link, device or fifo that was just made under a name.
    func apply(to name: [CChar], in parent: Int32) throws(RuntimeError) {
        let (owner, group) = try owner()
        try call("fchownat", path) { fchownat(parent, name, owner, group, AT_SYMLINK_NOFOLLOW) }
        if entry.type != S_IFLNK {
            let permissions = entry.permissions
            try call("fchmodat", path) { fchmodat(parent, name, permissions, 0) }
        }
        let times = bothTimes(entry.modified)
        try call("utimensat", path) { utimensat(parent, name, times, AT_SYMLINK_NOFOLLOW) }
    }

    /// Sets the times; last, because writing changes them.
    func setTimes(of file: borrowing Descriptor) throws(RuntimeError) {
        try setModified(entry.modified, of: file, path: path)
    }

    private func owner() throws(RuntimeError) -> (uid_t, gid_t) {
        // 2^32 - 1 means "leave it" to chown(2); larger ones would wrap around, to root for 2^32 (CVE-2024-40635).
        guard let owner = uid_t(exactly: entry.userID), let group = gid_t(exactly: entry.groupID),
            owner != .max, group != .max
        else {
            throw RuntimeError(
                .badImage, "entry \(path.text): owner \(entry.userID):\(entry.groupID) is no user and group id")
        }
        return (owner, group)
    }

    /// File capabilities and users' attributes are an image's to give. `trusted.*` and `user.overlay.*` would
    /// control the overlay that the layer becomes part of, `system.*` and the rest of `security.*` is the node's.
    private func isKept(_ name: String) -> Bool {
        name == "security.capability" || (name.hasPrefix("user.") && !name.hasPrefix("user.overlay."))
    }

    private func set(
        _ name: UnsafePointer<CChar>, _ value: UnsafeRawBufferPointer, of file: Int32
    ) throws(RuntimeError) {
        do throws(LinuxError) {
            try systemCall("fsetxattr \(String(cString: name))", path: path.text, ignoring: EOPNOTSUPP) {
                unpack_fsetxattr(file, name, value.baseAddress, value.count)
            }
        } catch {
            let isArchives = [EINVAL, ERANGE, E2BIG].contains(error.errno)
            throw isArchives ? RuntimeError(.badImage, "entry \(error)") : RuntimeError(storing: error)
        }
    }
}

/// Sets both times of an open file or directory.
func setModified(_ time: timespec, of file: borrowing Descriptor, path: ArchivePath) throws(RuntimeError) {
    let raw = file.raw
    let times = bothTimes(time)
    try call("futimens", path) { futimens(raw, times) }
}

private func bothTimes(_ time: timespec) -> [timespec] {
    let valid = timespec(tv_sec: time.tv_sec, tv_nsec: min(max(time.tv_nsec, 0), 999_999_999))
    return [valid, valid]
}
