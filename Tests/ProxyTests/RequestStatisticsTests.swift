import Model
import Proxy
import Testing

@Suite struct RequestStatisticsTests {
    private let backend = "shop:web:http:current"

    private func row(_ server: String?, requests: Int, errors: Int = 0, retries: Int = 0, inFlight: Int = 0) -> StatRow
    {
        var row = StatRow()
        row.backend = backend
        row.server = server
        row[.successes] = requests - errors
        row[.serverErrors] = errors
        row[.sessions] = requests
        row[.retries] = retries
        row[.inFlight] = inFlight
        return row
    }

    private func total(_ statistics: RequestStatistics, seconds: Int, until second: Int64) -> AppTraffic {
        statistics.summary(namespace: "shop", app: "web", seconds: seconds, until: second)
    }

    @Test func `a second is what the counters grew by`() {
        var statistics = RequestStatistics()
        statistics.note(EndpointTable(services: [service(current: [endpoint("a")])]))
        statistics.close(second: 1, [(0, [row("a", requests: 10), row(nil, requests: 12)])])
        statistics.close(
            second: 2,
            [(0, [row("a", requests: 15, errors: 2, retries: 1, inFlight: 3), row(nil, requests: 18, errors: 2)])])
        let last = total(statistics, seconds: 1, until: 2)
        #expect(last.total.requests == 6 && last.total.serverErrors == 2)
        #expect(last.pods["a"]?.requests == 5 && last.pods["a"]?.successes == 3)
        #expect(last.pods["a"]?.retries == 1 && last.pods["a"]?.inFlight == 3)
        #expect(last.revisions["web-1"]?.requests == 5)
        #expect(total(statistics, seconds: 2, until: 2).total.requests == 18)
        #expect(last.total.errorRate == 2.0 / 6)
    }

    @Test func `counters that begin again lose nothing, and two processes add up`() {
        var statistics = RequestStatistics()
        statistics.close(second: 1, [(0, [row(nil, requests: 100)])])
        // A restart: the counter went back.
        statistics.close(second: 2, [(0, [row(nil, requests: 7)])])
        #expect(total(statistics, seconds: 1, until: 2).total.requests == 7)
        // A reload: the old process finishes what it has under its own number.
        statistics.close(second: 3, [(0, [row(nil, requests: 3)]), (41, [row(nil, requests: 8, inFlight: 2)])])
        let third = total(statistics, seconds: 1, until: 3).total
        #expect(third.requests == 11 && third.inFlight == 2)
        statistics.close(second: 4, [(0, [row(nil, requests: 5)]), (41, [row(nil, requests: 9)])])
        #expect(total(statistics, seconds: 1, until: 4).total.requests == 3)
    }

    @Test func `latencies belong to the second in which the request ended`() {
        var statistics = RequestStatistics()
        for time in [5, 10, 400] {
            if let record = RequestLog.record("\(backend) a 200 0 0 1 \(time) 0 ---- 1 1".utf8) {
                statistics.note(record)
            }
        }
        statistics.close(second: 9, [(0, [row("a", requests: 3), row(nil, requests: 3)])])
        let traffic = total(statistics, seconds: 5, until: 9)
        #expect(traffic.total.latency.count == 3)
        #expect(traffic.pods["a"]?.latency.p50 == 10)
        #expect((traffic.total.latency.p99 ?? 0) >= 400)
        #expect(total(statistics, seconds: 1, until: 8).total.latency.count == 0)
    }

    @Test func `fifteen minutes are kept, and seconds without requests take no room`() {
        var statistics = RequestStatistics()
        for second in 1...2000 {
            let requests = second <= 1000 ? second * 3 : 3000
            statistics.close(
                second: Int64(second), [(0, [row("a", requests: requests), row(nil, requests: requests)])])
            if second == 1000 {
                #expect(total(statistics, seconds: 900, until: 1000).total.requests == 2700)
                #expect(total(statistics, seconds: 5000, until: 1000).total.requests == 2700)
            }
        }
        #expect(total(statistics, seconds: 900, until: 2000).total.requests == 0)
        #expect(statistics.bytes == 0)
    }

    @Test func `an App of two pods that are busy in every second takes 250 KB for its fifteen minutes`() {
        // Ten requests a second of eight different latencies for each pod.
        var statistics = RequestStatistics()
        for second in 1...2500 {
            for pod in ["a", "b"] {
                for time in [1, 2, 3, 5, 9, 20, 70, 300, 2, 3] {
                    if let record = RequestLog.record("\(backend) \(pod) 200 0 0 1 \(time) 0 ---- 1 1".utf8) {
                        statistics.note(record)
                    }
                }
            }
            let rows = [
                row("a", requests: second * 10), row("b", requests: second * 10), row(nil, requests: second * 20),
            ]
            statistics.close(second: Int64(second), [(0, rows)])
        }
        let bytes = statistics.bytes
        #expect(bytes < 250_000, "\(bytes) bytes an App")
    }
}
