import Model
import Synchronization
import Wire

/// A WebSocket over a connection of libcurl. See `ClientWebSocket`.
final class CurlWebSocket: ClientWebSocket {
    private struct Inbound {
        var decoder: WebSocketDecoder
        var hasEnded = false
    }

    /// The longest message taken from a server.
    private static let maximumMessageBytes = 16 << 20

    let subprotocol: String
    private let socket: CurlSocket
    private let inbound: Mutex<Inbound>
    /// Whether anything may still be sent; held while a frame is sent, so that frames stay whole.
    private let isOpen = Mutex(true)

    /// Connects and shakes hands (RFC 6455 section 4.1).
    init(_ settings: CurlSettings, path: String, subprotocols: [String]) throws(ClientError) {
        let socket = try CurlSocket(settings)
        let key = Base64.encode((0..<16).map { _ in UInt8.random(in: 0...255) })
        try socket.write(CurlWebSocket.request(settings, path: path, subprotocols: subprotocols, key: key))
        let answer = try UpgradeAnswer.read(from: socket)
        guard answer.status == 101 else {
            throw ClientError.status(of: answer.status, body: answer.body)
        }
        guard answer.headers["sec-websocket-accept"] == WebSocketHandshake.accept(key: key) else {
            throw .badResponse("the server did not complete the WebSocket handshake")
        }
        let chosen = answer.headers["sec-websocket-protocol"] ?? ""
        guard subprotocols.isEmpty ? chosen.isEmpty : subprotocols.contains(chosen) else {
            throw .badResponse("the server speaks \"\(chosen)\" instead of \(subprotocols.joined(separator: " or "))")
        }
        subprotocol = chosen
        self.socket = socket
        var decoder = WebSocketDecoder(role: .client, maximumMessageBytes: CurlWebSocket.maximumMessageBytes)
        decoder.append(answer.early)
        inbound = Mutex(Inbound(decoder: decoder))
    }

    private static func request(
        _ settings: CurlSettings, path: String, subprotocols: [String], key: String
    ) -> [UInt8] {
        var lines = [
            "GET \(settings.address.prefix)\(path) HTTP/1.1", "Host: \(settings.address.authority)",
            "User-Agent: martlet", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: \(key)",
        ]
        if !subprotocols.isEmpty { lines.append("Sec-WebSocket-Protocol: \(subprotocols.joined(separator: ", "))") }
        if let token = settings.token { lines.append("Authorization: Bearer \(token)") }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    func send(_ message: [UInt8]) throws(ClientError) { try transmit(WebSocketFrame(.binary, message)) }

    func receive() throws(ClientError) -> [UInt8]? {
        let result: Result<[UInt8]?, ClientError> = inbound.withLock { inbound in
            do throws(ClientError) {
                return .success(try receive(&inbound))
            } catch {
                inbound.hasEnded = true
                return .failure(error)
            }
        }
        return try result.get()
    }

    func close() {
        // Whoever is stuck sending holds the lock and is freed by the end of the connection.
        _ = isOpen.withLockIfAvailable { isOpen in
            if isOpen { try? socket.write(CurlWebSocket.encoded(.close(code: WebSocketCloseCode.normal))) }
            isOpen = false
        }
        socket.cancel()
    }

    private func receive(_ inbound: inout Inbound) throws(ClientError) -> [UInt8]? {
        while !inbound.hasEnded {
            let event: WebSocketEvent?
            do throws(WebSocketError) {
                event = try inbound.decoder.next()
            } catch {
                try? transmit(.close(code: error.code, reason: error.message))
                throw ClientError.badResponse("the server broke the WebSocket protocol: \(error.message)")
            }
            switch event {
            case .message(let bytes, _): return bytes
            case .ping(let payload): try? transmit(WebSocketFrame(.pong, payload))
            case .pong: break
            case .close(let code, let reason): try end(&inbound, code, reason)
            case nil:
                let bytes = try socket.read()
                guard !bytes.isEmpty else {
                    throw .unreachable("the server ended the connection without closing the WebSocket")
                }
                inbound.decoder.append(bytes)
            }
        }
        return nil
    }

    /// Answers the server's close frame; an unexpected condition is an error, everything else the normal end.
    private func end(_ inbound: inout Inbound, _ code: UInt16?, _ reason: String) throws(ClientError) {
        inbound.hasEnded = true
        try? transmit(.close(code: code ?? WebSocketCloseCode.normal))
        socket.cancel()
        if let code, code != WebSocketCloseCode.normal, code != WebSocketCloseCode.goingAway {
            throw .badResponse("the server closed the WebSocket: \(reason.isEmpty ? "code \(code)" : reason)")
        }
    }

    private func transmit(_ frame: WebSocketFrame) throws(ClientError) {
        let result: Result<Void, ClientError> = isOpen.withLock { isOpen in
            guard isOpen else { return .failure(.unreachable("the WebSocket is closed")) }
            if frame.opcode == .close { isOpen = false }
            do throws(ClientError) {
                return .success(try socket.write(CurlWebSocket.encoded(frame)))
            } catch {
                isOpen = false
                return .failure(error)
            }
        }
        try result.get()
    }

    private static func encoded(_ frame: WebSocketFrame) -> [UInt8] {
        frame.encoded(maskingKey: UInt32.random(in: 0...UInt32.max))
    }
}
