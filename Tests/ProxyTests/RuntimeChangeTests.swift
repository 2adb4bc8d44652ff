import Model
import Proxy
import Testing

@Suite struct RuntimeChangeTests {
    private let current = "shop:web:http:current"
    private let next = "shop:web:http:next"
    private let reuse = "pool-max-conn -1 pool-purge-delay 5s"

    private func commands(
        _ observed: ObservedProxy, _ desired: HAProxyConfiguration,
        ejected: [ServerName: RuntimeChange.Ejection] = [:], mayReload: Bool = true
    ) -> [String] {
        switch RuntimeChange.plan(from: observed, to: desired, ejected: ejected, mayReload: mayReload) {
        case .reload(let reason): ["reload: \(reason)"]
        case .commands(let commands): commands.map { $0.text(directory: "R") }
        }
    }

    @Test func `what is as desired needs nothing`() {
        let desired = configuration(service(current: [endpoint("a"), endpoint("b", .draining)]))
        #expect(commands(fresh(desired), desired) == [])
    }

    @Test func `a pod that is ready is added with a number of its own and gets requests, without checks and weights`() {
        let before = configuration(service(current: [endpoint("a")]))
        let desired = configuration(service(current: [endpoint("a"), endpoint("b")]))
        let number = serverNumber("b", taken: [])
        #expect(
            commands(fresh(before), desired) == [
                "add server \(current)/b 10.0.0.98:80 id \(number) \(reuse)", "set server \(current)/b state ready",
            ])
    }

    @Test func `a number that another server has is not used again`() {
        let first = serverNumber("b", taken: [])
        #expect(serverNumber("b", taken: [first]) == first + 1)
        var observed = fresh(configuration(service(current: [endpoint("a")])))
        observed.servers[ServerName(current, "a")]?.number = first
        let desired = configuration(service(current: [endpoint("a"), endpoint("b")]))
        #expect(commands(observed, desired).first == "add server \(current)/b 10.0.0.98:80 id \(first + 1) \(reuse)")
    }

    @Test func `an added server says itself what others inherit`() {
        let desired = configuration(
            service(current: [endpoint("a")], protocol: .http2) { $0.maxConnections = 7 })
        var observed = fresh(desired)
        observed.servers = [:]
        #expect(commands(observed, desired)[0].hasSuffix(" maxconn 7 proto h2"))
    }

    @Test func `a pod that drains gets no more, is put out when it is gone, and is removed when it is idle`() {
        let before = configuration(service(current: [endpoint("a"), endpoint("b")]))
        var observed = fresh(before)
        let draining = configuration(service(current: [endpoint("a"), endpoint("b", .draining)]))
        #expect(commands(observed, draining) == ["set server \(current)/b state drain"])
        observed.servers[ServerName(current, "b")]?.state = .draining
        observed.servers[ServerName(current, "b")]?.inFlight = 1
        #expect(commands(observed, draining) == [])
        let gone = configuration(service(current: [endpoint("a")]))
        #expect(commands(observed, gone) == ["set server \(current)/b state maint"])
        observed.servers[ServerName(current, "b")]?.inFlight = 0
        #expect(commands(observed, gone) == ["set server \(current)/b state maint", "del server \(current)/b"])
        #expect(commands(observed, before) == ["set server \(current)/b state ready"])
    }

    @Test func `users who are bound to a pod would still reach it while it drains, so it is put out of service`() {
        func sticky(_ phase: Endpoint.Phase) -> HAProxyConfiguration {
            configuration(
                service(current: [endpoint("a"), endpoint("b", phase)]) { $0.sticky = StickySpec { $0.cookie = "s" } })
        }
        #expect(commands(fresh(sticky(.ready)), sticky(.draining)) == ["set server \(current)/b state maint"])
    }

    @Test func `pods come before a share grows, and go after it has`() {
        let before = configuration(service(current: [endpoint("a"), endpoint("b")]))
        let desired = configuration(
            service(current: [endpoint("a"), endpoint("b", .draining)], next: [endpoint("n")], share: 500))
        #expect(
            commands(fresh(before), desired) == [
                "add server \(next)/n 10.0.0.110:80 id \(serverNumber("n", taken: [])) \(reuse)",
                "set server \(next)/n state ready", "add map R/shares.map shop:web:http 500",
                "set server \(current)/b state drain",
            ])
    }

    @Test func `a pod that changes sides is served on the new one before the old one lets it go`() {
        let before = configuration(service(current: [endpoint("a")], next: [endpoint("n")], share: 10_000))
        let desired = configuration(service(current: [endpoint("n")]))
        #expect(
            commands(fresh(before), desired) == [
                "add server \(current)/n 10.0.0.110:80 id \(serverNumber("n", taken: [serverNumber("a", taken: [])])) \(reuse)",
                "set server \(current)/n state ready", "del map R/shares.map shop:web:http",
                "set server \(current)/a state maint", "del server \(current)/a",
                "set server \(next)/n state maint", "del server \(next)/n",
            ])
    }

    @Test func `an address and a time limit change without a reload`() {
        let before = configuration(service(current: [endpoint("a")]))
        let desired = configuration(
            service(current: [endpoint("a", address: "10.0.0.7")]) { $0.timeout = .seconds(2) })
        #expect(
            commands(fresh(before), desired) == [
                "set server \(current)/a addr 10.0.0.7 port 80", "add map R/timeouts.map shop:web:http 2000",
            ])
    }

    @Test func `what only a reload can change is reloaded`() {
        let before = configuration(service(current: [endpoint("a")]))
        let changes: [HAProxyConfiguration] = [
            configuration(service(current: [endpoint("a")]) { $0.balance = "Random" }),
            configuration(service(current: [endpoint("a")]) { $0.maxConnections = 3 }),
            configuration(
                service(current: [endpoint("a")]) { $0.rateLimit = RateLimitSpec { $0.requestsPerSecond = 3 } }),
            configuration(service(current: [endpoint("a")]), service("other")), configuration(),
        ]
        for desired in changes {
            #expect(commands(fresh(before), desired) == ["reload: services, ports or their rules changed"])
        }
    }

    @Test func `where the configuration was refused, what the running one knows is brought up to date`() {
        let before = configuration(service(current: [endpoint("a")]), service("gone", current: [endpoint("g")]))
        let desired = configuration(service(current: [endpoint("b")]), service("new", current: [endpoint("n")]))
        #expect(
            commands(fresh(before), desired, mayReload: false) == [
                "add server \(current)/b 10.0.0.98:80 id \(serverNumber("b", taken: [serverNumber("a", taken: [])])) \(reuse)",
                "set server \(current)/b state ready", "set server \(current)/a state maint",
                "del server \(current)/a", "set server shop:gone:http:current/g state drain",
            ])
    }

    @Test func `a key that no command can name is reloaded, and a map that no rule uses is left alone`() {
        var web = service(current: [endpoint("a")])
        let before = configuration(web)
        web.routes = [RouteSpec { $0.path = "/a;b" }]
        let desired = configuration(web)
        var observed = fresh(before)
        observed.mark = desired.mark
        #expect(commands(observed, desired) == ["reload: no command can name the route */a;b/"])
        observed.maps[.routes] = nil
        #expect(commands(observed, desired) == [])
    }

    @Test func `a pod that the circuit breaker ejects is put out, and tried by one request at a time`() {
        let desired = configuration(service(current: [endpoint("a"), endpoint("b")]) { $0.maxConnections = 9 })
        var observed = fresh(desired)
        let b = ServerName(current, "b")
        #expect(commands(observed, desired, ejected: [b: .out]) == ["set server \(b) state maint"])
        observed.servers[b]?.state = .maintenance
        #expect(commands(observed, desired, ejected: [b: .out]) == [])
        #expect(
            commands(observed, desired, ejected: [b: .trial]) == [
                "set maxconn server \(b) 1", "set server \(b) state ready",
            ])
        observed.servers[b]?.limit = 1
        observed.servers[b]?.state = .ready
        #expect(commands(observed, desired) == ["set maxconn server \(b) 9"])
    }
}

