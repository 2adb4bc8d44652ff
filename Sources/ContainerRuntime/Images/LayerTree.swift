import CLinux
import Glibc
import Linux

/// The directory that a layer is unpacked into. Every path is resolved by the kernel with the directory as its root
/// (openat2(2), RESOLVE_IN_ROOT), so that no `..`, no absolute path and no symbolic link that an archive has made leads
/// out of it; the last component is never followed.
struct LayerTree {
    let root: Int32
    /// Directories that hide what lower layers have in them.
    private(set) var opaquePaths: Set<ArchivePath> = []

    init(root: Int32) { self.root = root }

    /// Directories that hide what lower layers have in them, in order.
    var opaque: [ArchivePath] { opaquePaths.sorted { $0.text < $1.text } }

    /// Opens a directory, which may be reached over symbolic links within the tree; nil when it is not there.
    static func open(
        _ path: ArchivePath, root: Int32, flags: Int32 = unpack_o_path
    ) throws(RuntimeError) -> Descriptor? {
        let resolve =
            UInt64(LINUX_RESOLVE_IN_ROOT) | UInt64(LINUX_RESOLVE_NO_MAGICLINKS) | UInt64(LINUX_RESOLVE_NO_XDEV)
        do throws(LinuxError) {
            return Descriptor(
                owning: try systemCall("openat2", path: path.text) {
                    linux_openat2(root, path.cString, UInt64(flags | O_DIRECTORY | O_CLOEXEC), 0, resolve)
                })
        } catch {
            if error.errno == ENOENT || error.errno == ENOTDIR { return nil }
            guard error.errno == ELOOP || error.errno == EXDEV else { throw RuntimeError(storing: error) }
            throw RuntimeError(.badImage, "entry \(path.text): its path cannot be resolved within the layer")
        }
    }

    /// Opens a directory and makes those that are missing on the way to it.
    mutating func directory(_ path: ArchivePath) throws(RuntimeError) -> Descriptor {
        if let directory = try Self.open(path, root: root) { return directory }
        for count in 1...max(1, path.components.count) { try makeImplied(path.prefix(count)) }
        guard let directory = try Self.open(path, root: root) else { throw Self.blocked(path) }
        return directory
    }

    private mutating func makeImplied(_ path: ArchivePath) throws(RuntimeError) {
        if try Self.open(path, root: root) != nil { return }
        guard let name = path.last, let parent = try Self.open(path.parent, root: root) else {
            throw Self.blocked(path)
        }
        try makeDirectory(path, cString(name), in: parent, mode: 0o755)
    }

    private static func blocked(_ path: ArchivePath) -> RuntimeError {
        RuntimeError(.badImage, "entry \(path.text): something that is no directory is in its path")
    }

    /// Makes a directory. One that is there stays; over a whiteout it hides what lower layers have.
    mutating func makeDirectory(
        _ path: ArchivePath, _ name: [CChar], in parent: borrowing Descriptor, mode: mode_t
    ) throws(RuntimeError) {
        let raw = parent.raw
        if let status = Self.status(name, in: raw) {
            if status.st_mode & S_IFMT == S_IFDIR { return }
            guard Self.isWhiteout(status) else { throw Self.blocked(path) }
            try storing { () throws(LinuxError) in
                try systemCall("unlinkat", path: path.text) { unlinkat(raw, name, 0) }
            }
            opaquePaths.insert(path)
        }
        try storing { () throws(LinuxError) in try systemCall("mkdirat", path: path.text) { mkdirat(raw, name, mode) } }
    }

    /// Has a directory hide what lower layers have in it.
    mutating func makeOpaque(_ path: ArchivePath) throws(RuntimeError) {
        _ = try directory(path)
        opaquePaths.insert(path)
    }

    /// Hides a name of the lower layers. What this layer itself has under that name stays (image-spec v1.1, layer.md,
    /// "Whiteouts"): a file hides it anyway, a directory has to be opaque for it.
    mutating func whiteOut(_ path: ArchivePath) throws(RuntimeError) {
        guard let last = path.last else { return }
        let name = cString(last)
        let parent = try directory(path.parent)
        if let status = Self.status(name, in: parent.raw) {
            if status.st_mode & S_IFMT == S_IFDIR { opaquePaths.insert(path) }
            return
        }
        let raw = parent.raw
        try storing { () throws(LinuxError) in
            try systemCall("mknodat", path: path.text) { mknodat(raw, name, S_IFCHR, 0) }
        }
    }

    /// Removes what is there under a name, if anything, to make room for another entry.
    mutating func clear(_ path: ArchivePath, _ name: [CChar], in parent: borrowing Descriptor) throws(RuntimeError) {
        let raw = parent.raw
        let removedDirectory = try storing { () throws(LinuxError) in try remove(name, in: raw, path: path.text) }
        guard removedDirectory else { return }
        opaquePaths = opaquePaths.filter { $0.prefix(path.components.count) != path }
    }

    static func status(_ name: [CChar], in parent: Int32) -> stat? {
        var status = stat()
        return fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
    }

    /// A character device 0:0 is overlayfs's whiteout (Documentation/filesystems/overlayfs.rst).
    static func isWhiteout(_ status: stat) -> Bool { status.st_mode & S_IFMT == S_IFCHR && status.st_rdev == 0 }
}

/// Removes a name with all that is below it without following any link; whether it was a directory.
private func remove(_ name: [CChar], in parent: Int32, path: String) throws(LinuxError) -> Bool {
    if unlinkat(parent, name, 0) == 0 || errno == ENOENT { return false }
    guard errno == EISDIR || errno == EPERM else { throw LinuxError.last("unlinkat", path: path) }
    let directory = Descriptor(
        owning: try systemCall("openat", path: path) {
            openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        })
    for child in try names(in: directory.raw, path: path) { _ = try remove(child, in: directory.raw, path: path) }
    try systemCall("unlinkat", path: path) { unlinkat(parent, name, AT_REMOVEDIR) }
    return true
}

/// The names in a directory, as bytes.
private func names(in directory: Int32, path: String) throws(LinuxError) -> [[CChar]] {
    let copy = try systemCall("openat", path: path) { openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard let stream = fdopendir(copy) else {
        let error = LinuxError.last("fdopendir", path: path)
        close(copy)
        throw error
    }
    defer { closedir(stream) }
    var result: [[CChar]] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            bytes.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } + [0]
        }
        if name != Array(".".utf8CString), name != Array("..".utf8CString) { result.append(name) }
    }
    return result
}
