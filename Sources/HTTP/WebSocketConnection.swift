internal import CMicroHTTPD
internal import Glibc
import Synchronization
public import Wire

/// A WebSocket over a connected descriptor, such as an upgraded HTTP connection: messages in and out.
///
/// One thread receives, any thread sends. Pings are answered while receiving.
public final class WebSocketConnection: Sendable {
    private struct Inbound {
        var decoder: WebSocketDecoder
        var hasEnded = false
    }

    private struct Outbound {
        var isOpen = true
    }

    private let descriptor: Int32
    private let role: WebSocketRole
    private let inbound: Mutex<Inbound>
    private let outbound = Mutex(Outbound())

    /// Takes over a blocking descriptor; it is closed with this object.
    ///
    /// - Parameters:
    ///   - role: which end this is.
    ///   - early: bytes of the peer that were already read.
    ///   - maximumMessageBytes: how long a message of the peer may be.
    public init(descriptor: Int32, role: WebSocketRole, early: [UInt8], maximumMessageBytes: Int = 1 << 20) {
        self.descriptor = descriptor
        self.role = role
        var decoder = WebSocketDecoder(role: role, maximumMessageBytes: maximumMessageBytes)
        decoder.append(early)
        inbound = Mutex(Inbound(decoder: decoder))
    }

    deinit { Glibc.close(descriptor) }

    /// Waits for the next message; nil when the peer has closed, broken the protocol or is gone. Called from one thread.
    public func receive() -> [UInt8]? { inbound.withLock { receive(&$0) } }

    private func receive(_ inbound: inout Inbound) -> [UInt8]? {
        while !inbound.hasEnded {
            do throws(WebSocketError) {
                if let event = try inbound.decoder.next() {
                    if let message = handle(event, &inbound) { return message }
                } else if !read(into: &inbound.decoder) {
                    inbound.hasEnded = true
                }
            } catch {
                inbound.hasEnded = true
                close(code: error.code, reason: error.message)
            }
        }
        return nil
    }

    /// Sends a binary message; false when the connection is closed.
    @discardableResult
    public func send(_ message: some Sequence<UInt8>) -> Bool { transmit(WebSocketFrame(.binary, Array(message))) }

    /// Sends a close frame, once; what is received afterwards ends with the peer's answer.
    public func close(code: UInt16 = WebSocketCloseCode.normal, reason: String = "") {
        transmit(.close(code: code, reason: reason))
    }

    /// Ends the connection at once: whoever waits in `receive` or `send` returns. Any thread may call it.
    public func cancel() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Closes in order: sends a close frame, waits until the peer has answered it, so that nothing sent before is lost,
    /// and ends the connection. Any thread may call it, also while another one receives.
    public func finish(
        code: UInt16 = WebSocketCloseCode.normal, reason: String = "", timeoutSeconds: Int = 5
    ) {
        close(code: code, reason: reason)
        let drained: Void? = inbound.withLockIfAvailable { inbound in
            var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            while receive(&inbound) != nil {}
        }
        if drained == nil {
            // POLLRDHUP, which glibc declares for GNU sources only; epoll(7) has the same values.
            var waited = pollfd(fd: descriptor, events: Int16(EPOLLRDHUP.rawValue), revents: 0)
            poll(&waited, 1, Int32(timeoutSeconds) * 1000)
        }
        cancel()
    }

    private func handle(_ event: WebSocketEvent, _ inbound: inout Inbound) -> [UInt8]? {
        switch event {
        case .message(let bytes, _): return bytes
        case .ping(let payload): transmit(WebSocketFrame(.pong, payload))
        case .pong: break
        case .close(let code, _):
            inbound.hasEnded = true
            close(code: code ?? WebSocketCloseCode.normal)
            // Both have said it; the server ends the connection (RFC 6455 section 7.1.1).
            if role == .server { cancel() }
        }
        return nil
    }

    private func read(into decoder: inout WebSocketDecoder) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 1) { buffer in
            while true {
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if count > 0 {
                    decoder.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                    return true
                }
                guard count < 0, errno == EINTR else { return false }
            }
        }
    }

    /// Sends one frame whole; nothing follows a close frame or a failure.
    @discardableResult
    private func transmit(_ frame: WebSocketFrame) -> Bool {
        let key: UInt32? = role == .client ? UInt32.random(in: 0...UInt32.max) : nil
        let bytes = frame.encoded(maskingKey: key)
        return outbound.withLock { outbound in
            guard outbound.isOpen else { return false }
            outbound.isOpen = frame.opcode != .close && write(bytes)
            if frame.opcode == .close { return write(bytes) }
            return outbound.isOpen
        }
    }

    private func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var sent = 0
            while sent < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[sent...])
                // A peer that is gone is an error here and never a signal.
                let count = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }
}
