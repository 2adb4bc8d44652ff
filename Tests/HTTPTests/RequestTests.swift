import Client
import HTTP
import PKI
import Synchronization
import Testing

struct RequestTests {
    @Test func `a request arrives whole and its answer returns whole`() throws {
        let test = try TestServer { request, responder in
            let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";")
            let body =
                "\(request.method) \(request.path) [\(query)] \(request.headers["x-a"] ?? "-") \(request.body.count)"
            responder.respond(status: 201, headers: [("X-B", "c")], body: Array(body.utf8))
        }
        let answer = try test.client().send(
            "PUT", "/a%20b/%C3%A9?x=1&x=2+3&y", headers: [("X-A", "one")], body: [1, 2, 3])
        #expect(answer.status == 201)
        #expect(answer.headers["x-b"] == "c")
        #expect(text(answer) == "PUT /a b/é [x=1;x=2 3;y=] one 3")
    }

    @Test(arguments: ["/%zz", "/%2", "/%00", "/%ff", "/?a=%q"])
    func `a target that spells no text is refused`(target: String) throws {
        let test = try TestServer { _, responder in responder.respond(status: 200, headers: [], body: []) }
        #expect(try test.client().send("GET", target).status == 400)
    }

    @Test func `a head has no body and leaves the connection usable`() throws {
        let test = try TestServer { _, responder in
            responder.respond(status: 200, headers: [], body: Array("body".utf8))
        }
        let client = try test.client()
        let head = try client.send("HEAD", "/")
        #expect(head.headers["content-length"] == "4" && head.body.isEmpty)
        #expect(try text(client.send("GET", "/")) == "body")
        #expect(client.connectionCount == 1)
    }

    @Test func `bodies together take no more memory than there is for them, and give it back`() throws {
        let test = try TestServer {
            $0.maximumBodyMemoryBytes = 1 << 20
        } handler: { request, responder in
            responder.respond(status: 200, headers: [], body: Array(String(request.body.count).utf8))
        }
        let client = try test.client()
        for size in [1 << 20, 2 << 20, 1 << 20, 4 << 20, 1 << 20, 1 << 20] {
            let answer = try client.send("POST", "/", body: [UInt8](repeating: 7, count: size))
            #expect(answer.status == [1 << 20: 200, 2 << 20: 503, 4 << 20: 413][size])
        }
    }

    @Test(arguments: [(1000, 200), (1001, 413), (10_000, 413), (1_000_000, 413)])
    func `a body beyond the limit is refused`(size: Int, status: Int) throws {
        let test = try TestServer {
            $0.maximumBodyBytes = 1000
        } handler: { request, responder in
            responder.respond(status: 200, headers: [], body: Array(String(request.body.count).utf8))
        }
        let answer = try test.client().send("POST", "/", body: [UInt8](repeating: 7, count: size))
        #expect(answer.status == status)
        if status == 200 { #expect(text(answer) == "1000") }
    }

    @Test func `a large body goes there and back`() throws {
        let test = try TestServer { request, responder in
            responder.respond(status: 200, headers: [], body: request.body)
        }
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        #expect(try test.client().send("POST", "/", body: body).body == body)
    }

    @Test func `a connection is kept for the next request, with answers at once and from other threads`() throws {
        let test = try TestServer { request, responder in
            let answer = Array(request.path.utf8)
            guard request.path.hasSuffix("1") else {
                return responder.respond(status: 200, headers: [], body: answer)
            }
            TestThread { responder.respond(status: 200, headers: [], body: answer) }.join()
        }
        let client = try test.client()
        for index in 0..<200 { #expect(try text(client.send("GET", "/\(index)")) == "/\(index)") }
        #expect(client.connectionCount == 1)
    }

    @Test func `every one of many concurrent requests gets its own answer`() throws {
        let waiting = Mutex<[(String, any HTTPResponder)]>([])
        let test = try TestServer { request, responder in
            // Answers are given in batches, by whichever request completes one.
            let ready = waiting.withLock { waiting -> [(String, any HTTPResponder)] in
                waiting.append((request.path, responder))
                guard waiting.count == 4 else { return [] }
                defer { waiting = [] }
                return waiting
            }
            for (path, responder) in ready { responder.respond(status: 200, headers: [], body: Array(path.utf8)) }
        }
        let client = try test.client()
        let wrong = Mutex(0)
        let threads = (0..<4).map { thread in
            TestThread {
                for index in 0..<100 {
                    let answer = try? client.send("GET", "/\(thread)/\(index)")
                    if answer.map(text) != "/\(thread)/\(index)" { wrong.withLock { $0 += 1 } }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrong.withLock { $0 } == 0)
        #expect(client.connectionCount <= 4)
    }

    @Test func `a request that is forgotten is answered 500`() throws {
        let test = try TestServer { _, _ in }
        #expect(try test.client().send("GET", "/").status == 500)
    }

    @Test func `only the first answer counts`() throws {
        let test = try TestServer { _, responder in
            responder.respond(status: 200, headers: [], body: Array("first".utf8))
            responder.respond(status: 500, headers: [], body: [])
            #expect(!responder.stream(status: 200, headers: []).write([1]))
        }
        #expect(try text(test.client().send("GET", "/")) == "first")
    }

    @Test func `an address that is taken is named`() throws {
        let test = try TestServer { _, responder in responder.respond(status: 200, headers: [], body: []) }
        let config = HTTPServerConfig(address: "127.0.0.1", port: test.server.port)
        let error = #expect(throws: HTTPServerError.self) { try HTTPServer(config: config) { _, _ in } }
        #expect(error?.message == "cannot listen on 127.0.0.1:\(test.server.port): address already in use")
    }

    @Test func `a certificate without its key is refused`() throws {
        let authority = try CertificateAuthority.generate(commonName: "a", now: testNow())
        let other = try CertificateAuthority.generate(commonName: "b", now: testNow())
        let tls = TLSIdentity(certificateChain: authority.certificatePEM, privateKey: other.keyPEM)
        let error = #expect(throws: HTTPServerError.self) {
            try HTTPServer(config: HTTPServerConfig(address: "127.0.0.1", port: 0, tls: tls)) { _, _ in }
        }
        #expect(error?.message.hasPrefix("the server's certificate and key cannot be used") == true)
    }
}
