import Model
import Proxy
import Testing

@Suite struct CircuitBreakerTests {
    private let backend = "shop:web:http:current"

    private func table(_ pods: Int = 3, _ rules: (inout CircuitBreakerSpec) -> Void = { _ in }) -> [Backend] {
        var spec = CircuitBreakerSpec()
        (spec.consecutiveErrors, spec.ejectFor, spec.maxEjected) = (5, .seconds(30), .percent(50))
        rules(&spec)
        let endpoints = ["a", "b", "c", "d"].prefix(pods).map { endpoint($0) }
        return configuration(service(current: endpoints) { $0.circuitBreaker = spec }).backends
    }

    private func fail(_ breaker: inout CircuitBreaker, _ pod: String, _ count: Int, at now: TimeSpan = .zero) {
        for _ in 0..<count { breaker.note(ServerName(backend, pod), errors: 1, successes: 0, at: now) }
    }

    private func succeed(_ breaker: inout CircuitBreaker, _ pod: String, _ count: Int, at now: TimeSpan = .zero) {
        for _ in 0..<count { breaker.note(ServerName(backend, pod), errors: 0, successes: 1, at: now) }
    }

    private func name(_ pod: String) -> ServerName { ServerName(backend, pod) }

    @Test func `errors in a row eject a pod, and a success between them does not let them add up`() {
        var breaker = CircuitBreaker()
        fail(&breaker, "a", 4)
        succeed(&breaker, "a", 1)
        fail(&breaker, "a", 4)
        #expect(breaker.decide(table(), at: .zero) == [])
        fail(&breaker, "a", 1)
        let changes = breaker.decide(table(), at: .zero)
        #expect(changes.map(\.server) == [name("a")] && changes.map(\.isOpen) == [true])
        #expect(changes.map(\.reason) == ["left out for 30s: 5 errors in a row"])
        #expect(breaker.ejected == [name("a"): .out])
        #expect(breaker.wakeAt == .seconds(30))
    }

    @Test func `too large a share of errors ejects a pod when there were enough requests`() {
        let rules = table { $0.errorRate = ErrorRateSpec { $0.max = "50%" } }
        var breaker = CircuitBreaker()
        for second in 0..<9 {
            fail(&breaker, "a", 1, at: .seconds(Int64(second)))
            succeed(&breaker, "a", 1, at: .seconds(Int64(second)))
        }
        #expect(breaker.decide(rules, at: .seconds(9)) == [])
        fail(&breaker, "a", 2, at: .seconds(9))
        #expect(
            breaker.decide(rules, at: .seconds(9)).map(\.reason) == [
                "left out for 30s: 11 of 20 requests failed in 10s, more than 50%"
            ])
    }

    @Test func `after its time a pod is tried, and one failure ejects it for twice as long`() {
        var breaker = CircuitBreaker()
        fail(&breaker, "a", 5)
        _ = breaker.decide(table(), at: .zero)
        #expect(breaker.decide(table(), at: .seconds(29)) == [])
        #expect(breaker.decide(table(), at: .seconds(30)).map(\.isOpen) == [false])
        #expect(breaker.ejected == [name("a"): .trial])
        succeed(&breaker, "a", 2, at: .seconds(31))
        fail(&breaker, "a", 1, at: .seconds(31))
        succeed(&breaker, "a", 9, at: .seconds(31))
        #expect(breaker.decide(table(), at: .seconds(31)).map(\.reason) == ["left out for 1m: it failed again"])
        #expect(breaker.wakeAt == .seconds(91))
        _ = breaker.decide(table(), at: .seconds(91))
        succeed(&breaker, "a", 3, at: .seconds(92))
        #expect(breaker.decide(table(), at: .seconds(92)).map(\.reason) == ["the pod answers again"])
        #expect(breaker.ejected == [:])
    }

    @Test(arguments: [(1, 0), (2, 1), (3, 1), (4, 2)])
    func `never more pods are left out than allowed`(pods: Int, most: Int) {
        var breaker = CircuitBreaker()
        for pod in ["a", "b", "c", "d"].prefix(pods) { fail(&breaker, pod, 50) }
        #expect(breaker.decide(table(pods), at: .zero).count == most)
        #expect(breaker.ejected.count == most)
        #expect(breaker.decide(table(pods), at: .seconds(1)) == [])
    }

    @Test func `a pod that is gone is forgotten, and an App without a breaker ejects nothing`() {
        var breaker = CircuitBreaker()
        fail(&breaker, "c", 5)
        _ = breaker.decide(table(3), at: .zero)
        _ = breaker.decide(table(2), at: .zero)
        #expect(breaker.ejected == [:])
        fail(&breaker, "a", 50)
        #expect(breaker.decide(configuration(service(current: [endpoint("a")])).backends, at: .zero) == [])
    }
}
