import CLinux
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

/// Replaces a file so that whoever looks, also after this process was killed, finds the old content or the new one, whole.
/// What a machine that loses its power keeps of it is left open: that costs a wait for the disk, see `writeDurably`.
public func writeWhole(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(LinuxError) {
    let temporary = "\(path).tmp"
    do {
        let file = try Descriptor(opening: temporary, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
        failpoint(.durableWriteBegun, path)
        try systemCall("fchmod", path: temporary) { fchmod(file.raw, mode) }
        try writeAll(file.raw, bytes, path: temporary)
        try systemCall("rename", path: path) { rename(temporary, path) }
        failpoint(.durableWriteRenamed, path)
    } catch {
        unlink(temporary)
        throw error
    }
}

/// Writes a file that is not there yet, once and for good. A crash before the return may leave a part of it, so the content
/// must show whether it is whole; after the return neither file nor name is lost.
///
/// One wait for the disk instead of two: where the file system is one of which it is known that a new file's fsync also
/// makes its name lasting, the directory is not synced in addition.
public func writeOnce(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(LinuxError) {
    let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    failpoint(.durableWriteBegun, path)
    try writeAll(file.raw, bytes, path: path)
    try systemCall("fsync", path: path) { fsync(file.raw) }
    failpoint(.durableWriteSynced, path)
    if !namesAreSyncedWithFiles.contains(linux_file_system(file.raw)) { try syncDirectory(parentDirectory(of: path)) }
}

/// The magic numbers of ext4, XFS, Btrfs and F2FS, see statfs(2). All four write a new file's directory entry in the
/// transaction, or the log, that its fsync waits for.
private let namesAreSyncedWithFiles: Set<Int> = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010]

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

/// Has two files or directories of one file system change places in one instant, and makes that survive a crash.
public func exchangeDurably(_ one: String, _ other: String) throws(LinuxError) {
    try systemCall("renameat2", path: one) { linux_exchange(one, other) }
    failpoint(.directoriesExchanged, other)
    try syncDirectory(parentDirectory(of: one))
    try syncDirectory(parentDirectory(of: other))
}
