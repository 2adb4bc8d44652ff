/// A server's answer to an upgrade request, read from the bare connection.
struct UpgradeAnswer {
    var status = 0
    var headers: [String: String] = [:]
    /// The body of a refusal.
    var body: [UInt8] = []
    /// What already belongs to the new protocol.
    var early: [UInt8] = []

    private static let maximumHeadBytes = 64 << 10
    private static let maximumBodyBytes = 1 << 20

    static func read(from socket: CurlSocket) throws(ClientError) -> UpgradeAnswer {
        var bytes: [UInt8] = []
        while true {
            let part = try socket.read()
            bytes += part
            if let (answer, rest) = parse(head: bytes) {
                var answer = answer
                if answer.status == 101 { answer.early = Array(rest) } else { try answer.readBody(rest, from: socket) }
                return answer
            }
            guard !part.isEmpty, bytes.count <= maximumHeadBytes else {
                throw .badResponse("the server did not answer the WebSocket handshake")
            }
        }
    }

    /// Reads a head (RFC 9112 section 2.1); nil while it is not complete.
    static func parse(head bytes: [UInt8]) -> (UpgradeAnswer, rest: ArraySlice<UInt8>)? {
        guard let end = firstRange(of: Array("\r\n\r\n".utf8), in: bytes) else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        var answer = UpgradeAnswer(status: status)
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            answer.headers[line[..<colon].lowercased()] = String(value)
        }
        return (answer, bytes[(end + 4)...])
    }

    private mutating func readBody(_ first: ArraySlice<UInt8>, from socket: CurlSocket) throws(ClientError) {
        body = Array(first)
        let length = headers["content-length"].flatMap { Int($0) }
        while body.count < min(length ?? Int.max, UpgradeAnswer.maximumBodyBytes) {
            if length == nil, UpgradeAnswer.firstRange(of: Array("0\r\n\r\n".utf8), in: body) != nil { break }
            let part = try socket.read()
            if part.isEmpty { break }
            body += part
        }
        if headers["transfer-encoding"]?.lowercased() == "chunked" { body = UpgradeAnswer.unchunked(body) }
    }

    /// Joins the chunks of a body (RFC 9112 section 7.1), as far as they are there.
    static func unchunked(_ bytes: [UInt8]) -> [UInt8] {
        var joined: [UInt8] = []
        var rest = bytes[...]
        while let end = firstRange(of: Array("\r\n".utf8), in: Array(rest)) {
            let size = rest.prefix(end).prefix { $0 != UInt8(ascii: ";") }
            guard let count = Int(String(decoding: size, as: UTF8.self), radix: 16), count > 0 else { break }
            rest = rest.dropFirst(end + 2)
            joined += rest.prefix(count)
            rest = rest.dropFirst(count).dropFirst(2)
        }
        return joined
    }

    /// Where a pattern begins.
    private static func firstRange(of pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        return (0...(bytes.count - pattern.count)).first { bytes[$0..<$0 + pattern.count].elementsEqual(pattern) }
    }
}
