import Model
import Testing

@Suite struct TrafficSpecTests {
    @Test func `routes and traffic are read with their defaults`() throws {
        let document = Defaults.applied(
            to: smallestApp([
                "ports": [["name": "http", "port": 80]], "routes": [["host": "a.example", "tls": [:]]],
                "traffic": [
                    "circuitBreaker": ["errorRate": ["max": "25%"]], "rateLimit": ["requestsPerSecond": 2.5],
                    "sticky": [:],
                ],
            ]), type: .app)
        #expect(Validation.errors(in: document, type: .app, strict: true).map(\.description) == [])
        let app = try App(json: document)
        let route = try #require(app.spec.routes.first)
        #expect(route.host == "a.example" && route.path == "/" && route.port == nil)
        #expect(route.tls?.secret == nil && route.tls?.redirect == true)
        let traffic = try #require(app.spec.traffic)
        #expect(traffic.balance == "RoundRobin" && traffic.timeout == .seconds(30) && traffic.maxQueue == 100)
        #expect(traffic.retries?.on == ["ConnectFailure"])
        let breaker = try #require(traffic.circuitBreaker)
        #expect(
            breaker.consecutiveErrors == 5 && breaker.maxEjected == .percent(50) && breaker.ejectFor == .seconds(30))
        #expect(breaker.errorRate?.share == 0.25 && breaker.errorRate?.window == .seconds(10))
        #expect(traffic.rateLimit?.requestsPerSecond == 2.5 && traffic.rateLimit?.per == "ClientIP")
        #expect(traffic.sticky?.cookie == "martlet" && traffic.webSocketDrain == nil)
        #expect(Defaults.applied(to: app.document, type: .app) == document)
    }

    @Test(
        arguments: [
            (["sticky": ["cookie": "a b"]], "spec.traffic.sticky.cookie"),
            (
                ["circuitBreaker": ["errorRate": ["max": "50%", "window": "1h"]]],
                "spec.traffic.circuitBreaker.errorRate.window"
            ),
            (["maxQueue": -1], "spec.traffic.maxQueue"), (["queueTimeout": "0s"], "spec.traffic.queueTimeout"),
        ] as [(JSONObject, String)])
    func `what no load balancer could do is refused by its place`(traffic: JSONObject, place: String) {
        let document = smallestApp(["traffic": .object(traffic)])
        let errors = Validation.errors(in: document, type: .app, strict: true).map(\.description)
        #expect(errors.count == 1 && errors.first?.hasPrefix("\(place): ") == true, "\(errors)")
    }
}
