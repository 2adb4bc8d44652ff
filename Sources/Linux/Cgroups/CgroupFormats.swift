import Glibc

/// Reads a control file that holds one number.
func readCounter(_ path: String) throws(LinuxError) -> UInt64 {
    guard let value = UInt64(try readText(path).trimmed) else {
        throw LinuxError("read", path: path, errno: EBADMSG, detail: "expected a number")
    }
    return value
}

/// Reads one value of a control file of lines `KEY VALUE`; 0 when the key is missing.
func readKeyed(_ path: String, key: String) throws(LinuxError) -> UInt64 {
    for line in try readText(path).split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 2, words[0] == key, let value = UInt64(words[1]) { return value }
    }
    return 0
}

/// Reads a control file of words between spaces or lines: controllers, process ids.
func readWords(_ path: String) throws(LinuxError) -> [String] {
    try readText(path).split { $0.isWhitespace }.map(String.init)
}

extension String {
    fileprivate var trimmed: Substring {
        var rest = self[...]
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return rest
    }
}

/// A mounted cgroup hierarchy, out of `/proc/PID/mountinfo`: see proc_pid_mountinfo(5).
struct CgroupMount: Hashable {
    var path: String
    var version: CgroupVersion
    /// The v1 controllers of the hierarchy; empty on v2.
    var controllers: [String]

    /// The cgroup mounts at a path or below it, in the order they were mounted.
    static func parse(_ mountInfo: String, below root: String) -> [CgroupMount] {
        mountInfo.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            // ... (5) mount point, (6) options, any number of optional fields, "-", type, source, super options
            guard words.count > 5, let separator = words.firstIndex(of: "-"), separator + 3 < words.count else {
                return nil
            }
            let path = unescape(words[4])
            guard path == root || path.hasPrefix(root.hasSuffix("/") ? root : root + "/") else { return nil }
            switch words[separator + 1] {
            case "cgroup2": return CgroupMount(path: path, version: .v2, controllers: [])
            case "cgroup":
                let options = words[separator + 3].split(separator: ",").map(String.init)
                return CgroupMount(path: path, version: .v1, controllers: options)
            default: return nil
            }
        }
    }

    /// Undoes mountinfo's octal escapes of space, tab, newline and backslash.
    private static func unescape(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(value)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
