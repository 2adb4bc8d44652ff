/// What a peer has sent, whole.
public enum WebSocketEvent: Sendable, Hashable {
    /// A message, from all its fragments.
    case message([UInt8], isText: Bool)
    /// To be answered by a pong with the same payload.
    case ping([UInt8])
    /// The answer to a ping.
    case pong([UInt8])
    /// The peer closes; to be answered by a close frame with the same code. The code is nil when the peer gave none.
    case close(code: UInt16?, reason: String)
}

/// Turns the bytes a peer sends, in pieces of any size, into messages (RFC 6455 section 5), and refuses what breaks
/// the protocol. After an error the decoder is of no further use.
public struct WebSocketDecoder: Sendable {
    /// Whether the peer must mask: it must when this end is the server.
    private let expectsMask: Bool
    private let maximumMessageBytes: Int
    private var buffer: [UInt8] = []
    /// Where the next frame begins in the buffer.
    private var start = 0
    private var fragments: [UInt8] = []
    /// The kind of the message whose first fragments have arrived.
    private var fragmented: WebSocketOpcode?

    /// Makes a decoder for what the peer of a role sends.
    ///
    /// - Parameter maximumMessageBytes: how long a message may be; beyond it, the error's code is 1009.
    public init(role: WebSocketRole, maximumMessageBytes: Int = 1 << 20) {
        expectsMask = role == .server
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// Takes bytes as they come.
    public mutating func append(_ bytes: some Collection<UInt8>) {
        if start == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 1 << 16)
            start = 0
        } else if start > 1 << 16 {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next message or control frame; nil until more bytes come.
    public mutating func next() throws(WebSocketError) -> WebSocketEvent? {
        while let frame = try nextFrame() {
            if let event = try event(of: frame) { return event }
        }
        return nil
    }

    private mutating func event(of frame: WebSocketFrame) throws(WebSocketError) -> WebSocketEvent? {
        switch frame.opcode {
        case .ping: return .ping(frame.payload)
        case .pong: return .pong(frame.payload)
        case .close: return try WebSocketDecoder.close(frame.payload)
        case .continuation:
            guard let opcode = fragmented else { throw violation("a continuation without a message") }
            fragments += frame.payload
            guard frame.isFinal else { return nil }
            fragmented = nil
            defer { fragments = [] }
            return try message(opcode, fragments)
        case .text, .binary:
            guard fragmented == nil else { throw violation("a message within a message") }
            if frame.isFinal { return try message(frame.opcode, frame.payload) }
            fragmented = frame.opcode
            fragments = frame.payload
            return nil
        }
    }

    private func message(_ opcode: WebSocketOpcode, _ payload: [UInt8]) throws(WebSocketError) -> WebSocketEvent {
        guard opcode == .text else { return .message(payload, isText: false) }
        guard String(validating: payload, as: UTF8.self) != nil else {
            throw WebSocketError(code: WebSocketCloseCode.invalidData, message: "a text message is not UTF-8")
        }
        return .message(payload, isText: true)
    }

    private static func close(_ payload: [UInt8]) throws(WebSocketError) -> WebSocketEvent {
        guard !payload.isEmpty else { return .close(code: nil, reason: "") }
        guard payload.count >= 2 else { throw violation("a close frame with half a code") }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard WebSocketCloseCode.isAllowed(code) else { throw violation("the close code \(code) is not allowed") }
        guard let reason = String(validating: payload.dropFirst(2), as: UTF8.self) else {
            throw WebSocketError(code: WebSocketCloseCode.invalidData, message: "a close reason is not UTF-8")
        }
        return .close(code: code, reason: reason)
    }
}

extension WebSocketDecoder {
    private struct Header {
        var isFinal: Bool
        var opcode: WebSocketOpcode
        var payloadLength: Int
        var maskingKey: UInt32?
        /// The header's own length.
        var length: Int
    }

    private mutating func nextFrame() throws(WebSocketError) -> WebSocketFrame? {
        guard let header = try nextHeader() else { return nil }
        let payloadStart = start + header.length
        guard buffer.count - payloadStart >= header.payloadLength else { return nil }
        var payload = Array(buffer[payloadStart..<payloadStart + header.payloadLength])
        if let key = header.maskingKey { WebSocketFrame.mask(&payload, from: 0, with: key) }
        start = payloadStart + header.payloadLength
        return WebSocketFrame(header.opcode, payload, isFinal: header.isFinal)
    }

    /// Reads and checks the header before its payload has arrived, so that what is not allowed is never waited for.
    private func nextHeader() throws(WebSocketError) -> Header? {
        guard buffer.count - start >= 2 else { return nil }
        let (first, second) = (buffer[start], buffer[start + 1])
        guard first & 0x70 == 0 else { throw violation("a reserved bit is set") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else {
            throw violation("the opcode \(first & 0x0F) is reserved")
        }
        let isMasked = second & 0x80 != 0
        guard isMasked == expectsMask else {
            throw violation(expectsMask ? "a client's frame is not masked" : "a server's frame is masked")
        }
        let isFinal = first & 0x80 != 0
        let short = Int(second & 0x7F)
        if opcode.isControl, !isFinal || short > 125 { throw violation("a control frame is fragmented or too long") }
        let extra = short == 126 ? 2 : short == 127 ? 8 : 0
        let length = 2 + extra + (isMasked ? 4 : 0)
        guard buffer.count - start >= length else { return nil }
        let payloadLength = extra == 0 ? UInt64(short) : number(at: start + 2, bytes: extra)
        try checkLength(payloadLength, extra: extra, isControl: opcode.isControl)
        let key = isMasked ? UInt32(truncatingIfNeeded: number(at: start + 2 + extra, bytes: 4)) : nil
        return Header(
            isFinal: isFinal, opcode: opcode, payloadLength: Int(payloadLength), maskingKey: key, length: length)
    }

    private func checkLength(_ length: UInt64, extra: Int, isControl: Bool) throws(WebSocketError) {
        let smallest: UInt64 = extra == 2 ? 126 : extra == 8 ? 1 << 16 : 0
        guard length >= smallest else { throw violation("a length is not written in the shortest way") }
        // Fragments are held together, so they count together.
        let held = isControl ? 0 : fragments.count
        guard length <= UInt64(max(0, maximumMessageBytes - held)) || isControl else {
            throw WebSocketError(
                code: WebSocketCloseCode.tooLong, message: "a message is longer than \(maximumMessageBytes) bytes")
        }
    }

    private func number(at index: Int, bytes count: Int) -> UInt64 {
        buffer[index..<index + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

private func violation(_ message: String) -> WebSocketError {
    WebSocketError(code: WebSocketCloseCode.protocolError, message: message)
}
