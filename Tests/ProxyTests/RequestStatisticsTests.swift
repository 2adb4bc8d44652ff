import Model
import Proxy
import Testing

@Suite struct RequestStatisticsTests {
    private let backend = "shop:web:http:current"

    /// HAProxy's counters of a pod, or of the backend.
    private func row(_ server: String?, inFlight: Int = 0, queued: Int = 0, _ counters: [StatField: Int] = [:])
        -> StatRow
    {
        var row = StatRow()
        row.backend = backend
        row.server = server
        (row[.inFlight], row[.queued]) = (inFlight, queued)
        for (field, value) in counters { row[field] = value }
        return row
    }

    /// Has requests end.
    private func serve(
        _ statistics: inout RequestStatistics, _ pod: String, count: Int = 1, status: Int = 200, taking time: Int = 1,
        ending: String = "--", side: String = "current", at second: Int = 0
    ) {
        let line = "shop:web:http:\(side) \(pod) \(status) \(time) \(ending) \(second)"
        var reader = RequestLogReader()
        guard let record = reader.take(line + "\n").first else { return }
        for _ in 0..<count { statistics.note(record) }
    }

    private func total(_ statistics: RequestStatistics, seconds: Int, until second: Int64) -> AppTraffic {
        statistics.summary(namespace: "shop", app: "web", seconds: seconds, until: second)
    }

    private func table(_ pods: String..., next: [String] = []) -> EndpointTable {
        EndpointTable(services: [service(current: pods.map { endpoint($0) }, next: next.map { endpoint($0) })])
    }

    private func key(_ pod: String = "") -> TrafficKey {
        var key = TrafficKey(namespace: "shop", app: "web", port: "http")
        (key.podUID, key.podName, key.revision) = (pod, pod, pod.isEmpty ? "" : "web-1")
        return key
    }

    @Test func `a second has the requests that ended in it`() {
        var statistics = RequestStatistics()
        statistics.note(table("a"))
        serve(&statistics, "a", count: 10)
        serve(&statistics, "<NOSRV>", count: 2, status: 503, ending: "SC")
        statistics.close(second: 1, [])
        serve(&statistics, "a", count: 3)
        serve(&statistics, "a", count: 2, status: 500)
        statistics.close(second: 2, [(0, [row("a", inFlight: 3), row(nil, inFlight: 5, queued: 2)])])
        let last = total(statistics, seconds: 1, until: 2)
        #expect(last.total.requests == 5 && last.total.serverErrors == 2)
        #expect(last.pods["a"]?.requests == 5 && last.pods["a"]?.successes == 3 && last.pods["a"]?.inFlight == 3)
        #expect(last.revisions["web-1"] == last.pods["a"])
        #expect(last.total.inFlight == 5 && last.total.queued == 2)
        #expect(last.total.errorRate == 2.0 / 5)
        let both = total(statistics, seconds: 2, until: 2)
        #expect(both.total.requests == 17 && both.total.serverErrors == 4)
        #expect(both.pods.keys.sorted() == ["a"] && both.pods["a"]?.serverErrors == 2)
    }

    @Test(arguments: [(101, 0), (204, 1), (304, 2), (404, 3), (504, 4), (-1, 5)])
    func `every request is of one class`(status: Int, place: Int) {
        var statistics = RequestStatistics()
        serve(&statistics, "a", count: 3, status: status)
        statistics.close(second: 1, [])
        let pod = total(statistics, seconds: 1, until: 1).pods["a"] ?? TrafficSummary()
        let classes = [
            pod.upgrades, pod.successes, pod.redirections, pod.clientErrors, pod.serverErrors, pod.withoutStatus,
        ]
        #expect(pod.requests == 3 && classes[place] == 3 && classes.reduce(0, +) == 3)
    }

