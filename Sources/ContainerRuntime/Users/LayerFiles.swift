import CLinux
import Glibc
import Linux

/// Reads files of an image without mounting it: layer by layer, as overlayfs would find them
/// (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories"). The content is not trusted.
struct LayerFiles {
    /// The most that is read of a file.
    static let longestFile = 4 << 20

    /// The layers' directories, the top one first.
    let layers: [String]

    /// The content of `DIRECTORY/NAME`; nil when the image has no such file.
    func read(directory: String, name: String) throws(RuntimeError) -> [UInt8]? {
        do {
            for layer in layers {
                let root = try Descriptor(opening: layer, flags: linux_o_path | O_DIRECTORY)
                switch try find("/\(directory)/\(name)", in: root.raw) {
                case .file(let content): return content
                case .hidden: return nil
                case .absent: break
                }
                if try hidesLower("/\(directory)", in: root.raw) { return nil }
            }
            return nil
        } catch {
            throw RuntimeError(.badImage, "read /\(directory)/\(name) of the image: \(error)")
        }
    }

    private enum Finding {
        case file([UInt8])
        case hidden
        case absent
    }

    private func find(_ path: String, in root: Int32) throws(LinuxError) -> Finding {
        guard let found = try open(path, in: root, flags: 0) else { return .absent }
        defer { close(found) }
        var status = stat()
        try systemCall("fstat", path: path) { fstat(found, &status) }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            let file = try Descriptor(opening: "/proc/self/fd/\(found)", flags: O_RDONLY)
            return .file(try readAll(file.raw, path: path, limit: Self.longestFile))
        default: return .hidden  // A whiteout, or nothing that could be read as a file.
        }
    }

    /// Whether a layer removes a directory of the layers below it, or replaces it as a whole.
    private func hidesLower(_ path: String, in root: Int32) throws(LinuxError) -> Bool {
        guard let found = try open(path, in: root, flags: O_NOFOLLOW) else { return false }
        defer { close(found) }
        var status = stat()
        try systemCall("fstat", path: path) { fstat(found, &status) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return status.st_mode & S_IFMT == S_IFCHR }
        return linux_is_opaque("/proc/self/fd/\(found)") == 1
    }

    private func open(_ path: String, in root: Int32, flags: Int32) throws(LinuxError) -> Int32? {
        do {
            return try systemCall("openat2", path: path) {
                linux_open_in_root(root, path, UInt64(linux_o_path | flags))
            }
        } catch  where error.errno == ENOENT || error.errno == ENOTDIR {
            return nil
        }
    }
}
