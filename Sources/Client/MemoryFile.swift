internal import CCurl
internal import Glibc

/// A text in memory that has a path, for a library that takes paths only; gone with this object.
final class MemoryFile: Sendable {
    private let descriptor: Int32
    /// The path, good in this process.
    var path: String { "/proc/self/fd/\(descriptor)" }

    init(_ text: String) throws(ClientError) {
        descriptor = martlet_memory_file("martlet-credentials")
        guard descriptor >= 0 else {
            throw .configuration("cannot hold credentials in memory: \(String(cString: strerror(errno)))")
        }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                close(descriptor)
                throw .configuration("cannot hold credentials in memory: \(String(cString: strerror(errno)))")
            }
            written += count
        }
    }

    deinit { close(descriptor) }
}
