import CLinux
import Failpoints
import Glibc

/// How deep `removeTree` descends before it moves what is deeper to the top; each level holds a descriptor.
private let maximumDepth = 32

/// Removes a file or a directory with everything in it; nothing happens when there is none.
///
/// The content may be hostile, and may change while it is removed: no symbolic link is followed, no other mount is
/// entered (`EXDEV`), and a tree of any depth needs only a few descriptors.
public func removeTree(_ path: String) throws(LinuxError) {
    var status = stat()
    do {
        try systemCall("lstat", path: path) { lstat(path, &status) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            try systemCall("unlink", path: path, ignoring: ENOENT) { unlink(path) }
            return
        }
        let top = try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        try TreeRemoval(top: top.raw, path: path).run()
        failpoint(.treeEmptied, path)
        try systemCall("rmdir", path: path) { rmdir(path) }
    } catch let error where error.errno == ENOENT {
        return
    }
}

/// A directory's entry as getdents(2) gives it.
struct DirectoryEntry {
    /// Its name as the kernel has it, with the terminating NUL: any bytes, not always text.
    var bytes: [CChar]
    /// Its name as text; bytes that are not UTF-8 become U+FFFD, so this does not always lead back to the entry.
    var name: String { String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
    /// Whether it is known to be a directory; some file systems do not say.
    var isDirectory: Bool
}

/// The entries of an open directory without `.` and `..`, in no order. The descriptor's position is not changed.
func directoryEntries(_ descriptor: Int32, path: String) throws(LinuxError) -> [DirectoryEntry] {
    let own = try Descriptor(
        owning: systemCall("openat", path: path) { openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) })
    let raw = own.release()
    guard let stream = fdopendir(raw) else {
        let error = LinuxError.last("fdopendir", path: path)
        close(raw)
        throw error
    }
    defer { closedir(stream) }
    var entries: [DirectoryEntry] = []
    errno = 0
    while let entry = readdir(stream) {
        let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { name in
            name.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        }
        let result = DirectoryEntry(bytes: bytes, isDirectory: entry.pointee.d_type == UInt8(DT_DIR))
        if result.name != ".", result.name != ".." { entries.append(result) }
        errno = 0
    }
    if errno != 0 { throw LinuxError.last("readdir", path: path) }
    return entries
}

private struct TreeRemoval {
    var top: Int32
    var path: String

    /// Empties the top directory; each pass also removes what the pass before moved up from below `maximumDepth`.
    func run() throws(LinuxError) {
        var moved = 0
        repeat {
            let before = moved
            try empty(top, depth: 1, path: path, moved: &moved)
            if moved == before { return }
        } while true
    }

    private func empty(
        _ directory: Int32, depth: Int, path: String, moved: inout Int
    ) throws(LinuxError) {
        for entry in try directoryEntries(directory, path: path) {
            let full = "\(path)/\(entry.name)"
            let isGone = entry.isDirectory ? false : try unlinked(directory, entry.bytes, path: full)
            if !isGone {
                try removeDirectory(entry.bytes, of: directory, depth: depth, path: full, moved: &moved)
            }
            failpoint(.treeEntryRemoved, self.path)
        }
    }

    /// Whether the entry was unlinked; false when it is a directory.
    private func unlinked(_ directory: Int32, _ name: [CChar], path: String) throws(LinuxError) -> Bool {
        do {
            try systemCall("unlink", path: path, ignoring: ENOENT) { unlinkat(directory, name, 0) }
            return true
        } catch let error where error.errno == EISDIR || error.errno == EPERM {
            var status = stat()
            let code = fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW)
            if code == 0, status.st_mode & S_IFMT == S_IFDIR { return false }
            throw error
        }
    }

    private func removeDirectory(
        _ name: [CChar], of directory: Int32, depth: Int, path: String, moved: inout Int
    ) throws(LinuxError) {
        if unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT { return }
        if depth >= maximumDepth {
            return try moveUp(name, of: directory, path: path, moved: &moved)
        }
        let child = try Descriptor(owning: openBelow(directory, name, path: path))
        try empty(child.raw, depth: depth + 1, path: path, moved: &moved)
        try systemCall("rmdir", path: path, ignoring: ENOENT) { unlinkat(directory, name, AT_REMOVEDIR) }
    }

    /// Moves a directory to the top, under a name that the content may already use.
    private func moveUp(
        _ name: [CChar], of directory: Int32, path: String, moved: inout Int
    ) throws(LinuxError) {
        while true {
            moved += 1
            do {
                let target = ".martlet-removed-\(moved)"
                try systemCall("rename", path: path) { renameat(directory, name, top, target) }
                return
            } catch let error where [ENOTEMPTY, EEXIST, ENOTDIR].contains(error.errno) {
                continue
            }
        }
    }

    /// Opens a directory by its name, which is no symbolic link and no mount point: see openat2(2).
    private func openBelow(_ directory: Int32, _ name: [CChar], path: String) throws(LinuxError) -> Int32 {
        let resolve = UInt64(LINUX_RESOLVE_NO_XDEV) | UInt64(LINUX_RESOLVE_NO_SYMLINKS)
        return try systemCall("openat2", path: path) {
            linux_openat2(directory, name, UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0, resolve)
        }
    }
}
