import Glibc
import Linux
import Model

/// Copies one stream of a container's output to its log.
final class OutputPump {
    private static let largestChunk = 32 << 10

    private let descriptor: Int32
    private let log: LogWriter
    private var formatter: LogFormatter
    private let loop: EventLoop
    private var token: EventLoop.Token?

    /// Takes over a descriptor and reads it whenever there is output.
    init(_ descriptor: Int32, stream: String, log: LogWriter, loop: EventLoop) throws(LinuxError) {
        self.descriptor = descriptor
        self.log = log
        self.loop = loop
        formatter = LogFormatter(stream: stream)
        try setNonBlocking(descriptor)
        token = try loop.add(descriptor) { [weak self] _ in _ = self?.copyOnce() }
    }

    deinit { close(descriptor) }

    /// Copies what is there now; returns false when that was nothing.
    private func copyOnce() -> Bool {
        var count = 0
        // Neither kept nor cleared: most containers are silent most of the time, and memory that was touched stays.
        let chunk = [UInt8](unsafeUninitializedCapacity: Self.largestChunk) { buffer, initialized in
            count = read(descriptor, buffer.baseAddress, buffer.count)
            initialized = max(count, 0)
        }
        let error = errno
        if count > 0 {
            let entries = formatter.entries(for: chunk[...], at: Timestamp(nanoseconds: wallClock()))
            if !entries.isEmpty { log.write(entries) }
            return true
        }
        if count < 0, error == EAGAIN || error == EINTR { return error == EINTR }
        stop()  // The end; for a terminal EIO, as no process has it open any more.
        return false
    }

    /// Copies what is left once no process can write any more.
    func finish() {
        while token != nil, copyOnce() {}
        let rest = formatter.finish(at: Timestamp(nanoseconds: wallClock()))
        if !rest.isEmpty { log.write(rest) }
        stop()
    }

    private func stop() {
        if let token { loop.remove(token) }
        token = nil
    }
}
