import Model

/// One network check as bytes to send and a reading of the bytes that come back; the prober moves the bytes.
protocol ProbeExchange: Sendable {
    /// What is sent once the connection stands; empty for a check of the connection alone.
    var request: [UInt8] { get }
    /// Judges what has arrived.
    ///
    /// - Parameters:
    ///   - bytes: everything that has arrived so far.
    ///   - ended: whether the peer has closed its side.
    mutating func verdict(on bytes: [UInt8], ended: Bool) -> ProbeVerdict
}

/// What a check has found.
enum ProbeVerdict: Sendable, Equatable {
    case needsMore
    case success
    case failure(String)
}

/// A connection that must be accepted; nothing is sent.
struct TCPProbe: ProbeExchange {
    var request: [UInt8] { [] }
    mutating func verdict(on bytes: [UInt8], ended: Bool) -> ProbeVerdict { .success }
}

/// A GET that must answer 200 to 399 (RFC 9112). Redirects count as success and are not followed.
struct HTTPProbe: ProbeExchange {
    let request: [UInt8]

    init(_ action: HTTPGetAction, address: String, port: Int) {
        var path = action.path ?? "/"
        if !path.hasPrefix("/") { path = "/" + path }
        let defaults = [
            ("Host", action.host ?? "\(address):\(port)"), ("User-Agent", "martlet-probe/1"), ("Connection", "close"),
            ("Accept", "*/*"),
        ]
        // A header that is given replaces the default: a request with two Host fields is refused (RFC 9112, section 3.2).
        let names = Set(action.httpHeaders.map { $0.name.lowercased() })
        var lines = ["GET \(path) HTTP/1.1"]
        lines += defaults.filter { !names.contains($0.0.lowercased()) }.map { "\($0.0): \($0.1)" }
        lines += action.httpHeaders.map { "\($0.name): \($0.value)" }
        // A line break in a header or path would be a second request.
        request = Array((lines.map { $0.filter { !$0.isNewline } }.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    mutating func verdict(on bytes: [UInt8], ended: Bool) -> ProbeVerdict {
        guard let end = bytes.firstIndex(of: 0x0A) else {
            if bytes.count > 1024 { return .failure("the answer is not HTTP") }
            return ended ? .failure("the connection was closed without an answer") : .needsMore
        }
        let words = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("HTTP/"), let status = Int(words[1].filter { !$0.isWhitespace })
        else { return .failure("the answer is not HTTP") }
        return (200..<400).contains(status) ? .success : .failure("HTTP status \(status)")
    }
}

/// A `grpc.health.v1.Health/Check` that must answer SERVING, over HTTP/2 without TLS (RFC 9113, prior knowledge).
///
/// The request's header fields are literals without indexing (RFC 7541, section 6.2.2), so no compression state is needed; of
/// the answer only DATA frames are read, which carry the length-prefixed `HealthCheckResponse`.
struct GRPCProbe: ProbeExchange {
    let request: [UInt8]

    init(service: String, authority: String) {
        var bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
        bytes += Self.frame(type: 4, flags: 0, stream: 0, payload: [])
        let fields = [
            (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority), ("content-type", "application/grpc"), ("te", "trailers"),
        ]
        var block: [UInt8] = []
        for (name, value) in fields { block += [0x00] + Self.text(name) + Self.text(value) }
        bytes += Self.frame(type: 1, flags: 0x4, stream: 1, payload: block)
        let name = Array(service.utf8.prefix(100))
        let message = name.isEmpty ? [] : [0x0A, UInt8(name.count)] + name
        bytes += Self.frame(type: 0, flags: 0x1, stream: 1, payload: [0, 0, 0, 0, UInt8(message.count)] + message)
        request = bytes
    }

    private static func frame(type: UInt8, flags: UInt8, stream: UInt8, payload: [UInt8]) -> [UInt8] {
        [UInt8(payload.count >> 16 & 255), UInt8(payload.count >> 8 & 255), UInt8(payload.count & 255), type, flags]
            + [0, 0, 0, stream] + payload
    }

    /// A string literal without Huffman coding, shorter than 127 bytes (RFC 7541, section 5.2).
    private static func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8.prefix(126))
        return [UInt8(bytes.count)] + bytes
    }

    mutating func verdict(on bytes: [UInt8], ended: Bool) -> ProbeVerdict {
        var rest = bytes[...]
        while rest.count >= 9 {
            let start = rest.startIndex
            let length = Int(rest[start]) << 16 | Int(rest[start + 1]) << 8 | Int(rest[start + 2])
            guard length <= 1 << 16 else { return .failure("the answer is not HTTP/2") }
            guard rest.count >= 9 + length else { break }
            let payload = rest[(start + 9)..<(start + 9 + length)]
            switch (type: rest[start + 3], flags: rest[start + 4]) {
            case (0, _) where length >= 5: return Self.serving(payload.dropFirst(5))
            case (1, let flags) where flags & 0x1 != 0: return .failure("the server refused the health check")
            case (3, _): return .failure("the server reset the stream")
            case (7, _): return .failure("the server closed the connection")
            default: break
            }
            rest = rest[(start + 9 + length)...]
        }
        return ended ? .failure("the connection was closed without an answer") : .needsMore
    }

    /// Reads field 1 of `HealthCheckResponse`; 1 is SERVING, and absent is UNKNOWN.
    private static func serving(_ message: ArraySlice<UInt8>) -> ProbeVerdict {
        let bytes = Array(message)
        guard bytes.count >= 2, bytes[0] == 0x08 else { return .failure("health status UNKNOWN") }
        switch bytes[1] {
        case 1: return .success
        case 2: return .failure("health status NOT_SERVING")
        case 3: return .failure("health status SERVICE_UNKNOWN")
        default: return .failure("health status UNKNOWN")
        }
    }
}
