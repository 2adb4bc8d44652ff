import CLinux
import Glibc

/// Makes a directory and those on the way to it, below another one, unless something of the name is there.
///
/// No symbolic link is followed (`ELOOP`), not even one that appears meanwhile: whoever writes below `root` cannot have
/// anything made elsewhere.
public func makeDirectories(_ path: String, below root: String, mode: mode_t) throws(LinuxError) {
    var directory = try Descriptor(opening: root, flags: linux_o_path | O_DIRECTORY)
    var names = path.split(separator: "/").map(String.init)
    while !names.isEmpty {
        let name = names.removeFirst()
        guard name != "..", name != "." else { throw LinuxError("mkdir", path: path, errno: EINVAL) }
        try systemCall("mkdir", path: path, ignoring: EEXIST) { mkdirat(directory.raw, name, mode) }
        var status = stat()
        try systemCall("stat", path: path) { fstatat(directory.raw, name, &status, AT_SYMLINK_NOFOLLOW) }
        if status.st_mode & S_IFMT == S_IFLNK { throw LinuxError("mkdir", path: path, errno: ELOOP) }
        if names.isEmpty { return }
        let flags = linux_o_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        directory = Descriptor(owning: try systemCall("open", path: path) { openat(directory.raw, name, flags) })
    }
}
