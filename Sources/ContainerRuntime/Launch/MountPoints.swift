import Glibc
import Linux

/// A layer below every image's, with the files and directories over which something is mounted in every container. With it an
/// image that lacks them needs no room for them in each container's own directory.
enum MountPoints {
    private static let directories = ["dev", "etc", "proc", "sys"]
    private static let files = ["etc/hostname", "etc/hosts", "etc/resolv.conf"]

    /// Makes the layer; what is there already is kept.
    static func make(at directory: String) throws(LinuxError) {
        for name in [""] + directories.map({ "/\($0)" }) {
            try makeDirectories(directory + name)
            // Whatever the umask here, any user of a container may look into it.
            try systemCall("chmod", path: directory + name) { chmod(directory + name, 0o755) }
        }
        for name in files {
            let path = "\(directory)/\(name)"
            _ = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT, mode: 0o644)
            try systemCall("chmod", path: path) { chmod(path, 0o644) }
        }
    }
}
