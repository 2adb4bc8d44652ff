/// Which end of a WebSocket speaks: clients mask what they send, servers do not (RFC 6455 section 5.1).
public enum WebSocketRole: Sendable {
    case client, server
}

/// The kinds of frames (RFC 6455 section 11.8).
public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Whether the frame is about the connection and not part of a message.
    public var isControl: Bool { rawValue >= 8 }
}

/// Why a connection is closed (RFC 6455 section 7.4.1).
public enum WebSocketCloseCode {
    /// The purpose is fulfilled.
    public static let normal: UInt16 = 1000
    /// The endpoint goes away.
    public static let goingAway: UInt16 = 1001
    /// The peer broke the protocol.
    public static let protocolError: UInt16 = 1002
    /// The peer sent text that is not UTF-8.
    public static let invalidData: UInt16 = 1007
    /// A message is too long.
    public static let tooLong: UInt16 = 1009
    /// The server met an unexpected condition.
    public static let internalError: UInt16 = 1011

    /// Whether a peer may send the code.
    static func isAllowed(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// How a peer broke the protocol; the connection is closed with the code.
public struct WebSocketError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The close code to answer with.
    public var code: UInt16
    /// What is wrong, in lower case without a full stop.
    public var message: String
    /// The message.
    public var description: String { message }

    /// Makes an error.
    public init(code: UInt16, message: String) {
        self.code = code
        self.message = message
    }
}

/// One frame (RFC 6455 section 5.2), its payload unmasked.
public struct WebSocketFrame: Sendable, Hashable {
    /// Whether it is the last of its message.
    public var isFinal: Bool
    /// The kind.
    public var opcode: WebSocketOpcode
    /// The payload.
    public var payload: [UInt8]

    /// Makes a frame; by default the only one of its message.
    public init(_ opcode: WebSocketOpcode, _ payload: [UInt8], isFinal: Bool = true) {
        self.isFinal = isFinal
        self.opcode = opcode
        self.payload = payload
    }

    /// A close frame with a code and a reason.
    public static func close(code: UInt16, reason: String = "") -> WebSocketFrame {
        var text = reason[...]
        // A control frame has at most 125 bytes; characters stay whole.
        while text.utf8.count > 123 { text.removeLast() }
        return WebSocketFrame(.close, [UInt8(code >> 8), UInt8(code & 255)] + Array(text.utf8))
    }

    /// The frame in bytes.
    ///
    /// - Parameter maskingKey: what a client masks with, unpredictable and new for every frame; nil for a server.
    public func encoded(maskingKey: UInt32?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count + 14)
        bytes.append((isFinal ? 0x80 : 0) | opcode.rawValue)
        let masked: UInt8 = maskingKey == nil ? 0 : 0x80
        switch payload.count {
        case 0...125: bytes.append(masked | UInt8(payload.count))
        case 126...0xFFFF:
            bytes.append(masked | 126)
            WebSocketFrame.append(UInt64(payload.count), bytes: 2, to: &bytes)
        default:
            bytes.append(masked | 127)
            WebSocketFrame.append(UInt64(payload.count), bytes: 8, to: &bytes)
        }
        guard let maskingKey else { return bytes + payload }
        WebSocketFrame.append(UInt64(maskingKey), bytes: 4, to: &bytes)
        let start = bytes.count
        bytes += payload
        WebSocketFrame.mask(&bytes, from: start, with: maskingKey)
        return bytes
    }

    private static func append(_ number: UInt64, bytes count: Int, to bytes: inout [UInt8]) {
        for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(8 * index))) }
    }

    /// Masks or unmasks the bytes from an index on (RFC 6455 section 5.3).
    static func mask(_ bytes: inout [UInt8], from start: Int, with key: UInt32) {
        let key = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: key >> UInt32($0)) }
        bytes.withUnsafeMutableBufferPointer { buffer in
            for index in start..<buffer.count { buffer[index] ^= key[(index - start) & 3] }
        }
    }
}
