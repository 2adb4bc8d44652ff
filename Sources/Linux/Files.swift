import Glibc

/// How many bytes of a kernel's control file are read at most. The largest that are read, `memory.stat` and
/// `/proc/self/mountinfo` of a busy node, stay well below.
public let kernelFileLimit = 4 << 20

/// Reads a whole file.
///
/// - Parameter limit: A longer file is an error (`EFBIG`), never a truncated result.
public func readFile(_ path: String, limit: Int = kernelFileLimit) throws(LinuxError) -> [UInt8] {
    let file = try Descriptor(opening: path, flags: O_RDONLY)
    return try readAll(file.raw, path: path, limit: limit)
}

/// Reads a whole file as text; bytes that are not UTF-8 become U+FFFD.
public func readText(_ path: String, limit: Int = kernelFileLimit) throws(LinuxError) -> String {
    String(decoding: try readFile(path, limit: limit), as: UTF8.self)
}

/// Reads a descriptor to its end.
///
/// - Parameter path: What the descriptor is, for the error.
public func readAll(_ descriptor: Int32, path: String, limit: Int) throws(LinuxError) -> [UInt8] {
    var content: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: min(max(limit, 1), 64 << 10))
    while true {
        let count = try systemCall("read", path: path) { read(descriptor, &chunk, chunk.count) }
        if count == 0 { return content }
        if content.count + count > limit { throw LinuxError("read", path: path, errno: EFBIG) }
        content += chunk[..<count]
    }
}

/// Writes a value to a kernel's control file (procfs, sysfs, cgroupfs) with one write(2), as these files demand.
public func writeFile(_ path: String, _ text: String) throws(LinuxError) {
    let file = try Descriptor(opening: path, flags: O_WRONLY)
    let bytes = Array(text.utf8)
    let count = try systemCall("write", path: path) { write(file.raw, bytes, bytes.count) }
    if count != bytes.count { throw LinuxError("write", path: path, errno: EIO) }
}

/// Writes bytes to a descriptor, all of them.
///
/// - Parameter path: What the descriptor is, for the error.
public func writeAll(_ descriptor: Int32, _ bytes: [UInt8], path: String) throws(LinuxError) {
    var written = 0
    while written < bytes.count {
        written += try systemCall("write", path: path) {
            bytes.withUnsafeBytes { write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written) }
        }
    }
}

/// Whether something has this path; a symbolic link counts as what it is, wherever it leads.
public func fileExists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
}

/// The names in a directory without `.` and `..`, sorted.
public func listDirectory(_ path: String) throws(LinuxError) -> [String] {
    let directory = try Descriptor(opening: path, flags: O_RDONLY | O_DIRECTORY)
    return try directoryEntries(directory.raw, path: path).map(\.name).sorted()
}

/// Makes a directory and the directories above it; those that are there stay as they are.
public func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(LinuxError) {
    do {
        try systemCall("mkdir", path: path) { mkdir(path, mode) }
    } catch let error where error.errno == EEXIST {
        return
    } catch let error where error.errno == ENOENT {
        let parent = parentDirectory(of: path)
        if parent == path { throw error }
        try makeDirectories(parent, mode: mode)
        try systemCall("mkdir", path: path, ignoring: EEXIST) { mkdir(path, mode) }
    }
}

/// The path without its last component: `/a` for `/a/b`, `/` for `/a`, `.` for `a`.
public func parentDirectory(of path: String) -> String {
    var path = path[...]
    while path.count > 1, path.last == "/" { path.removeLast() }
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}
