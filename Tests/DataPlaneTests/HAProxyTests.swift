import Glibc
import Linux
import Model
import Proxy
import Testing
import Threads

@testable import DataPlane

/// Clients that make requests without end, and what became of them.
final class Load: Sendable {
    private struct Count {
        var good = 0
        var bad: [String] = []
        var isOver = false
    }
    private let count = Monitor(Count())
    private let threads: [Thread]

    /// - Parameter keepsConnections: whether a client makes all of its requests on one connection.
    init(_ port: Int, clients: Int, keepsConnections: Bool = false) throws {
        threads = try (0..<clients).map { [count] client in
            try Thread {
                let connection = keepsConnections ? HTTP.connect(port) : nil
                defer { if let connection { close(connection) } }
                while !count.change({ $0.isOver }) {
                    // Connections of their own: one that waits for a next request may be closed at any time.
                    let answer =
                        connection.map { HTTP.request(on: $0) }
                        ?? HTTP.get(port, headers: ["Host: test", "Connection: close"])
                    count.change { count in
                        if answer?.status == 200 {
                            count.good += 1
                        } else {
                            count.bad.append(answer.map { "\($0.status)" } ?? "no answer")
                        }
                    }
                }
            }
        }
    }

    /// Waits until so many more requests were answered.
    func pass(_ more: Int) {
        let goal = count.change { $0.good } + more
        _ = count.wait(atMost: .seconds(60)) { $0.good >= goal || !$0.bad.isEmpty ? true : nil }
    }

    /// Ends, and says what was lost.
    func finish() -> (good: Int, bad: [String]) {
        count.change { $0.isOver = true }
        for thread in threads { thread.join() }
        return count.change { ($0.good, $0.bad) }
    }
}

/// The tests with a real HAProxy, one after the other: each wants the machine's processors for itself.
@Suite(.serialized) enum LiveHAProxy {}

extension LiveHAProxy {
    @Suite(.timeLimit(.minutes(10)), .enabled(if: isRoot)) struct HAProxyTests {
        @Test func `pods come and go under load without a request lost, and a pod that goes finishes first`() throws {
            try withProxy { proxy in
                let (a, b, c) = (try Origin("a"), try Origin("b"), try Origin("c"))
                defer { for origin in [a, b, c] { origin.stop() } }
                let port = TestPorts.next()
                proxy.director.apply(table(service(port: port, [a])))
                #expect(proxy.awaitServing("a"))
                #expect(HTTP.get(port)?.body == "a")
                let load = try Load(port, clients: 4)
                load.pass(50)
                for round in 0..<5 {
                    let both = table(service(port: port, [a, b, c]))
                    proxy.director.apply(both)
                    #expect(proxy.awaitServing("a", "b", "c"))
                    load.pass(30)
                    for pod in ["b", "c"] {
                        proxy.director.apply(both.draining("b").draining("c"))
                        #expect(proxy.awaitDrained(pod), "round \(round)")
                    }
                    let before = b.requests + c.requests
                    load.pass(30)
                    #expect(b.requests + c.requests == before)
                    proxy.director.apply(table(service(port: port, [a])))
                    load.pass(10)
                }
                let result = load.finish()
                #expect(result.bad == [])
                #expect(result.good >= 400)
                #expect(b.requests > 0 && c.requests > 0)
            }
        }

        @Test func `connections to a pod that came while HAProxy ran are used again`() throws {
            try withProxy { proxy in
                let (first, later) = (try Origin("first"), try Origin("later"))
                defer { for origin in [first, later] { origin.stop() } }
                let port = TestPorts.next()
                proxy.director.apply(table(service(port: port, [first])))
                #expect(proxy.awaitServing("first"))
                proxy.director.apply(table(service(port: port, [later])))
                #expect(proxy.awaitServing("later"))
                #expect(proxy.awaitUnserved("first"))
                let connection = try #require(HTTP.connect(port))
                defer { close(connection) }
                for _ in 0..<20 { #expect(HTTP.request(on: connection)?.body == "later") }
                #expect(later.requests == 20)
                #expect(later.accepted == 1)
            }
        }

        @Test func `clients that keep their connections lose nothing when pods come and go`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let port = TestPorts.next()
                let both = table(service(port: port, [a, b]))
                proxy.director.apply(both)
                #expect(proxy.awaitServing("a", "b"))
                let load = try Load(port, clients: 4, keepsConnections: true)
                for _ in 0..<5 {
                    load.pass(50)
                    proxy.director.apply(both.draining("b"))
                    #expect(proxy.awaitDrained("b"))
                    let before = b.requests
                    load.pass(50)
                    #expect(b.requests == before)
                    proxy.director.apply(both)
                    #expect(proxy.awaitServing("b"))
                }
                #expect(load.finish().bad == [])
            }
        }

        @Test func `a pod that dies under load costs no request of an App that has them repeated`() throws {
            try withProxy { proxy in
                let (a, b, c) = (try Origin("a"), try Origin("b"), try Origin("c"))
                defer { for origin in [a, b, c] { origin.stop() } }
                let port = TestPorts.next()
                proxy.director.apply(
                    table(service(port: port, [a, b, c]) { $0.retries?.on = ["ConnectFailure", "EmptyResponse"] }))
                #expect(proxy.awaitServing("a", "b", "c"))
                let load = try Load(port, clients: 4)
                load.pass(100)
                c.stop()
                load.pass(200)
                #expect(load.finish().bad == [])
            }
        }

