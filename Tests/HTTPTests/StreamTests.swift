import Client
import Glibc
import HTTP
import Synchronization
import Testing

struct StreamTests {
    @Test func `a thousand chunks arrive in order, and the connection is used again`() throws {
        let closed = Signal<Bool>()
        let test = try TestServer { _, responder in
            let stream = responder.stream(status: 200, headers: [("Content-Type", "text/plain")])
            stream.onClose { closed.send(true) }
            for index in 0..<1000 { stream.write(Array("\(index)\n".utf8)) }
            stream.finish()
        }
        let client = try test.client()
        let expected = (0..<1000).map { "\($0)\n" }.joined()
        for _ in 0..<2 {
            var received: [UInt8] = []
            try client.stream("GET", "/") {
                received += $0; return true
            }
            #expect(String(decoding: received, as: UTF8.self) == expected)
        }
        #expect(closed.wait(count: 2).count == 2)
        #expect(client.connectionCount == 1)
    }

    @Test func `what another thread writes is received before the stream ends`() throws {
        let streams = Signal<any HTTPStream>()
        let test = try TestServer { _, responder in streams.send(responder.stream(status: 200, headers: [])) }
        let received = Signal<String>()
        let client = try test.client()
        let reader = TestThread {
            try? client.stream("GET", "/") { bytes in
                received.send(String(decoding: bytes, as: UTF8.self))
                return true
            }
        }
        let stream = try #require(streams.wait())
        for index in 1...5 {
            // Each is written only after the one before was received: nothing may wait in a buffer.
            stream.write(Array("\(index)".utf8))
            #expect(received.wait(count: index).count == index)
        }
        stream.finish()
        reader.join()
        #expect(received.wait(count: 5) == ["1", "2", "3", "4", "5"])
    }

    @Test func `a stream that says nothing notices that its client has gone`() throws {
        let closed = Signal<Bool>()
        let kept = Mutex<(any HTTPStream)?>(nil)
        let test = try TestServer { _, responder in
            let stream = responder.stream(status: 200, headers: [])
            stream.onClose { closed.send(true) }
            stream.write(Array("hello".utf8))
            kept.withLock { $0 = stream }
        }
        try test.client().stream("GET", "/") { _ in false }
        #expect(closed.wait() == true)
        #expect(kept.withLock { $0?.write([1]) } == false)
    }

    @Test func `whoever asks to be told after the end is told at once`() throws {
        let streams = Signal<any HTTPStream>()
        let closed = Signal<Bool>()
        let test = try TestServer { _, responder in
            let stream = responder.stream(status: 200, headers: [])
            stream.onClose { closed.send(true) }
            stream.finish()
            streams.send(stream)
        }
        try test.client().stream("GET", "/") { _ in true }
        let stream = try #require(streams.wait())
        #expect(closed.wait() == true)
        let late = Mutex(false)
        stream.onClose { late.withLock { $0 = true } }
        #expect(late.withLock { $0 })
        #expect(!stream.write([1]))
    }

    @Test func `a client that leaves too much unread is cut off`() throws {
        let streams = Signal<any HTTPStream>()
        let closed = Signal<Bool>()
        let test = try TestServer {
            $0.maximumStreamBacklogBytes = 1 << 20
        } handler: { _, responder in
            let stream = responder.stream(status: 200, headers: [])
            stream.onClose { closed.send(true) }
            streams.send(stream)
        }
        let goOn = Signal<Bool>()
        let outcome = Signal<Bool>()
        let client = try test.client()
        let reader = TestThread {
            do throws(ClientError) {
                // The first bytes are read and then no more until the server has given up.
                try client.stream("GET", "/") { _ in goOn.wait() ?? false }
                outcome.send(true)
            } catch {
                outcome.send(false)
            }
        }
        let stream = try #require(streams.wait())
        let chunk = [UInt8](repeating: 1, count: 256 << 10)
        // The kernel's buffers take some megabytes before anything counts as unread.
        var written = 0
        while written < 1000, stream.write(chunk) { written += 1 }
        #expect(written < 1000)
        #expect(closed.wait() == true)
        goOn.send(true)
        reader.join()
        #expect(outcome.wait() == false)
    }

    @Test func `a stream that is let go is not taken for a complete one`() throws {
        let test = try TestServer { _, responder in
            responder.stream(status: 200, headers: []).write(Array("half".utf8))
        }
        let client = try test.client()
        #expect(throws: ClientError.self) { try client.stream("GET", "/") { _ in true } }
    }

    @Test func `stopping ends streams, waiting requests and their clients`() throws {
        let arrived = Signal<Bool>()
        let closed = Signal<Bool>()
        let kept = Mutex<[any Sendable]>([])
        let test = try TestServer { request, responder in
            if request.path == "/stream" {
                let stream = responder.stream(status: 200, headers: [])
                stream.onClose { closed.send(true) }
                kept.withLock { $0.append(stream) }
            } else {
                kept.withLock { $0.append(responder) }
            }
            arrived.send(true)
        }
        let client = try test.client()
        let ended = Signal<Int>()
        let threads = (0..<8).map { index in
            TestThread {
                if index % 2 == 0 {
                    try? client.stream("GET", "/stream") { _ in true }
                    ended.send(0)
                } else {
                    let status = try? client.send("GET", "/wait").status
                    ended.send(status ?? 0)
                }
            }
        }
        #expect(arrived.wait(count: 8).count == 8)
        test.server.stop()
        for thread in threads { thread.join() }
        #expect(closed.wait(count: 4).count == 4)
        #expect(ended.wait(count: 8).allSatisfy { $0 == 0 || $0 == 503 })
        #expect(throws: ClientError.self) { try client.send("GET", "/") }
    }

    @Test func `an error answer to a streaming request is thrown`() throws {
        let test = try TestServer { _, responder in
            let status = #"{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1"}"#
            responder.respond(status: 410, headers: [], body: Array(status.utf8))
        }
        let client = try test.client()
        let error = #expect(throws: ClientError.self) { try client.stream("GET", "/") { _ in true } }
        #expect(error?.isExpired == true)
        #expect(error?.description == "too old resource version: 1")
    }
}