@Suite struct RuntimeBatchTests {
    @Test func `commands fill lines up to the limit, and those without an end have lines of their own`() {
        let long = String(repeating: "x", count: RuntimeBatch.lineLimit - 10)
        #expect(RuntimeBatch.lines([]) == [])
        #expect(RuntimeBatch.lines(["a", "b"]) == [["a", "b"]])
        #expect(RuntimeBatch.lines(["a", long, "b", "c", long]) == [["a", long, "b", "c"], [long]])
        #expect(RuntimeBatch.lines(["a", "del server x/y", "b"]) == [["a"], ["del server x/y"], ["b"]])
    }

    @Test func `answers are told apart by empty lines`() {
        #expect(RuntimeBatch.answers("New server registered.\n\n\n", count: 2) == ["New server registered.", ""])
        #expect(RuntimeBatch.answers("\nNo such server.\n\n", count: 2) == ["", "No such server."])
        #expect(RuntimeBatch.answers("\n", count: 2) == nil)
        #expect(RuntimeBatch.answers("Server deleted.\n", count: 1) == ["Server deleted."])
    }

    @Test func `only what went wrong is a failure`() {
        let server = ServerName("b", "s")
        let cases: [(RuntimeCommand, String, String?)] = [
            (.ready(server), "", nil), (.ready(server), "No such server.", "No such server."),
            (.add(server, address: "1.2.3.4:5", number: 1, options: []), "New server registered.", nil),
            (.remove(server), "Server deleted.", nil), (.remove(server), "No such server.", nil),
            (.move(server, address: "1.2.3.4:5"), "no need to change the addr, port changed from '1' to '5'", nil),
        ]
        for (command, answer, failure) in cases { #expect(command.failure(answer) == failure) }
        #expect(RuntimeCommand.isBusy("Server still has connections attached to it, cannot remove it."))
    }
}