    @Test(arguments: [("a", "--", 0), ("a", "SC", 1), ("a", "sC", 1), ("<NOSRV>", "SC", 1)])
    func `a connection of TCP is an error when it led to nobody`(pod: String, ending: String, errors: Int) {
        var statistics = RequestStatistics()
        serve(&statistics, pod, status: 0, ending: ending)
        statistics.close(second: 1, [])
        let traffic = total(statistics, seconds: 1, until: 1).total
        #expect(traffic.requests == 1 && traffic.serverErrors == errors && traffic.withoutStatus == 1 - errors)
    }

    @Test func `a retry hides no failure: it stays with the pod that failed`() {
        var statistics = RequestStatistics()
        statistics.note(table("a", "b"))
        let failures: [StatField: Int] = [.retries: 5, .redispatches: 4, .connectErrors: 3, .responseErrors: 2]
        statistics.begin(process: 7, [row("a", failures)])
        serve(&statistics, "b", count: 6)
        let more = failures.mapValues { $0 * 2 }
        statistics.close(second: 1, [(7, [row("a", more), row("b"), row(nil)])])
        let traffic = total(statistics, seconds: 1, until: 1)
        let a = traffic.pods["a"] ?? TrafficSummary()
        #expect(a.requests == 0 && a.retries == 5 && a.redispatches == 4 && a.connectErrors == 3)
        #expect(a.responseErrors == 2)
        #expect(traffic.pods["b"]?.requests == 6 && traffic.pods["b"]?.retries == 0)
        #expect(traffic.total.retries == 5 && traffic.revisions["web-1"]?.connectErrors == 3)
        #expect(statistics.totals[key("a")]?.counts.retries == 5)
    }

    @Test func `counters that begin again lose nothing, and two processes add up`() {
        var statistics = RequestStatistics()
        func retries(_ second: Int64) -> Int? { total(statistics, seconds: 1, until: second).pods["a"]?.retries }
        statistics.close(second: 1, [(0, [row("a", [.retries: 100])])])
        // A restart: the counter went back.
        statistics.close(second: 2, [(0, [row("a", [.retries: 7])])])
        #expect(retries(2) == 7)
        // A reload: the old process finishes what it has under its own number.
        statistics.close(second: 3, [(0, [row("a", [.retries: 3])]), (41, [row("a", inFlight: 2, [.retries: 8])])])
        #expect(retries(3) == 11)
        #expect(total(statistics, seconds: 1, until: 3).total.inFlight == 2)
        statistics.close(second: 4, [(0, [row("a", [.retries: 5])]), (41, [row("a", [.retries: 9])])])
        #expect(retries(4) == 3)
        #expect(statistics.totals.values.first?.counts.retries == 121)
    }

    @Test func `latencies belong to the second in which the request ended`() {
        var statistics = RequestStatistics()
        for time in [5, 10, 400] { serve(&statistics, "a", taking: time) }
        statistics.close(second: 9, [])
        let traffic = total(statistics, seconds: 5, until: 9)
        #expect(traffic.total.latency.count == 3)
        #expect(traffic.pods["a"]?.latency.p50 == 10)
        #expect((traffic.total.latency.p99 ?? 0) >= 400)
        #expect(total(statistics, seconds: 1, until: 8).total.latency.count == 0)
    }

    @Test func `one second may have more requests of a kind than a byte counts`() {
        var statistics = RequestStatistics()
        serve(&statistics, "a", count: 1000, taking: 3)
        serve(&statistics, "a", count: 255, taking: 40)
        statistics.close(second: 1, [])
        serve(&statistics, "a", count: 256, taking: 3)
        statistics.close(second: 2, [])
        let latency = total(statistics, seconds: 2, until: 2).total.latency
        #expect(latency.entries.map(\.count) == [1256, 255])
        #expect(total(statistics, seconds: 1, until: 2).total.latency.entries.map(\.count) == [256])
    }

