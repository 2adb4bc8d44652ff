import CLinux
import Glibc

/// Stream sockets of the unix domain, by path.
public enum UnixSocket {
    /// Listens at a path in the current directory, which may hold the socket of a process that has ended. Only the
    /// owner may connect. Non-blocking.
    public static func listen(name: String) throws(LinuxError) -> Int32 {
        let listener = try Descriptor(
            owning: systemCall("socket") { socket(AF_UNIX, streamType | nonBlocking, 0) })
        try systemCall("unlink", path: name, ignoring: ENOENT) { unlink(name) }
        let before = umask(0o177)
        defer { umask(before) }
        try withAddress(name) { (address, length) throws(LinuxError) in
            try systemCall("bind", path: name) { bind(listener.raw, address, length) }
        }
        try systemCall("listen", path: name) { Glibc.listen(listener.raw, 64) }
        return listener.release()
    }

    /// Connects to a path of any length. Blocking, each call at most for a time.
    public static func connect(path: String, seconds: Int) throws(LinuxError) -> Int32 {
        // The name in an address has room for 107 bytes: the directory goes through /proc.
        let directory = try Descriptor(opening: parentDirectory(of: path), flags: linux_o_path | O_DIRECTORY)
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        let connection = try Descriptor(owning: systemCall("socket") { socket(AF_UNIX, streamType, 0) })
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            let size = socklen_t(MemoryLayout<timeval>.size)
            try systemCall("setsockopt") { setsockopt(connection.raw, SOL_SOCKET, option, &limit, size) }
        }
        try withAddress("/proc/self/fd/\(directory.raw)/\(name)") { (address, length) throws(LinuxError) in
            try systemCall("connect", path: path) { Glibc.connect(connection.raw, address, length) }
        }
        return connection.release()
    }

    /// A connected pair of sockets.
    public static func pair() throws(LinuxError) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        try systemCall("socketpair") { socketpair(AF_UNIX, streamType, 0, &ends) }
        return (ends[0], ends[1])
    }

    /// Who is at the other end of a connection.
    public static func peer(_ connection: Int32) throws(LinuxError) -> (pid: Int32, user: UInt32) {
        var (pid, user): (pid_t, uid_t) = (0, 0)
        try systemCall("getsockopt") { linux_peer(connection, &pid, &user) }
        return (pid, user)
    }

    private static var streamType: Int32 { Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) }
    private static var nonBlocking: Int32 { Int32(SOCK_NONBLOCK.rawValue) }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(LinuxError) -> Void
    ) throws(LinuxError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw LinuxError("bind", path: path, errno: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                Result { () throws(LinuxError) in
                    try body(pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
        try result.get()
    }
}
