import Glibc
import Model
import Testing
import Threads

@testable import Agent

private typealias Serve = @Sendable (Int32) -> Void

/// Has the prober make a check as an agent would, and returns what it found. A second check behind it shows that the
/// first was answered once.
private func check(_ probe: Probe, port: Int, address: String = "127.0.0.1") throws -> String? {
    let answers = Journal<String?>()
    let prober = NetworkProber()
    defer { prober.stop() }
    let key = ProbeKey(podUID: "u1", container: "web", attempt: 0, kind: .readiness)
    let ports = [ContainerPort { ($0.name, $0.containerPort) = ("web", port) }]
    let request = ProbeRequest(key: key, probe: probe, ports: ports, address: address)
    let (exchange, number) = try #require(Agent.exchange(for: request))
    prober.add(
        NetworkProber.Check(address: address, port: number, exchange: exchange, timeout: probe.timeout) {
            answers.note($0)
        })
    let answer = try #require(answers.wait(count: 1).first)
    prober.add(
        NetworkProber.Check(address: "nowhere", port: 1, exchange: TCPProbe(), timeout: .seconds(60)) {
            answers.note($0)
        })
    #expect(answers.wait(count: 2).count == 2)
    return answer
}

private func check(_ probe: Probe, against serve: Serve?) throws -> String? {
    let server = try LoopbackServer(serve)
    defer { server.stop() }
    return try check(probe, port: server.port)
}

private func http(_ build: (inout HTTPGetAction) -> Void = { _ in }) -> Probe {
    Probe {
        $0.httpGet = HTTPGetAction {
            $0.port = .name("web")
            build(&$0)
        }
        $0.timeoutMilliseconds = 60_000
    }
}

private let tcp = Probe {
    $0.tcpSocket = TCPCheck { $0.port = .name("web") }
    $0.timeoutMilliseconds = 60_000
}

private let grpc = Probe {
    $0.grpc = GRPCCheck { ($0.port, $0.service) = (.name("web"), "shop") }
    $0.timeoutMilliseconds = 60_000
}

@Test func `a TCP check succeeds where a connection is accepted`() throws {
    #expect(try check(tcp, against: { _ in }) == nil)
}

@Test(arguments: [tcp, http(), grpc])
func `a refused connection fails every kind of check`(probe: Probe) throws {
    #expect(try check(probe, against: nil)?.contains("Connection refused") == true)
}

@Test func `an address that is none fails at once`() throws {
    #expect(try check(tcp, port: 80, address: "web.example")?.hasSuffix("no such address") == true)
}

private let httpAnswers: [(String, String?)] = [
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", nil), ("HTTP/1.0 204\r\n\r\n", nil),
    ("HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", nil), ("HTTP/1.1 399 Odd\n\n", nil),
    ("HTTP/1.1 404 Not Found\r\n\r\n", "HTTP status 404"), ("HTTP/1.1 503 Busy\r\n\r\n", "HTTP status 503"),
    ("SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"), ("HTTP/1.1 fine\r\n", "the answer is not HTTP"),
    (String(repeating: "x", count: 4000), "the answer is not HTTP"),
    ("HTTP/1.1 20", "the connection was closed without an answer"),
    ("", "the connection was closed without an answer"),
]

@Test(arguments: httpAnswers)
func `an HTTP check judges the status line`(answer: String, failure: String?) throws {
    let found = try check(http()) { connection in
        receive(connection, until: "\r\n\r\n")
        send(Array(answer.utf8), to: connection)
    }
    #expect(found == failure)
}

@Test(arguments: [http(), grpc])
func `a server that does not answer fails when the time is over`(probe: Probe) throws {
    var probe = probe
    probe.timeoutMilliseconds = 20
    let failure = try check(probe) { receive($0, until: nil) }
    #expect(failure?.hasPrefix("no answer from 127.0.0.1:") == true)
}

@Test func `an HTTP request has each header once and no line break from outside`() throws {
    let requests = Journal<String>()
    let probe = http {
        $0.path = "health\r\nX-Injected: 1"
        $0.httpHeaders = [
            HTTPHeader { ($0.name, $0.value) = ("host", "shop.example") },
            HTTPHeader { ($0.name, $0.value) = ("Accept", "text/plain") },
        ]
    }
    #expect(
        try check(probe) { connection in
            requests.note(String(decoding: receive(connection, until: "\r\n\r\n"), as: UTF8.self))
            send(Array("HTTP/1.1 200 OK\r\n\r\n".utf8), to: connection)
        } == nil)
    let lines = requests.entries.first?.split(separator: "\r\n").map(String.init) ?? []
    #expect(lines.first == "GET /healthX-Injected: 1 HTTP/1.1")
    #expect(lines.filter { $0.lowercased().hasPrefix("host:") } == ["host: shop.example"])
    #expect(lines.filter { $0.lowercased().hasPrefix("accept:") } == ["Accept: text/plain"])
}