    @Test func `what ended before anybody read counts for the totals and is no burst`() {
        var statistics = RequestStatistics(since: 1000)
        serve(&statistics, "a", count: 50, taking: 7, at: 999)
        serve(&statistics, "a", count: 2, taking: 7, at: 1000)
        statistics.close(second: 1, [])
        #expect(total(statistics, seconds: 900, until: 1).total.requests == 2)
        #expect(total(statistics, seconds: 900, until: 1).total.latency.count == 2)
        let all = statistics.totals.values.first
        #expect(all?.counts.requests == 52 && all?.counts.successes == 52 && all?.durations.count == 52)
        #expect(all?.durations.sum == 364)
    }

    @Test func `fifteen minutes are kept, and seconds without requests take no room`() {
        var statistics = RequestStatistics()
        for second in 1...2000 {
            if second <= 1000 { serve(&statistics, "a", count: 3) }
            statistics.close(second: Int64(second), [(0, [row("a"), row(nil)])])
            if second == 1000 {
                #expect(total(statistics, seconds: 900, until: 1000).total.requests == 2700)
                #expect(total(statistics, seconds: 5000, until: 1000).total.requests == 2700)
            }
        }
        #expect(total(statistics, seconds: 900, until: 2000).total.requests == 0)
        #expect(statistics.bytes == 0 && statistics.totals.isEmpty)
    }

    @Test func `totals stay while a pod is there, whatever it does and wherever it stands`() {
        var statistics = RequestStatistics()
        statistics.note(table(next: ["a"]))
        serve(&statistics, "a", count: 5, side: "next")
        statistics.close(second: 1, [])
        #expect(statistics.totals[key("a")]?.counts.requests == 5)
        // It is promoted, and idle for an hour.
        statistics.note(table("a"))
        for second in 2...3600 { statistics.close(second: Int64(second), []) }
        serve(&statistics, "a", count: 2)
        statistics.close(second: 3601, [])
        #expect(statistics.totals[key("a")]?.counts.requests == 7)
        // It goes, and is forgotten when nothing of its last fifteen minutes is left.
        statistics.note(table("b"))
        statistics.close(second: 3602, [])
        #expect(statistics.totals[key("a")]?.counts.requests == 7)
        statistics.close(second: 4600, [])
        #expect(statistics.totals.keys.sorted() == [key(), key("b")])
    }

    @Test func `Apps and pods are told of before they have had a request`() {
        var statistics = RequestStatistics()
        statistics.note(table("a", "b"))
        #expect(statistics.totals.keys.sorted() == [key(), key("a"), key("b")])
        #expect(statistics.summaries(seconds: 10, until: 5) == [key(): .init(), key("a"): .init(), key("b"): .init()])
        statistics.note(ejected: [ServerName(backend, "b")])
        #expect(statistics.totals.filter(\.value.isEjected).keys.sorted() == [key("b")])
    }

    @Test func `an App of two pods that are busy in every second takes 120 KB for its fifteen minutes`() {
        // Ten requests a second of eight different latencies for each pod.
        var statistics = RequestStatistics()
        for second in 1...2500 {
            for pod in ["a", "b"] {
                for time in [1, 2, 3, 5, 9, 20, 70, 300, 2, 3] { serve(&statistics, pod, taking: time) }
            }
            statistics.close(second: Int64(second), [])
        }
        let bytes = statistics.bytes
        #expect(bytes < 130_000, "\(bytes) bytes an App")
    }
}

@Suite struct DurationTotalsTests {
    @Test func `a time counts for every bound that it does not exceed`() {
        var totals = DurationTotals()
        for time in [0, 1, 2, 3, 5, 100_000] { totals.record(time) }
        #expect(totals.cumulative.prefix(3).map(\.count) == [2, 3, 5])
        #expect(totals.cumulative.last?.count == 5 && totals.count == 6 && totals.sum == 100_011)
        var twice = DurationTotals()
        twice.merge(totals)
        twice.merge(totals)
        #expect(twice.count == 12 && twice.sum == 200_022 && twice.cumulative[0].count == 4)
        #expect(DurationTotals().cumulative.allSatisfy { $0.count == 0 })
    }
}
