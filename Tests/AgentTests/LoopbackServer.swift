import Glibc
import Testing
import Threads

/// A server on a loopback port that the kernel chose, which serves one connection after the other on a thread.
final class LoopbackServer: Sendable {
    let port: Int
    private let listener: Int32
    private let thread: Thread?

    /// Listens.
    ///
    /// - Parameter serve: what to do with a connection, which is closed behind it; without one, connections are refused.
    init(_ serve: (@Sendable (Int32) -> Void)?) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(isBound)
        port = Int(UInt16(bigEndian: address.sin_port))
        self.listener = listener
        guard let serve else {
            thread = nil
            return
        }
        try #require(listen(listener, 512) == 0)
        thread = try Thread {
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                serve(connection)
                close(connection)
            }
        }
    }

    /// Ends the thread once the connection under way is done.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        thread?.join()
        close(listener)
    }
}

/// Reads until some bytes have come or the peer has gone; returns everything.
@discardableResult
func receive(_ connection: Int32, until end: String?) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while end.map({ !String(decoding: bytes, as: UTF8.self).contains($0) }) ?? true {
        let count = recv(connection, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        bytes += buffer.prefix(count)
    }
    return bytes
}

/// Sends everything.
func send(_ bytes: [UInt8], to connection: Int32) {
    var sent = 0
    while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
            send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        guard count > 0 else { return }
        sent += count
    }
}
