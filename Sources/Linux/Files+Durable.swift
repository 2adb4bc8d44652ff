import Failpoints
import Glibc

/// Replaces a file so that after a crash at any instant, of the process or of the machine, either the old content or
/// the new one is there, whole: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// Two writers of one path at the same time are the caller's to exclude.
public func writeDurably(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(LinuxError) {
    let temporary = "\(path).tmp"
    do {
        let file = try Descriptor(opening: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
        failpoint(.durableWriteBegun, path)
        // A file left by a crash, or the umask, may have given it another mode.
        try systemCall("fchmod", path: temporary) { fchmod(file.raw, mode) }
        try writeAll(file.raw, bytes, path: temporary)
        try systemCall("fsync", path: temporary) { fsync(file.raw) }
        failpoint(.durableWriteSynced, path)
        try systemCall("rename", path: path) { rename(temporary, path) }
        failpoint(.durableWriteRenamed, path)
    } catch {
        unlink(temporary)
        throw error
    }
    try syncDirectory(parentDirectory(of: path))
}

/// Replaces a text file as `writeDurably` does.
public func writeDurably(_ path: String, text: String, mode: mode_t = 0o600) throws(LinuxError) {
    try writeDurably(path, Array(text.utf8), mode: mode)
}

/// Removes a file and makes the removal survive a crash; nothing happens when there is none.
public func removeDurably(_ path: String) throws(LinuxError) {
    do {
        try systemCall("unlink", path: path) { unlink(path) }
    } catch let error where error.errno == ENOENT {
        return
    }
    try syncDirectory(parentDirectory(of: path))
}

/// Makes the names in a directory survive a crash.
public func syncDirectory(_ path: String) throws(LinuxError) {
    let directory = try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    try systemCall("fsync", path: path) { fsync(directory.raw) }
}
