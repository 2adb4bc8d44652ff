import Testing

@testable import Wire

struct WebSocketHandshakeTests {
    static let request = [
        "connection": "keep-alive, Upgrade", "upgrade": "WebSocket", "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-protocol": "chat, v5.channel.k8s.io",
    ]

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"), ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
    ])
    func `the test vectors of FIPS 180 hold`(message: String, digest: String) {
        let hex = SHA1.digest(Array(message.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == digest)
    }

    @Test func `the answer to RFC 6455's sample key is the RFC's`() throws {
        let answer = try WebSocketHandshake.answer(to: Self.request, subprotocols: ["v5.channel.k8s.io", "v4"])
        #expect(answer.subprotocol == "v5.channel.k8s.io")
        #expect(answer.headers.map(\.name) == ["Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"])
        #expect(answer.headers.map(\.value) == ["websocket", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "v5.channel.k8s.io"])
    }

    @Test func `without a subprotocol on either side there is none`() throws {
        var request = Self.request
        request["sec-websocket-protocol"] = nil
        let answer = try WebSocketHandshake.answer(to: request, subprotocols: [])
        #expect(answer.subprotocol.isEmpty && answer.headers.count == 2)
    }

    @Test(arguments: [
        ("upgrade", "h2c"), ("connection", "close"), ("sec-websocket-version", "8"), ("sec-websocket-key", "c2hvcnQ="),
        ("sec-websocket-key", "no base64"), ("sec-websocket-protocol", "chat"), ("sec-websocket-protocol", ""),
    ])
    func `what is no handshake for the protocol is refused`(field: String, value: String) {
        var request = Self.request
        request[field] = value
        #expect(throws: WebSocketHandshake.Refusal.self) {
            try WebSocketHandshake.answer(to: request, subprotocols: ["v5.channel.k8s.io"])
        }
    }
}

struct ExecChannelTests {
    @Test func `input is understood as kubectl sends it`() {
        #expect(PodExecInput(message: [0, 65, 66]) == .stdin([65, 66]))
        #expect(PodExecInput(message: [255, 0]) == .endOfStdin)
        let size = Array(#"{"Width":100,"Height":40}"#.utf8) + [10]
        #expect(PodExecInput(message: [4] + size) == .resize(rows: 40, columns: 100))
        #expect(PodExecInput(message: ExecChannel.resize(rows: 2, columns: 3)) == .resize(rows: 2, columns: 3))
        #expect(PodExecInput(message: ExecChannel.endOfStdin) == .endOfStdin)
    }

    @Test(
        arguments: [[], [9, 1], [1, 1], [255, 1], [4, 123], [4] + Array(#"{"Width":-1,"Height":4}"#.utf8)] as [[UInt8]])
    func `what means nothing to a server is ignored`(message: [UInt8]) {
        #expect(PodExecInput(message: message) == nil)
    }

    @Test(arguments: [0, 1, 3, 255])
    func `an exit code reaches the client`(code: Int) {
        #expect(PodExecOutput(message: ExecChannel.ended(exitCode: code)) == .ended(exitCode: code))
    }

    @Test func `an exit is told in kubectl's words`() {
        let text = String(decoding: ExecChannel.ended(exitCode: 3).dropFirst(), as: UTF8.self)
        #expect(text.contains(#""reason":"NonZeroExitCode","message":"command terminated with exit code 3""#))
        #expect(text.contains(#""details":{"causes":[{"reason":"ExitCode","message":"3"}]}"#))
    }

    @Test func `output and failures reach the client`() {
        #expect(PodExecOutput(message: ExecChannel.stdout.message([1])) == .stdout([1]))
        #expect(PodExecOutput(message: ExecChannel.stderr.message([])) == .stderr([]))
        #expect(PodExecOutput(message: ExecChannel.failed("no such program")) == .failed("no such program"))
    }
}
