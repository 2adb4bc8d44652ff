internal import CMicroHTTPD
internal import Glibc
import Synchronization
internal import Threads

/// A connection that speaks another protocol after 101 (RFC 9110 section 7.8).
///
/// The library could hand connections over itself, but with TLS version 0.9.75 then forwards four bytes at a time. So
/// the connection is suspended, which leaves its socket and its TLS session to this object, and is given back to be
/// closed when the handler has returned.
final class UpgradedConnection: Sendable {
    private struct State {
        var connection: ConnectionHandle?
        /// This side of the pair between the handler and TLS.
        var plain: Descriptor?
        var isInterrupted = false
    }

    private let registry: LiveRegistry
    private let head: [UInt8]
    private let handler: @Sendable (Int32, [UInt8]) -> Void
    private let state = Mutex(State())
    /// Held while the TLS session is used; the library frees the session soon after the connection is given back.
    private let session = Mutex(())

    init(
        registry: LiveRegistry, headers: [(name: String, value: String)],
        _ handler: @escaping @Sendable (Int32, [UInt8]) -> Void
    ) {
        self.registry = registry
        self.handler = handler
        // A line break in a value would let it add fields of its own.
        let fields = headers.filter { !"\($0.name)\($0.value)".contains(where: \.isNewline) }
        let lines =
            ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade"] + fields.map { "\($0.name): \($0.value)" }
        head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    /// Takes the connection over; called on its thread. False when it is to be closed instead.
    func begin(_ connection: ConnectionHandle) -> Bool {
        guard registry.enter(self) else { return false }
        let socket = connection.descriptor
        let tls = connection.tlsSession
        // Taken here: once the thread runs, the connection may be given back at any time.
        let copy = tls == nil ? fcntl(socket, F_DUPFD_CLOEXEC, 3) : -1
        ConnectionContext.sendAtOnce(socket)
        state.withLock { state in
            state.connection = connection
            connection.suspend()
        }
        let session = tls.map { TLSSession(pointer: $0) }
        do {
            try Thread.detach {
                if let session { self.relay(session.pointer, socket) } else { self.serve(copy) }
                self.end()
            }
        } catch {
            close(copy)
            end()
        }
        return true
    }

    /// Plain HTTP: the handler gets the socket itself.
    private func serve(_ copy: Int32) {
        // The library works with non-blocking descriptors; the handler has a thread to block.
        let flags = fcntl(copy, F_GETFL)
        guard flags >= 0, fcntl(copy, F_SETFL, flags & ~O_NONBLOCK) >= 0,
            send(copy, head, head.count, Int32(MSG_NOSIGNAL)) == head.count
        else {
            close(copy)
            return
        }
        handler(copy, [])
    }

    /// TLS: the handler gets one end of a pair and runs on a thread of its own, while this thread forwards.
    private func relay(_ tls: OpaquePointer, _ socket: Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else { return }
        let (mine, theirs) = (Descriptor(ends[0]), ends[1])
        state.withLock { $0.plain = mine }
        do {
            try Thread.detach {
                self.handler(theirs, [])
                // Whether or not the handler has closed its end: what it wrote is still forwarded, then comes the end.
                shutdown(mine.number, Int32(SHUT_RDWR))
            }
        } catch {
            close(theirs)
            return
        }
        session.withLock { _ in
            var relay = TLSRelay(session: tls, socket: socket, plain: mine.number, head: head)
            relay.run { self.state.withLock { $0.isInterrupted } }
        }
        shutdown(mine.number, Int32(SHUT_RDWR))
    }

    /// Gives the connection back to be closed, once.
    private func end() {
        state.withLock { state in
            guard let connection = state.connection else { return }
            state.connection = nil
            state.plain = nil
            shutdown(connection.descriptor, Int32(SHUT_RDWR))
            connection.resume()
        }
        registry.leave(self)
    }
}

extension UpgradedConnection: Interruptible {
    /// Whoever waits for the peer, on either side of TLS, reads the end.
    func interrupt() {
        state.withLock { state in
            state.isInterrupted = true
            if let connection = state.connection { shutdown(connection.descriptor, Int32(SHUT_RDWR)) }
            if let plain = state.plain { shutdown(plain.number, Int32(SHUT_RDWR)) }
        }
        session.withLock { _ in }
        end()
    }
}

/// A TLS session that belongs to a suspended connection. Unchecked because it is a pointer, and safe because it is used
/// under the connection's lock only.
private struct TLSSession: @unchecked Sendable {
    let pointer: OpaquePointer
}

/// A descriptor that is closed with its last user.
final class Descriptor: Sendable {
    let number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { close(number) }
}
