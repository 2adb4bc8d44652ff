import CLinux
import Glibc
import Linux

/// A client's connection to a supervisor. Requests wait for their answer, each step at most for a time. For one thread
/// at a time.
public final class SupervisorConnection {
    /// The connection; readable when an answer or an event has come.
    public let descriptor: Int32
    /// The supervisor's process id, from the kernel.
    public let supervisorPID: Int32
    private var buffer: [UInt8] = []
    private var received: [Int32] = []

    /// Connects to the supervisor that listens in a directory.
    ///
    /// - Throws: `ENOENT` or `ECONNREFUSED` when none does.
    public init(directory: String, seconds: Int = 10) throws(LinuxError) {
        let path = "\(directory)/\(SupervisorFiles.socket)"
        let connection = try Descriptor(owning: UnixSocket.connect(path: path, seconds: seconds))
        let peer = try UnixSocket.peer(connection.raw)
        guard peer.user == geteuid() else {
            throw LinuxError("connect", path: path, errno: EPERM, detail: "another user listens")
        }
        supervisorPID = peer.pid
        descriptor = connection.release()
    }

    deinit {
        close(descriptor)
        for descriptor in received { close(descriptor) }
    }

    /// Sends a request and returns the answer. Events that come before it are dropped.
    ///
    /// - Returns: The answer, and the descriptors that came with it, which the caller closes.
    public func request(
        _ request: SupervisorRequest, descriptors: [Int32] = []
    ) throws(LinuxError) -> (reply: SupervisorReply, descriptors: [Int32]) {
        let frame = Frame.encode(request)
        var sent = 0
        while sent < frame.count {
            let attached = sent == 0 ? descriptors : []
            sent += try FrameSocket.send(descriptor, frame[sent...], descriptors: attached, wait: true)
        }
        while true {
            let reply = try receive()
            if case .ended = reply { continue }
            defer { received = [] }
            return (reply, received)
        }
    }

    /// Waits for a message.
    public func receive() throws(LinuxError) -> SupervisorReply {
        while true {
            if let bytes = try Frame.take(from: &buffer) { return try Frame.decode(bytes) }
            let (bytes, descriptors) = try FrameSocket.receive(descriptor)
            received += descriptors
            if bytes.isEmpty { throw LinuxError("receive", errno: ECONNRESET, detail: "the supervisor has gone") }
            buffer += bytes
        }
    }
}
