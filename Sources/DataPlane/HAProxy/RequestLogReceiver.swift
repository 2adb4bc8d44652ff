import CLinux
import Glibc
import Linux
import Proxy
import Threads

/// Receives HAProxy's log: one thread, a connection for each process of HAProxy, each with a buffer on HAProxy's side.
final class RequestLogReceiver: Sendable {
    private let listener: Int32
    private let wake: Pipe
    private let deliver: @Sendable ([RequestRecord]) -> Void
    private let thread = Monitor<Thread?>(nil)
    /// How many milliseconds lines may gather: under load there are tens of thousands in a second, and waking for each would take
    /// more of the machine than reading them. HAProxy writes many at once when its stream is full meanwhile.
    private static let gathering: Int32 = 50

    /// Listens; `start` begins to receive.
    ///
    /// - Parameters:
    ///   - owner: who may connect, beside root.
    ///   - deliver: gets the requests, many at once, on the receiving thread.
    init(path: String, owner: uid_t, deliver: @escaping @Sendable ([RequestRecord]) -> Void) throws(LinuxError) {
        listener = try UnixSocket.listen(path: path)
        self.deliver = deliver
        wake = try Pipe()
        try systemCall("chown", path: path) { chown(path, owner, 0) }
    }

    func start() throws {
        let receiving = try Thread { [self] in
            do {
                try run()
            } catch {
                // Without the log nothing is counted; service goes on.
                return
            }
        }
        thread.change { $0 = receiving }
    }

    /// Ends the thread; what HAProxy logs from now on stays with it until somebody listens again.
    func stop() {
        _ = write(wake.writing, [1], 1)
        let thread = thread.change { thread in
            defer { thread = nil }
            return thread
        }
        thread?.join()
        wake.close()
        close(listener)
    }

    private func run() throws(LinuxError) {
        let loop = try EventLoop()
        var (isOver, hasRead) = (false, false)
        var connections: [Int32: LogConnection] = [:]
        defer { for descriptor in connections.keys { close(descriptor) } }
        _ = try loop.add(wake.reading) { _ in isOver = true }
        _ = try loop.add(listener) { [deliver, listener] _ in
            let descriptor = linux_accept(listener)
            guard descriptor >= 0 else { return }
            let connection = LogConnection(descriptor)
            connection.token = try? loop.add(descriptor) { _ in
                let (records, isOpen) = connection.receive()
                hasRead = true
                if !records.isEmpty { deliver(records) }
                if isOpen { return }
                if let token = connection.token { loop.remove(token) }
                connections[descriptor] = nil
                close(descriptor)
            }
            connections[descriptor] = connection
        }
        while !isOver {
            try loop.turn()
            if hasRead { poll(nil, 0, Self.gathering) }
            hasRead = false
        }
    }
}

/// One process's stream of lines. Only for the receiving thread.
private final class LogConnection {
    private let descriptor: Int32
    private var reader = RequestLogReader()
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)
    var token: EventLoop.Token?

    init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// What has come, and whether there can be more.
    func receive() -> (records: [RequestRecord], isOpen: Bool) {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 { return ([], errno == EAGAIN || errno == EINTR) }
        if count == 0 { return ([], false) }
        let records = reader.take(buffer[..<count])
        return (records, !reader.isBroken)
    }
}
