import Client
import HTTP
import Testing
import Wire

struct WebSocketTests {
    /// A server that sends every message back, and ends in order after `bye`.
    static func echo(_ ended: Signal<Bool> = Signal(), isPlain: Bool = false) throws -> TestServer {
        try TestServer {
            if isPlain { $0.tls = nil }
        } handler: { request, responder in
            guard request.path == "/echo" else {
                let status = #"{"kind":"Status","code":404,"reason":"NotFound","message":"pods \"x\" not found"}"#
                return responder.respond(status: 404, headers: [], body: Array(status.utf8))
            }
            do throws(WebSocketHandshake.Refusal) {
                let accepted = try WebSocketHandshake.answer(
                    to: request.headers, subprotocols: [ExecChannel.subprotocol])
                responder.upgrade(headers: accepted.headers) { descriptor, early in
                    let connection = WebSocketConnection(descriptor: descriptor, role: .server, early: early)
                    while let message = connection.receive() {
                        connection.send(message)
                        if message == Array("bye".utf8) { break }
                    }
                    connection.finish()
                    ended.send(true)
                }
            } catch {
                responder.respond(status: 400, headers: [], body: Array(error.message.utf8))
            }
        }
    }

    @Test(arguments: [false, true])
    func `messages of every size go there and back, with TLS and without`(isPlain: Bool) throws {
        let ended = Signal<Bool>()
        let test = try Self.echo(ended, isPlain: isPlain)
        let socket = try test.client().webSocket("/echo", subprotocols: ["v4.channel.k8s.io", ExecChannel.subprotocol])
        #expect(socket.subprotocol == ExecChannel.subprotocol)
        for size in [0, 1, 125, 126, 65535, 65536, 300_000] {
            let message = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            try socket.send(message)
            #expect(try socket.receive() == message)
        }
        try socket.send(Array("bye".utf8))
        #expect(try socket.receive() == Array("bye".utf8))
        #expect(try socket.receive() == nil)
        #expect(ended.wait() == true)
    }

    @Test func `one thread sends while another receives`() throws {
        let test = try Self.echo()
        let socket = try test.client().webSocket("/echo", subprotocols: [ExecChannel.subprotocol])
        let sender = TestThread {
            for index in 0..<500 { try? socket.send(Array(repeating: UInt8(index & 255), count: index)) }
        }
        for index in 0..<500 { #expect(try socket.receive() == Array(repeating: UInt8(index & 255), count: index)) }
        sender.join()
        socket.close()
    }

    @Test func `closing frees whoever waits on either side`() throws {
        let ended = Signal<Bool>()
        let test = try Self.echo(ended)
        let socket = try test.client().webSocket("/echo", subprotocols: [ExecChannel.subprotocol])
        let reader = TestThread { _ = try? socket.receive() }
        socket.close()
        reader.join()
        #expect(ended.wait() == true)
    }

    @Test func `what was sent before the end arrives, however much it is`() throws {
        let test = try TestServer { request, responder in
            guard let accepted = try? WebSocketHandshake.answer(to: request.headers, subprotocols: []) else { return }
            responder.upgrade(headers: accepted.headers) { descriptor, early in
                let connection = WebSocketConnection(descriptor: descriptor, role: .server, early: early)
                for _ in 0..<40 { connection.send([UInt8](repeating: 5, count: 100_000)) }
                connection.finish()
            }
        }
        let socket = try test.client().webSocket("/", subprotocols: [])
        var received = 0
        while let message = try socket.receive() { received += message.count }
        #expect(received == 4_000_000)
    }

    @Test(arguments: [false, true])
    func `stopping the server ends upgraded connections`(isPlain: Bool) throws {
        let ended = Signal<Bool>()
        let test = try Self.echo(ended, isPlain: isPlain)
        let socket = try test.client().webSocket("/echo", subprotocols: [ExecChannel.subprotocol])
        try socket.send([1])
        #expect(try socket.receive() == [1])
        test.server.stop()
        #expect(ended.wait() == true)
    }

    @Test func `a refusal is the status that the server gave`() throws {
        let test = try Self.echo()
        let client = try test.client()
        let error = #expect(throws: ClientError.self) { try client.webSocket("/x", subprotocols: []) }
        #expect(error?.isNotFound == true)
        #expect(error?.description == #"pods "x" not found"#)
    }

    @Test func `subprotocols that the server does not speak are refused`() throws {
        let test = try Self.echo()
        let client = try test.client()
        let error = #expect(throws: ClientError.self) { try client.webSocket("/echo", subprotocols: ["chat"]) }
        #expect(error?.statusCode == 400)
    }
}
