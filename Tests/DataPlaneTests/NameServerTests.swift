import Glibc
import Linux
import Model
import Network
import Testing
import Threads

@testable import DataPlane

/// dnsmasq itself, on loopback addresses of the test.
@Suite(
    .enabled(if: isRoot && NameServer.isInstalled(), "needs root and dnsmasq"), .serialized, .timeLimit(.minutes(10)))
struct NameServerTests {
    private static let address = "127.53.77.1"
    private static let upstream = "127.53.77.2"

    /// A server in a directory, and what happens to it.
    private final class Subject {
        let directory: String
        let events = Mailbox<ProgramEvent>()
        let resolver: DNSSocket

        init(_ directory: String) throws {
            self.directory = directory
            resolver = try DNSSocket()
            try writeWhole("\(directory)/resolv.conf", Array("nameserver \(upstream)\n".utf8), mode: 0o644)
            chmod(directory, 0o755)
        }

        func server(range: String = "10.77.0.0/16") throws -> NameServer {
            let server = NameServer(
                directory: "\(directory)/dns", address: try IPAddress(address),
                ranges: [try CIDR(range), try CIDR("10.78.0.0/16")], upstream: "\(directory)/resolv.conf",
                spacing: .milliseconds(1), onEvent: { [events] in events.send($0) })
            try server.start()
            return server
        }

        func nextPid() throws -> (pid: Int32, adopted: Bool) {
            while let event = events.receive() {
                if case .running(let pid, let adopted) = event { return (pid, adopted) }
            }
            throw LinuxError("run", errno: ECHILD)
        }

        /// Asks until the answer is as expected, for at most ten seconds.
        func expect(
            _ name: String, type: UInt16 = DNSMessage.a, _ answers: [String], code: UInt8 = 0,
            at place: SourceLocation = #_sourceLocation
        ) throws {
            let deadline = MachineClock.monotonic + .seconds(10)
            var last: DNSMessage?
            while MachineClock.monotonic < deadline {
                last = try resolver.ask(address, name, type) ?? last
                if last?.answers == answers, last?.code == code { return }
            }
            Issue.record("\(name): \(last.map { "\($0)" } ?? "no answer")", sourceLocation: place)
        }
    }

    private func withSubject(_ body: (Subject) throws -> Void) throws {
        try withTestDirectory { try body(Subject($0)) }
    }

    private func app(_ name: String, _ addresses: [String], port: UInt16? = nil) throws -> AppName {
        AppName(
            namespace: "shop", name: name, addresses: try addresses.map { text throws in try IPAddress(text) },
            ports: port.map { [.init(name: "http", number: $0)] } ?? [])
    }

    @Test func `names of Apps are answered, and what is not known of ours does not exist`() throws {
        try withSubject { subject in
            let server = try subject.server()
            defer { server.stop() }
            try server.set(
                Names([app("web", ["10.78.0.5"], port: 80), app("db", ["10.77.0.9", "10.77.0.8"])]))
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
            try subject.expect("web.shop.svc", ["10.78.0.5"])
            try subject.expect("db.shop.svc.cluster.local", ["10.77.0.8", "10.77.0.9"])
            try subject.expect("5.0.78.10.in-addr.arpa", type: DNSMessage.ptr, ["web.shop.svc.cluster.local"])
            try subject.expect(
                "_http._tcp.web.shop.svc.cluster.local", type: DNSMessage.srv, ["web.shop.svc.cluster.local:80"])
            #expect(
                try subject.resolver.ask(Self.address, "web.shop.svc.cluster.local", milliseconds: 5000)?.timeToLive
                    == 5)
            // A name that is there has no address of IPv6: a resolver that asks for both must not take it for unknown.
            try subject.expect("web.shop.svc.cluster.local", type: DNSMessage.aaaa, [])
            // Nobody is upstream: whatever were forwarded would get no answer.
            try subject.expect("no.shop.svc.cluster.local", [], code: 3)
            try subject.expect("no.shop.svc", [], code: 3)
            try subject.expect("6.0.77.10.in-addr.arpa", type: DNSMessage.ptr, [], code: 3)
            try subject.expect("web", [], code: 3)
        }
    }

    @Test func `other names go to the node's servers`() throws {
        try withSubject { subject in
            let upstream = try DNSSocket(on: Self.upstream, port: 53)
            let server = try subject.server()
            defer { server.stop() }
            try server.set(Names([]))
            try subject.expect("no.svc.cluster.local", [], code: 3)
            _ = try subject.resolver.ask(Self.address, "example.com", milliseconds: 0)
            #expect(try upstream.refuseOne(milliseconds: 10_000))
        }
    }

    @Test func `names change without a restart, and service records with one`() throws {
        try withSubject { subject in
            let server = try subject.server()
            defer { server.stop() }
            let first = try subject.nextPid()
            try server.set(Names([app("web", ["10.78.0.5"])]))
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
            try server.set(Names([app("shop", ["10.78.0.6"])]))
            try subject.expect("shop.shop.svc.cluster.local", ["10.78.0.6"])
            try subject.expect("web.shop.svc.cluster.local", [], code: 3)
            #expect(server.status == .running(pid: first.pid))
            try server.set(Names([app("shop", ["10.78.0.6"], port: 8080)]))
            try subject.expect(
                "_http._tcp.shop.shop.svc.cluster.local", type: DNSMessage.srv, ["shop.shop.svc.cluster.local:8080"])
            #expect(try subject.nextPid().pid != first.pid)
        }
    }

    @Test func `no question is lost while the server is started again`() throws {
        try withSubject { subject in
            let server = try subject.server()
            defer { server.stop() }
            try server.set(Names([app("web", ["10.78.0.5"])]))
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
            _ = try subject.nextPid()
            for round in UInt16(1)...5 {
                try server.set(Names([app("web", ["10.78.0.5"], port: round)]))
                // Until the new server runs, and some more: each question is asked once, and answered.
                var pid: Int32?
                var asked = 0
                while pid == nil || asked < 50 {
                    let answer = try subject.resolver.ask(
                        Self.address, "web.shop.svc.cluster.local", milliseconds: 10_000)
                    #expect(answer?.answers == ["10.78.0.5"])
                    asked += 1
                    if case .running(let new, _)? = subject.events.receiveAll(waiting: .zero)?.last { pid = new }
                }
            }
        }
    }

    @Test func `the server outlives who started it, and is taken over with its names`() throws {
        try withSubject { subject in
            let first = try subject.server()
            let started = try subject.nextPid()
            try first.set(Names([app("web", ["10.78.0.5"])]))
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
            first.leave()
            let second = try subject.server()
            #expect(try subject.nextPid() == (started.pid, true))
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
            second.leave()
            let third = try subject.server(range: "10.76.0.0/16")
            defer { third.stop() }
            let replaced = try subject.nextPid()
            #expect(replaced.pid != started.pid && !replaced.adopted)
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
        }
    }

    @Test func `a server that dies is started again and knows its names`() throws {
        try withSubject { subject in
            let server = try subject.server()
            defer { server.stop() }
            let first = try subject.nextPid()
            try server.set(Names([app("web", ["10.78.0.5"], port: 80)]))
            try subject.expect(
                "_http._tcp.web.shop.svc.cluster.local", type: DNSMessage.srv, ["web.shop.svc.cluster.local:80"])
            let current = try subject.nextPid()
            kill(current.pid, SIGKILL)
            #expect(try subject.nextPid().pid != first.pid)
            try subject.expect("web.shop.svc.cluster.local", ["10.78.0.5"])
        }
    }
}
