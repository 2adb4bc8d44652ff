import Glibc
import Linux
import Model
import Proxy
import Testing
import Threads

@testable import DataPlane

extension LiveHAProxy {
    /// What HAProxy does with the requests, as the Apps say.
    @Suite(.timeLimit(.minutes(10)), .enabled(if: isRoot)) struct TrafficBehaviourTests {
        /// Who answers so many requests.
        private func answers(_ port: Int, _ count: Int, headers: [String] = ["Host: test"]) -> [String: Int] {
            (0..<count).reduce(into: [:]) { counts, _ in
                let answer = HTTP.get(port, headers: headers)
                counts[answer.map { $0.status == 200 ? $0.body : "\($0.status)" } ?? "none", default: 0] += 1
            }
        }

        @Test func `the next side gets its share of the requests, and all or nothing at once`() throws {
            try withOrigins("a", "n") { proxy, origins, port in
                func share(_ share: Int) {
                    proxy.director.apply(
                        table(service(port: port, [origins[0]], next: [origins[1]], share: share)))
                }
                share(0)
                #expect(proxy.awaitServing("a", "n"))
                #expect(answers(port, 40) == ["a": 40])
                share(2500)
                var counts: [String: Int] = [:]
                while counts["n"] == nil { counts = answers(port, 20) }
                counts = answers(port, 800)
                #expect((120...280).contains(counts["n"] ?? 0), "\(counts)")
                share(10_000)
                while answers(port, 1)["a"] != nil {}
                #expect(answers(port, 40)["a"] ?? 0 < 3)
            }
        }

        @Test func `users stay on their pod by a cookie, and move when it drains`() throws {
            try withOrigins("a", "b", "c") { proxy, origins, port in
                let whole = table(service(port: port, origins) { $0.sticky = StickySpec { $0.cookie = "stay" } })
                proxy.director.apply(whole)
                #expect(proxy.awaitServing("a", "b", "c"))
                let first = try #require(HTTP.get(port))
                let cookie = try #require(
                    first.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("set-cookie: stay=") })
                let value = cookie.split(separator: " ")[1].prefix { $0 != ";" }
                let headers = ["Host: test", "Cookie: other=1; \(value)"]
                #expect(answers(port, 20, headers: headers) == [first.body: 20])
                #expect(HTTP.get(port, headers: headers)?.head.lowercased().contains("set-cookie") == false)
                proxy.director.apply(whole.draining(first.body))
                #expect(proxy.awaitDrained(first.body))
                let moved = try #require(HTTP.get(port, headers: headers))
                #expect(moved.body != first.body)
                #expect(moved.head.lowercased().contains("set-cookie: stay="))
            }
        }

        @Test func `users stay on their side while the share stays, and leave it when the share is taken back`() throws
        {
            try withOrigins("a", "n") { proxy, origins, port in
                func whole(_ share: Int) -> EndpointTable {
                    table(
                        service(port: port, [origins[0]], next: [origins[1]], share: share) {
                            $0.sticky = StickySpec { $0.cookie = "stay" }
                        })
                }
                proxy.director.apply(whole(5000))
                #expect(proxy.awaitServing("a", "n"))
                for (draw, pod) in [("4999", "n"), ("5000", "a"), ("0", "n"), ("9999", "a")] {
                    let headers = ["Host: test", "Cookie: stay=\(draw).\(pod)"]
                    #expect(answers(port, 10, headers: headers) == [pod: 10])
                }
                // Nonsense in a cookie is as good as none.
                #expect(HTTP.get(port, headers: ["Host: test", "Cookie: stay=x.y.z"])?.status == 200)
                proxy.director.apply(whole(0))
                let headers = ["Host: test", "Cookie: stay=0.n"]
                while answers(port, 1, headers: headers)["n"] != nil {}
                #expect(answers(port, 10, headers: headers) == ["a": 10])
            }
        }

        @Test func `requests beyond the rate get 429, and only those`() throws {
            try withOrigins("a") { proxy, origins, port in
                proxy.director.apply(
                    table(
                        service(port: port, origins) {
                            $0.rateLimit = RateLimitSpec {
                                $0.requestsPerSecond = 0.1
                                $0.per = "ClientIP"
                            }
                        }))
                #expect(proxy.awaitServing("a"))
                let answers = (0..<3).map { _ in HTTP.get(port) }
                #expect(answers.map { $0?.status } == [200, 429, 429])
                #expect(answers[1]?.head.lowercased().contains("retry-after: 10") == true)
                #expect(answers[1]?.body == "too many requests\n")
            }
        }

        @Test func `a pod that fails is left out, tried again after its time, and brought back`() throws {
            try withOrigins("a", "b", "c") { proxy, origins, port in
                origins[1].manner = .status(500)
                proxy.director.apply(
                    table(
                        service(port: port, origins) {
                            $0.circuitBreaker = CircuitBreakerSpec {
                                $0.consecutiveErrors = 3
                                $0.ejectFor = .milliseconds(300)
                            }
                        }))
                #expect(proxy.awaitServing("a", "b", "c"))
                var errors = 0
                while proxy.events.change({ events in
                    !events.contains { if case .circuit("b", true, _) = $0 { true } else { false } }
                }) {
                    errors += answers(port, 1)["500"] ?? 0
                }
                #expect(errors < 50)
                origins[1].manner = .well
                var isBack = false
                while !isBack {
                    _ = answers(port, 1)
                    isBack = proxy.events.change { events in
                        events.contains {
                            if case .circuit("b", false, "the pod answers again") = $0 { true } else { false }
                        }
                    }
                }
                while answers(port, 3)["b"] == nil {}
            }
        }

        @Test func `errors that further tries hide from users are seen all the same`() throws {
            try withOrigins("a", "b") { proxy, origins, port in
                origins[1].manner = .status(503)
                proxy.director.apply(
                    table(
                        service(port: port, origins) {
                            $0.retries = RetrySpec {
                                $0.attempts = 3
                                $0.on = ["ConnectFailure", "503"]
                            }
                            $0.circuitBreaker = CircuitBreakerSpec { $0.consecutiveErrors = 3 }
                        }))
                #expect(proxy.awaitServing("a", "b"))
                var isOpen = false
                while !isOpen {
                    #expect(answers(port, 5) == ["a": 5])
                    isOpen = proxy.events.change { events in
                        events.contains { if case .circuit("b", true, _) = $0 { true } else { false } }
                    }
                }
                #expect(origins[1].requests >= 3)
                // They stand with the pod that failed, though no request ended there.
                let pods = proxy.director.wait(atMost: .seconds(5)) {
                    let pods = proxy.director.traffic(namespace: "test", app: "web", seconds: 900).pods
                    return (pods["b"]?.retries ?? 0) >= 3 ? pods : nil
                }
                #expect(pods?["b"]?.requests == 0 && pods?["a"]?.retries == 0 && pods?["a"]?.serverErrors == 0)
                let ejected = proxy.director.trafficTotals.filter(\.value.isEjected).keys
                #expect(ejected.map(\.podUID) == ["b"])
                // What may have been carried out is not done twice.
                #expect(HTTP.get(port, method: "POST", headers: ["Host: test", "Content-Length: 0"]) != nil)
            }
        }

        @Test func `a pod gets no more requests at once than it may, few wait, and the rest are told so`() throws {
            try withOrigins("a") { proxy, origins, port in
                origins[0].manner = .holding
                proxy.director.apply(
                    table(
                        service(port: port, origins) {
                            $0.maxConnections = 1
                            $0.maxQueue = 1
                            $0.queueTimeout = .milliseconds(400)
                        }))
                #expect(proxy.awaitServing("a"))
                let held = Monitor<HTTP.Answer?>(nil)
                let client = try Thread {
                    let answer = HTTP.get(port)
                    held.change { $0 = answer }
                }
                #expect(origins[0].awaitHeld(1))
                let waiting = Monitor<HTTP.Answer?>(nil)
                let second = try Thread {
                    let answer = HTTP.get(port)
                    waiting.change { $0 = answer }
                }
                // One of two that come while another waits is refused at once, with a reason.
                var refused: HTTP.Answer?
                while refused?.body != "every pod is busy and the queue is full\n", waiting.change({ $0 }) == nil {
                    refused = HTTP.get(port)
                }
                second.join()
                #expect(waiting.change { $0 }?.status == 503)
                #expect(origins[0].requests == 1)
                origins[0].manner = .well
                client.join()
                #expect(held.change { $0 }?.status == 200)
            }
        }

        @Test func `WebSockets have a time of their own when a pod drains, and are cut after it`() throws {
            try withOrigins("a", "b") { proxy, origins, port in
                let whole = table(
                    service(port: port, origins) { $0.webSocketDrain = .milliseconds(300) })
                proxy.director.apply(whole)
                #expect(proxy.awaitServing("a", "b"))
                let socket = try #require(HTTP.connect(port))
                defer { close(socket) }
                let answer = HTTP.request(
                    on: socket,
                    headers: [
                        "Host: test", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    ])
                #expect(answer?.status == 101)
                let pod = try #require(origins.first { $0.lastRequest.lowercased().contains("websocket") }).name
                proxy.director.apply(whole.draining(pod))
                #expect(proxy.awaitUnserved(pod))
                #expect(!proxy.director.isDrained(pod))
                #expect(proxy.awaitDrained(pod))
                var byte: UInt8 = 0
                #expect(recv(socket, &byte, 1, 0) <= 0)
            }
        }

        @Test func `pods that are added to an empty service all get requests at once`() throws {
            for balance in ["Random", "RoundRobin", "LeastConnections"] {
                try withOrigins("a", "b", "c", "d") { proxy, origins, port in
                    proxy.director.apply(table(service(port: port, []) { $0.balance = balance }))
                    #expect(proxy.await { if case .applied = $0 { true } else { false } } != nil)
                    #expect(HTTP.get(port)?.status == 503)
                    proxy.director.apply(table(service(port: port, origins) { $0.balance = balance }))
                    #expect(proxy.awaitServing("a", "b", "c", "d"))
                    let counts = answers(port, 200)
                    #expect(counts.keys.sorted() == ["a", "b", "c", "d"], "\(balance): \(counts)")
                    #expect(counts.values.allSatisfy { $0 > 15 }, "\(balance): \(counts)")
                }
            }
        }

        @Test func `a pod that joins others that served long gets requests at once`() throws {
            try withOrigins("a", "b", "c") { proxy, origins, port in
                proxy.director.apply(table(service(port: port, Array(origins[..<2]))))
                #expect(proxy.awaitServing("a", "b"))
                _ = answers(port, 300)
                proxy.director.apply(table(service(port: port, origins)))
                #expect(proxy.awaitServing("c"))
                #expect(answers(port, 12)["c"] ?? 0 >= 2)
            }
        }

        @Test func `HTTP2 is spoken with the pods of a port that says so`() throws {
            try withOrigins("a") { proxy, origins, port in
                // A port of HAProxy itself is the pod: it understands HTTP/2 without TLS.
                let inner = TestPorts.next()
                var outer = service("outer", port: port, [], protocol: .http2)
                outer.ports[0].current = [
                    Endpoint(podUID: "h2", podName: "h2", address: "127.0.0.1", port: inner)
                ]
                proxy.director.apply(table(service(port: inner, origins), outer))
                #expect(proxy.awaitServing("a", "h2"))
                #expect(HTTP.get(port)?.body == "a")
                let statistics = try RuntimeSocket(path: "\(proxy.directory)/admin.sock").text("show stat -1 2 -1")
                let lines = statistics.split(separator: "\n").map {
                    $0.split(separator: ",", omittingEmptySubsequences: false)
                }
                let column = try #require(lines.first?.firstIndex(of: "h2_total_connections"))
                let backend = try #require(lines.first { $0.first == "test:outer:http:current" })
                #expect(backend[column] == "1")
            }
        }

        @Test func `a connection of TCP counts against draining`() throws {
            try withOrigins("a", "b") { proxy, origins, port in
                let whole = table(service(port: port, origins, protocol: .tcp))
                proxy.director.apply(whole)
                #expect(proxy.awaitServing("a", "b"))
                let connection = try #require(HTTP.connect(port))
                let pod = try #require(HTTP.request(on: connection)?.body)
                proxy.director.apply(whole.draining(pod))
                #expect(proxy.awaitUnserved(pod))
                #expect(HTTP.request(on: connection)?.body == pod)
                #expect(HTTP.get(port)?.body != pod)
                #expect(!proxy.director.isDrained(pod))
                close(connection)
                #expect(proxy.awaitDrained(pod))
            }
        }

        @Test func `routes lead by host and by the longest path, and what clients say of themselves is not passed on`()
            throws
        {
            try withOrigins("a", "b", "c") { proxy, origins, port in
                func routed(_ name: String, _ origin: Origin, _ routes: [(host: String?, path: String)]) -> Service {
                    var service = service(name, port: TestPorts.next(), [origin])
                    service.routes = routes.map { route in
                        RouteSpec {
                            $0.host = route.host
                            $0.path = route.path
                        }
                    }
                    return service
                }
                var whole = table(
                    routed("web", origins[0], [("a.example", "/")]), routed("api", origins[1], [("a.example", "/api")]),
                    routed("all", origins[2], [("*.example", "/"), (nil, "/open")]))
                whole.settings.httpPort = port
                whole.settings.routeAddress = "127.0.0.1"
                proxy.director.apply(whole)
                #expect(proxy.awaitServing("a", "b", "c"))
                let cases = [
                    ("A.example:8080", "/", "a"), ("a.example", "/api", "b"), ("a.example", "/api/x?y", "b"),
                    ("a.example", "/apix", "a"), ("b.example", "/z", "c"), ("other", "/open/1", "c"),
                    ("other", "/", "404"),
                ]
                for (host, path, expected) in cases {
                    let answer = HTTP.get(port, path, headers: ["Host: \(host)", "X-Forwarded-For: 6.6.6.6"])
                    #expect(
                        (answer?.status == 200 ? answer?.body : "\(answer?.status ?? 0)") == expected, "\(host) \(path)"
                    )
                }
                let request = origins[1].lastRequest.lowercased()
                #expect(request.contains("x-forwarded-for: 127.0.0.1") && !request.contains("6.6.6.6"))
                #expect(
                    request.contains("x-forwarded-host: a.example") && request.contains("x-forwarded-proto: http\r\n"))
            }
        }

        @Test func `every request is counted, over a reload and by the next agent too`() throws {
            try withTestDirectory { directory in
                let (a, b) = (try Origin("a"), try Origin("b"))
                defer { for origin in [a, b] { origin.stop() } }
                let (port, other) = (TestPorts.next(), TestPorts.next())
                let first = try LiveProxy("\(directory)/proxy")
                first.director.apply(table(service(port: port, [a])))
                #expect(first.awaitServing("a"))
                _ = answers(port, 30)
                func total(_ proxy: LiveProxy) -> TrafficSummary {
                    proxy.director.traffic(namespace: "test", app: "web", seconds: 900).total
                }
                func comes(_ proxy: LiveProxy, _ isEnough: @escaping (TrafficSummary) -> Bool) -> Bool {
                    proxy.director.wait(atMost: .seconds(5)) { isEnough(total(proxy)) ? true : nil } ?? false
                }
                #expect(comes(first) { $0.requests >= 30 && $0.latency.count >= 30 })
                first.director.apply(table(service(port: port, [a]), service("other", port: other, [b])))
                #expect(first.awaitServing("b"))
                _ = answers(port, 20)
                #expect(comes(first) { $0.requests >= 50 })
                let traffic = first.director.traffic(namespace: "test", app: "web", seconds: 900)
                #expect(traffic.total.requests == 50 && traffic.total.successes == 50)
                #expect(traffic.pods["a"]?.requests == 50 && traffic.revisions["one"]?.requests == 50)
                first.director.leave()
                _ = answers(port, 10)
                let second = try LiveProxy("\(directory)/proxy")
                defer { second.director.stop(finishing: .milliseconds(10)) }
                second.director.apply(table(service(port: port, [a]), service("other", port: other, [b])))
                #expect(second.awaitServing("a", "b"))
                // What was served before it came counts for the totals.
                func all() -> Int { second.director.trafficTotals.values.reduce(0) { $0 + $1.counts.requests } }
                #expect(second.director.wait(atMost: .seconds(5)) { all() >= 10 ? true : nil } == true)
                _ = answers(port, 5)
                #expect(second.director.wait(atMost: .seconds(5)) { all() >= 15 ? true : nil } == true)
                #expect(all() == 15 && total(second).requests >= 5)
            }
        }
    }
}
