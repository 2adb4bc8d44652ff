import Model

/// The opening handshake (RFC 6455 section 4).
public enum WebSocketHandshake {
    /// Why a request cannot be upgraded: the answer is 400.
    public struct Refusal: Error, Sendable, Hashable {
        /// What is wrong, in lower case without a full stop.
        public var message: String
    }

    /// What a server answers with 101.
    public struct Acceptance: Sendable {
        /// The subprotocol that both speak; empty when the client asked for none.
        public var subprotocol: String
        /// The header fields of the answer; `Connection` is the HTTP server's.
        public var headers: [(name: String, value: String)]
    }

    /// What a server answers to a client's key: `Sec-WebSocket-Accept`.
    public static func accept(key: String) -> String {
        Base64.encode(SHA1.digest(Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)))
    }

    /// Whether a request asks for a WebSocket.
    ///
    /// - Parameter headers: the request's header fields by lower-case name.
    public static func isRequested(by headers: [String: String]) -> Bool {
        tokens(headers["connection"]).contains { $0.lowercased() == "upgrade" }
            && tokens(headers["upgrade"]).contains { $0.lowercased() == "websocket" }
    }

    /// Answers a client's handshake: chooses the first of the client's subprotocols that the server speaks.
    ///
    /// - Parameters:
    ///   - headers: the request's header fields by lower-case name.
    ///   - subprotocols: what the server speaks.
    public static func answer(
        to headers: [String: String], subprotocols: [String]
    ) throws(Refusal) -> Acceptance {
        guard isRequested(by: headers) else { throw Refusal(message: "the request is no WebSocket handshake") }
        guard headers["sec-websocket-version"] == "13" else {
            throw Refusal(message: "only version 13 of the WebSocket protocol is spoken")
        }
        guard let key = headers["sec-websocket-key"], Base64.decode(key)?.count == 16 else {
            throw Refusal(message: "Sec-WebSocket-Key must be 16 bytes in base64")
        }
        let offered = tokens(headers["sec-websocket-protocol"])
        let chosen = offered.first { subprotocols.contains($0) }
        guard let chosen = chosen ?? (offered.isEmpty && subprotocols.isEmpty ? "" : nil) else {
            let spoken = subprotocols.joined(separator: ", ")
            throw Refusal(message: "none of the offered subprotocols is spoken here; choose from: \(spoken)")
        }
        var answer = [(name: "Upgrade", value: "websocket"), (name: "Sec-WebSocket-Accept", value: accept(key: key))]
        if !chosen.isEmpty { answer.append((name: "Sec-WebSocket-Protocol", value: chosen)) }
        return Acceptance(subprotocol: chosen, headers: answer)
    }

    /// The elements of a comma-separated field.
    private static func tokens(_ field: String?) -> [String] {
        (field ?? "").split(separator: ",").compactMap { part in
            let token = String(
                part.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
            return token.isEmpty ? nil : token
        }
    }
}
