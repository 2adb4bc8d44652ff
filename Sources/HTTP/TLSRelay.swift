internal import CGnuTLS
internal import Glibc

/// Forwards between a TLS session and a plain socket, in both directions, on one thread: a session is not made for two.
struct TLSRelay {
    /// Bytes on their way in one direction.
    private struct Buffer {
        var bytes = [UInt8](repeating: 0, count: 16 << 10)
        var start = 0
        var end = 0
        var isEmpty: Bool { start == end }
    }

    /// For how long a peer may take nothing of what is left to send, in milliseconds.
    private static let patience: Int32 = 30_000

    private let session: OpaquePointer
    private let socket: Int32
    private let plain: Int32
    private var inbound = Buffer()
    private var outbound = Buffer()
    private var peerHasEnded = false
    private var handlerHasEnded = false

    /// - Parameters:
    ///   - session: an established session on a non-blocking socket.
    ///   - head: what is sent first.
    init(session: OpaquePointer, socket: Int32, plain: Int32, head: [UInt8]) {
        self.session = session
        self.socket = socket
        self.plain = plain
        outbound.bytes = head + outbound.bytes
        outbound.end = head.count
    }

    /// Forwards until either side has ended and what it left is delivered, or until it is interrupted, and then the
    /// session is left alone.
    mutating func run(_ isInterrupted: () -> Bool) {
        while true {
            if isInterrupted() { return }
            let hasMoved = [receive(), deliver(), take(), transmit()].contains(true)
            if peerHasEnded && inbound.isEmpty { return }
            if handlerHasEnded && outbound.isEmpty { break }
            guard hasMoved || wait() else { return }
        }
        // Says that nothing was cut off (RFC 8446 section 6.1); a peer that is gone need not hear it.
        gnutls_bye(session, GNUTLS_SHUT_WR)
    }

    /// From the peer.
    private mutating func receive() -> Bool {
        guard inbound.isEmpty, !peerHasEnded else { return false }
        let count = gnutls_record_recv(session, &inbound.bytes, inbound.bytes.count)
        if count > 0 {
            inbound.start = 0
            inbound.end = count
            return true
        }
        // A warning and a request to negotiate again end nothing.
        peerHasEnded = count == 0 || gnutls_error_is_fatal(Int32(count)) != 0
        return peerHasEnded
    }

    /// To the handler.
    private mutating func deliver() -> Bool {
        guard !inbound.isEmpty else { return false }
        let count = inbound.bytes[inbound.start..<inbound.end].withUnsafeBytes {
            send(plain, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        }
        if count > 0 {
            inbound.start += count
            return true
        }
        guard TLSRelay.isFinal(errno) else { return false }
        inbound.start = inbound.end
        handlerHasEnded = true
        return true
    }

    /// From the handler.
    private mutating func take() -> Bool {
        guard outbound.isEmpty, !handlerHasEnded else { return false }
        let count = recv(plain, &outbound.bytes, outbound.bytes.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            outbound.start = 0
            outbound.end = count
            return true
        }
        handlerHasEnded = count == 0 || TLSRelay.isFinal(errno)
        return handlerHasEnded
    }

    /// To the peer.
    private mutating func transmit() -> Bool {
        guard !outbound.isEmpty else { return false }
        let count = outbound.bytes[outbound.start..<outbound.end].withUnsafeBytes {
            gnutls_record_send(session, $0.baseAddress, $0.count)
        }
        if count > 0 {
            outbound.start += count
            return true
        }
        guard gnutls_error_is_fatal(Int32(count)) != 0 else { return false }
        outbound.start = outbound.end
        peerHasEnded = true
        return true
    }

    /// Waits until something can move; false when a peer has taken nothing of the rest for too long.
    private func wait() -> Bool {
        var events: Int32 = inbound.isEmpty ? POLLIN : 0
        if !outbound.isEmpty { events |= POLLOUT }
        var plainEvents: Int32 = inbound.isEmpty ? 0 : POLLOUT
        if outbound.isEmpty { plainEvents |= POLLIN }
        // A side that has ended would be reported for ever.
        var waited = [
            pollfd(fd: peerHasEnded ? -1 : socket, events: Int16(events), revents: 0),
            pollfd(fd: handlerHasEnded ? -1 : plain, events: Int16(plainEvents), revents: 0),
        ]
        let count = poll(&waited, 2, handlerHasEnded ? TLSRelay.patience : -1)
        return count > 0 || (count < 0 && errno == EINTR)
    }

    private static func isFinal(_ code: Int32) -> Bool { code != EAGAIN && code != EINTR }
}