/// An HTTP/2 frame (RFC 9113, section 4.1).
private func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
    let head: [UInt8] = [0, UInt8(payload.count >> 8), UInt8(payload.count & 255), type, flags, 0, 0, 0, stream]
    return head + payload
}

private let settings: [UInt8] = frame(4)
private let headers: [UInt8] = frame(1, flags: 4, stream: 1, [0x88])

private let grpcAnswers: [([UInt8], String?)] = [
    (settings + headers + frame(0, stream: 1, [0, 0, 0, 0, 2, 8, 1]), nil),
    (settings + frame(0, stream: 1, [0, 0, 0, 0, 2, 8, 2]), "health status NOT_SERVING"),
    (settings + frame(0, stream: 1, [0, 0, 0, 0, 2, 8, 3]), "health status SERVICE_UNKNOWN"),
    (settings + frame(0, stream: 1, [0, 0, 0, 0, 0]), "health status UNKNOWN"),
    (settings + frame(1, flags: 5, stream: 1, [0x88]), "the server refused the health check"),
    (settings + frame(3, stream: 1, [0, 0, 0, 7]), "the server reset the stream"),
    (settings + frame(7, [0, 0, 0, 0, 0, 0, 0, 2]), "the server closed the connection"),
    (Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), "the answer is not HTTP/2"),
]

@Test(arguments: grpcAnswers)
func `a gRPC check reads the health status`(answer: [UInt8], failure: String?) throws {
    let requests = Journal<[UInt8]>()
    let found = try check(grpc) { connection in
        requests.note(receive(connection, until: "\u{6}\n\u{4}shop"))
        // One byte at a time: frames come in pieces.
        for byte in answer { send([byte], to: connection) }
        receive(connection, until: nil)
    }
    #expect(found == failure)
    #expect(requests.entries.first?.starts(with: Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + settings) == true)
}

@Test func `a gRPC connection that ends without a status fails`() throws {
    let failure = try check(grpc) { connection in
        receive(connection, until: "\u{6}\n\u{4}shop")
        send(settings, to: connection)
    }
    #expect(failure == "the connection was closed without an answer")
}

@Test func `two hundred checks at once are each answered once`() throws {
    let server = try LoopbackServer { connection in
        let request = String(decoding: receive(connection, until: "\r\n\r\n"), as: UTF8.self)
        let status = request.hasPrefix("GET /even") ? 200 : 500
        send(Array("HTTP/1.1 \(status) Answer\r\n\r\n".utf8), to: connection)
    }
    defer { server.stop() }
    let prober = NetworkProber()
    defer { prober.stop() }
    let answers = Journal<(number: Int, failure: String?)>()
    for number in 0..<200 {
        let action = HTTPGetAction { $0.path = number.isMultiple(of: 2) ? "/even" : "/odd" }
        let exchange = HTTPProbe(action, address: "127.0.0.1", port: server.port)
        prober.add(
            NetworkProber.Check(
                address: "127.0.0.1", port: server.port, exchange: exchange, timeout: .seconds(60)
            ) { answers.note((number, $0)) })
    }
    let entries = answers.wait(count: 200).sorted { $0.number < $1.number }
    #expect(entries.map(\.number) == Array(0..<200))
    #expect(entries.allSatisfy { $0.failure == ($0.number.isMultiple(of: 2) ? nil : "HTTP status 500") })
}

@Test func `stopping drops checks without an answer and closes their connections`() throws {
    let events = Journal<String>()
    let server = try LoopbackServer { connection in
        events.note("accepted")
        receive(connection, until: nil)
        events.note("closed")
    }
    defer { server.stop() }
    let prober = NetworkProber()
    let check = NetworkProber.Check(
        address: "127.0.0.1", port: server.port,
        exchange: HTTPProbe(HTTPGetAction(), address: "127.0.0.1", port: server.port), timeout: .seconds(3600)
    ) { events.note("answered: \($0 ?? "success")") }
    prober.add(check)
    _ = events.wait(count: 1)
    prober.stop()
    prober.add(check)
    #expect(events.wait(count: 2) == ["accepted", "closed"])
}

@Test func `a named port that the container does not have is no check`() {
    let key = ProbeKey(podUID: "u1", container: "web", attempt: 0, kind: .liveness)
    for probe in [tcp, http(), grpc, Probe()] {
        let request = ProbeRequest(key: key, probe: probe, ports: [], address: "127.0.0.1")
        #expect(Agent.exchange(for: request) == nil)
    }
}
