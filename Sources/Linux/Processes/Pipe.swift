import CLinux
import Glibc

/// Both ends of a pipe, close-on-exec. Whoever takes an end closes it.
public struct Pipe: Sendable {
    /// The end that is read.
    public let reading: Int32
    /// The end that is written.
    public let writing: Int32

    /// Makes a pipe.
    public init() throws(LinuxError) {
        var ends: [Int32] = [-1, -1]
        try systemCall("pipe2") { linux_pipe(&ends, 0) }
        (reading, writing) = (ends[0], ends[1])
    }

    /// Closes both ends.
    public func close() {
        Glibc.close(reading)
        Glibc.close(writing)
    }
}

/// Makes reads and writes of a descriptor return `EAGAIN` instead of waiting. The flag belongs to the open file, which
/// other descriptors may share.
public func setNonBlocking(_ descriptor: Int32) throws(LinuxError) {
    try systemCall("fcntl") { linux_set_nonblocking(descriptor) }
}

/// Another descriptor of the same open file, close-on-exec and above the standard streams.
public func duplicate(_ descriptor: Int32) throws(LinuxError) -> Int32 {
    try systemCall("fcntl") { linux_duplicate(descriptor) }
}

/// Makes a file, or empties the one that is there, and writes a text; not durable.
public func writeFile(_ path: String, create text: String, mode: mode_t = 0o600) throws(LinuxError) {
    let file = try Descriptor(opening: path, flags: O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    try writeAll(file.raw, Array(text.utf8), path: path)
}
