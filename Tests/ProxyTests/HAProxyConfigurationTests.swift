import Model
import Proxy
import TestSupport
import Testing

@Suite struct HAProxyConfigurationTests {
    @Test func `the order of a table means nothing`() {
        var services = (0..<8).map { number in
            service("app\(number)", current: (0..<6).map { endpoint("pod\(number)-\($0)") })
        }
        let first = HAProxyConfiguration(EndpointTable(services: services), directory: "/r")
        var random = SplitMix64(seed: 7)
        for _ in 0..<20 {
            services.shuffle(using: &random)
            for index in services.indices { services[index].ports[0].current.shuffle(using: &random) }
            let other = HAProxyConfiguration(EndpointTable(services: services), directory: "/r")
            #expect(other.text == first.text)
            #expect(other == first)
        }
    }

    @Test func `pods, shares, time limits and routes change no rule, so that no reload is needed`() {
        let before = configuration(service(current: [endpoint("a")]))
        var web = service(
            current: [endpoint("b"), endpoint("c", .draining)], next: [endpoint("n")], share: 100
        ) { $0.timeout = .seconds(3) }
        web.routes = [RouteSpec { $0.host = "a.example" }]
        let after = configuration(web)
        #expect(after.structure == before.structure)
        #expect(after.mark == before.mark)
        #expect(after.text != before.text)
        #expect(after.text.contains("    description \(after.mark)\n"))
    }

    @Test func `a configuration that takes over the rules of an earlier one is as if made alone`() {
        let web = service(current: [endpoint("a")])
        let earlier = configuration(web, service("other"))
        var routed = web
        routed.routes = [RouteSpec { $0.host = "a.example" }]
        let tables: [[Service]] = [
            [service(current: [endpoint("b")], next: [endpoint("n")], share: 5), service("other")],
            [web], [routed, service("other")], [service(current: [endpoint("a")]) { $0.balance = "Random" }],
        ]
        for services in tables {
            let table = EndpointTable(services: services)
            let alone = HAProxyConfiguration(table, directory: earlier.directory)
            #expect(HAProxyConfiguration(table, directory: earlier.directory, after: earlier) == alone)
        }
    }

    @Test func `what was changed while HAProxy ran stands in the text that it would be started with again`() {
        let desired = configuration(
            service(current: [endpoint("a"), endpoint("b", .draining)], next: [endpoint("n")], share: 70))
        let servers = desired.text.split(separator: "\n").filter { $0.contains(" id ") }.map { $0.drop { $0 == " " } }
        #expect(
            servers == [
                "server a 10.0.0.97:80 id \(serverNumber("a", taken: []))",
                "server b 10.0.0.98:80 id \(serverNumber("b", taken: [])) disabled",
                "server n 10.0.0.110:80 id \(serverNumber("n", taken: []))",
            ])
        #expect(desired.maps.first { $0.name == .shares }?.text == "shop:web:http 70\n")
    }

    @Test(arguments: [
        ("RoundRobin", "balance roundrobin"), ("LeastConnections", "balance leastconn"),
        ("SourceHash", "balance source\n    hash-type consistent"), ("Random", "balance random"),
    ])
    func `every algorithm is one to which servers can be added`(name: String, lines: String) {
        #expect(configuration(service { $0.balance = name }).text.contains("    \(lines)\n"))
    }

    @Test func `UDP is not HAProxy's, and a service without an address has no frontend`() {
        var web = service(protocol: .udp)
        #expect(!configuration(web).text.contains("shop:web"))
        web.ports[0].protocol = .tcp
        web.virtualAddress = nil
        let text = configuration(web).text
        #expect(!text.contains("frontend shop:web:http"))
        #expect(text.contains("backend shop:web:http:current\n    mode tcp\n"))
    }

    @Test(arguments: [
        (100, "gpc0_rate(1s)", "ge 100 "), (0.5, "gpc0_rate(2s)", "ge 1 "), (2.5, "gpc0_rate(10s)", "ge 25 "),
    ])
    func `a rate that is no whole number is counted over a longer time`(rate: Double, store: String, limit: String) {
        let text = configuration(service { $0.rateLimit = RateLimitSpec { $0.requestsPerSecond = rate } }).text + " "
        #expect(text.contains(store))
        #expect(text.contains("sc0_gpc0_rate(shop:web:http:rates) \(limit)"))
    }

    @Test func `the defaults of traffic are those of the schema`() {
        let standard = TrafficSpec.standard
        #expect(standard.balance == "RoundRobin")
        #expect(standard.timeout == .seconds(30))
        #expect(standard.retries?.attempts == 2)
        #expect(standard.retries?.on == ["ConnectFailure"])
        #expect(standard.circuitBreaker == nil)
        #expect(standard.maxQueue == 100)
    }

    @Test func `HTTPS is served where there is a certificate for it`() {
        var table = EndpointTable(services: [service()])
        table.services[0].routes = [
            RouteSpec {
                $0.host = "a.example"
                $0.tls = RouteTLS()
            }
        ]
        func text() -> String { HAProxyConfiguration(table, directory: "/r").text }
        #expect(!text().contains("frontend routes:https"))
        table.settings.certificates = [
            ProxyCertificate(name: "self-signed_a.example", pem: "P"), ProxyCertificate(name: "unused", pem: "P"),
        ]
        #expect(text().contains("frontend routes:https"))
        #expect(text().contains("redirect location https://%[var(txn.host)]%[capture.req.uri] code 308"))
        let first = HAProxyConfiguration(table, directory: "/r")
        #expect(first.certificates.map(\.name) == ["self-signed_a.example"])
        table.settings.certificates[0].pem = "Q"
        #expect(HAProxyConfiguration(table, directory: "/r").mark != first.mark)
    }
}
