import Glibc
import Linux

/// One client of an HTTP server: a plain socket, and every doubt about an answer counts as a failure. It asks nothing twice.
final class RequestClient {
    /// Why a request has failed.
    struct Failure: Error, CustomStringConvertible {
        var description: String
        /// Whether the server closed a connection that had served before, instead of beginning to answer. A server may close
        /// one that waits for its next request at any time, and clients ask again when that meets a request on its way (RFC 9112,
        /// section 9.3.1).
        var isClosedWhileIdle = false
    }

    private let server: sockaddr_in
    private var connection: Int32?
    /// How many requests the connection has served.
    private var served = 0
    private var buffer = [UInt8](repeating: 0, count: 8192)

    init(_ address: String, port: UInt16) throws {
        var server = sockaddr_in()
        server.sin_family = sa_family_t(AF_INET)
        server.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &server.sin_addr) == 1 else {
            throw BenchmarkError("\(address) is no address")
        }
        self.server = server
    }

    deinit { disconnect() }

    /// Makes a request and reads the whole answer.
    ///
    /// - Parameter closing: whether the connection is for this request only.
    func request(_ path: String, closing: Bool) throws(Failure) {
        if closing { disconnect() }
        do {
            let connection = try connected()
            try send(path, closing: closing, on: connection)
            let staysOpen = try receive(connection)
            served += 1
            if closing || !staysOpen { disconnect() }
        } catch {
            let place = "\(path), request \(served + 1) of its connection"
            let mayBeAskedAgain = error.isClosedWhileIdle && served > 0
            disconnect()
            throw Failure(description: "\(place): \(error.description)", isClosedWhileIdle: mayBeAskedAgain)
        }
    }

    private func connected() throws(Failure) -> Int32 {
        if let connection { return connection }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failed("socket") }
        connection = descriptor
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let code = withUnsafePointer(to: server) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw failed("connect") }
        return descriptor
    }

    private func send(_ path: String, closing: Bool, on connection: Int32) throws(Failure) {
        let request = "GET \(path) HTTP/1.1\r\nHost: bench\r\n\(closing ? "Connection: close\r\n" : "")\r\n"
        let count = request.utf8.count
        let sent = request.withCString { Glibc.send(connection, $0, count, Int32(MSG_NOSIGNAL)) }
        guard sent == count else {
            let isClosed = errno == EPIPE || errno == ECONNRESET
            var failure = failed("send")
            failure.isClosedWhileIdle = isClosed
            throw failure
        }
    }

    /// Reads an answer; whether the connection stays open after it.
    private func receive(_ connection: Int32) throws(Failure) -> Bool {
        var count = 0
        while true {
            let got = buffer.withUnsafeMutableBytes {
                recv(connection, $0.baseAddress?.advanced(by: count), $0.count - count, 0)
            }
            if got < 0 {
                let isReset = errno == ECONNRESET
                var failure = failed("receive, after \(count) bytes")
                failure.isClosedWhileIdle = count == 0 && isReset
                throw failure
            }
            if got == 0 {
                throw Failure(
                    description: "the connection was closed after \(count) bytes of an answer",
                    isClosedWhileIdle: count == 0)
            }
            count += got
            guard let answer = Answer(buffer[..<count]) else { continue }
            guard answer.status == 200 else {
                throw Failure(description: "answer \(answer.status)")
            }
            if count >= answer.end { return !answer.closes }
        }
    }

    private func disconnect() {
        if let connection { close(connection) }
        connection = nil
        served = 0
    }

    private func failed(_ call: String) -> Failure {
        Failure(description: "\(call): \(String(cString: strerror(errno)))")
    }
}

/// The head of an answer.
private struct Answer {
    let status: Int
    /// Where the body ends.
    let end: Int
    /// Whether the server closes the connection.
    let closes: Bool

    /// Reads a head; nil when there is more of it to come.
    init?(_ bytes: ArraySlice<UInt8>) {
        var newlines = 0
        guard
            let last = bytes.firstIndex(where: { byte in
                if byte == 0x0A { newlines += 1 } else if byte != 0x0D { newlines = 0 }
                return newlines == 2
            })
        else { return nil }
        var length = 0
        var closes = false
        status = bytes.dropFirst(9).prefix(3).reduce(0) { $0 * 10 + Int($1 & 0x0F) }
        for line in bytes[...last].split(separator: 0x0A).dropFirst() {
            // A letter in either case has this bit or has not, and nothing else of these names differs by it.
            let text = line.map { $0 | 0x20 }
            if text.starts(with: "content-length: ".utf8) {
                length = line.dropFirst(16).prefix { $0 != 0x0D }.reduce(0) { $0 * 10 + Int($1 & 0x0F) }
            }
            if text.starts(with: "connection: close".utf8) { closes = true }
        }
        end = last + 1 + length
        self.closes = closes
    }
}