        @Test func `no pod counts as drained before it is known what HAProxy does`() throws {
            try withProxy { proxy in
                let a = try Origin("a")
                defer { a.stop() }
                #expect(!proxy.director.isDrained("unknown"))
                proxy.director.apply(table(service(port: TestPorts.next(), [a])))
                #expect(!proxy.director.isDrained("a"))
                #expect(proxy.awaitServing("a"))
                #expect(proxy.director.isDrained("unknown") && !proxy.director.isDrained("a"))
            }
        }

        @Test func `a pod is drained only when its last request is answered`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let port = TestPorts.next()
                let both = table(service(port: port, [a, b]))
                proxy.director.apply(table(service(port: port, [b])))
                #expect(proxy.awaitServing("b"))
                b.manner = .holding
                let slow = Monitor<HTTP.Answer??>(nil)
                let client = try Thread {
                    let answer = HTTP.get(port)
                    slow.change { $0 = .some(answer) }
                }
                #expect(b.awaitHeld(1))
                proxy.director.apply(both.draining("b"))
                #expect(proxy.awaitServing("a"))
                #expect(HTTP.get(port)?.body == "a")
                #expect(!proxy.director.isDrained("b"))
                #expect(slow.change { $0 } == nil)
                b.manner = .well
                #expect(proxy.awaitDrained("b"))
                client.join()
                #expect(slow.change { $0 }??.body == "b")
            }
        }

        @Test func `services come and go by reloads, without a request lost`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let (port, other) = (TestPorts.next(), TestPorts.next())
                let one = service(port: port, [a])
                proxy.director.apply(table(one))
                #expect(proxy.awaitServing("a"))
                let load = try Load(port, clients: 4)
                for _ in 0..<3 {
                    proxy.director.apply(table(one, service("other", port: other, [b])))
                    #expect(proxy.awaitServing("a", "b"))
                    #expect(HTTP.get(other)?.body == "b")
                    load.pass(20)
                    proxy.director.apply(table(one))
                    #expect(proxy.awaitDrained("b"))
                    load.pass(20)
                }
                #expect(load.finish().bad == [])
                #expect(HTTP.get(other) == nil)
            }
        }

        @Test func `a request in flight in a process that a reload has replaced counts against draining`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let (port, other) = (TestPorts.next(), TestPorts.next())
                proxy.director.apply(table(service(port: port, [a])))
                #expect(proxy.awaitServing("a"))
                a.manner = .holding
                let client = try Thread { #expect(HTTP.get(port)?.body == "a") }
                #expect(a.awaitHeld(1))
                let both = table(service(port: port, [a, b]), service("other", port: other, [b]))
                proxy.director.apply(both)
                #expect(proxy.awaitServing("b"))
                proxy.director.apply(both.draining("a"))
                #expect(proxy.awaitUnserved("a"))
                #expect(HTTP.get(port)?.body == "b")
                #expect(!proxy.director.isDrained("a"))
                a.manner = .well
                client.join()
                #expect(proxy.awaitDrained("a"))
            }
        }

        @Test func `a killed HAProxy is back and serves the pods of now`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let port = TestPorts.next()
                proxy.director.apply(table(service(port: port, [a])))
                #expect(proxy.awaitServing("a"))
                proxy.director.apply(table(service(port: port, [b])))
                #expect(proxy.awaitServing("b") && proxy.awaitDrained("a"))
                let pid = try #require(proxy.pid)
                kill(pid, SIGKILL)
                #expect(proxy.await { if case .running(let new, false) = $0 { new != pid } else { false } } != nil)
                #expect(proxy.awaitServing("b"))
                var answer: HTTP.Answer?
                while answer == nil { answer = HTTP.get(port) }
                #expect(answer?.body == "b")
            }
        }

        @Test func `the next agent takes HAProxy over as it runs, and corrects what changed meanwhile`() throws {
            try withTestDirectory { directory in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let port = TestPorts.next()
                let first = try LiveProxy("\(directory)/proxy")
                first.director.apply(table(service(port: port, [a])))
                #expect(first.awaitServing("a"))
                let pid = try #require(first.pid)
                first.director.leave()
                #expect(HTTP.get(port)?.body == "a")
                let second = try LiveProxy("\(directory)/proxy")
                defer { second.director.stop(finishing: .milliseconds(10)) }
                second.director.apply(table(service(port: port, [b])))
                #expect(second.awaitServing("b"))
                #expect(second.pid == pid)
                #expect(second.awaitDrained("a"))
                #expect(HTTP.get(port)?.body == "b")
                let wasReloaded = second.events.change {
                    $0.contains { if case .applied(let why) = $0 { why != nil } else { false } }
                }
                #expect(!wasReloaded)
            }
        }

        @Test func `a configuration that is refused leaves the last good one, and pods still come and go`() throws {
            try withProxy { proxy in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let (port, other) = (TestPorts.next(), TestPorts.next())
                proxy.director.apply(table(service(port: port, [a])))
                #expect(proxy.awaitServing("a"))
                var broken = service("other", port: other, [])
                broken.virtualAddress = "no address"
                proxy.director.apply(table(service(port: port, [b]), broken))
                guard case .refused(let reason)? = proxy.await({ if case .refused = $0 { true } else { false } }) else {
                    Issue.record("nothing was refused")
                    return
                }
                #expect(reason.contains("no address") || reason.contains("parsing"), "\(reason)")
                #expect(proxy.awaitServing("b"))
                #expect(HTTP.get(port)?.body == "b")
                proxy.director.apply(table(service(port: port, [b]), service("other", port: other, [a])))
                #expect(proxy.awaitServing("a"))
                #expect(HTTP.get(other)?.body == "a")
            }
        }
    }
}
