/// The requests of every App, revision and pod of the node, each second of the last fifteen minutes.
///
/// Counts come from HAProxy's counters, which also know what no log line tells; latencies come from its log.
public struct RequestStatistics: Sendable {
    /// Whose counters: a pod of a backend, or the backend as a whole with an empty pod.
    private struct Source: Hashable {
        var process: Int32
        var name: ServerName
    }
    /// By App, as `NAMESPACE:APP`, and within it by backend and pod.
    private var series: [String: [ServerName: TrafficSeries]] = [:]
    /// The counters as they were a second ago.
    private var counters: [Source: StatRow] = [:]
    /// The latencies since.
    private var latencies: [ServerName: LatencyHistogram] = [:]
    /// The revisions of the pods, also of those that are gone.
    private var revisions: [String: String] = [:]

    /// Makes statistics without a past.
    public init() {}

    /// Notes the pods of a table, for their revisions.
    public mutating func note(_ table: EndpointTable) {
        for service in table.services {
            for port in service.ports {
                for endpoint in port.current + port.next { revisions[endpoint.podUID] = endpoint.revision }
            }
        }
    }

    /// Notes a request that was finished.
    public mutating func note(_ record: RequestRecord) {
        guard let latency = record.latency, ProxyName.parts(ofBackend: record.backend) != nil else { return }
        latencies[ServerName(record.backend, ""), default: LatencyHistogram()].record(latency)
        if record.hasServer {
            latencies[ServerName(record.backend, record.server), default: LatencyHistogram()].record(latency)
        }
    }

    /// Takes the counters of a process that ran before anybody looked as they are: what they hold happened earlier.
    public mutating func begin(process: Int32, _ rows: [StatRow]) {
        for row in rows where ProxyName.parts(ofBackend: row.backend) != nil {
            counters[Source(process: process, name: ServerName(row.backend, row.server ?? ""))] = row
        }
    }

    /// Ends a second with the counters of every process: the one that runs, and those that a reload has replaced and that
    /// still have requests, each by its number. Those of a new process, and counters that went back, begin at zero.
    ///
    /// - Parameter second: of a clock that never jumps.
    public mutating func close(second: Int64, _ processes: [(process: Int32, rows: [StatRow])]) {
        let now = UInt32(clamping: second)
        var sums: [ServerName: TrafficSecond] = [:]
        var present: [Source: StatRow] = [:]
        for (process, rows) in processes {
            for row in rows where ProxyName.parts(ofBackend: row.backend) != nil {
                let name = ServerName(row.backend, row.server ?? "")
                let source = Source(process: process, name: name)
                present[source] = row
                sums[name, default: TrafficSecond(second: now)].add(row, since: counters[source])
            }
        }
        for name in latencies.keys where sums[name] == nil { sums[name] = TrafficSecond(second: now) }
        for (name, sum) in sums {
            guard let parts = ProxyName.parts(ofBackend: name.backend) else { continue }
            series[parts.appKey, default: [:]][name, default: TrafficSeries()].append(sum, latencies[name])
        }
        forget(before: now, but: sums)
        counters = present
        latencies = [:]
        let known = Set(series.values.flatMap { $0.keys.map(\.podUID) }).union(present.keys.map(\.name.podUID))
        if revisions.count > known.count * 2 + 1000 { revisions = revisions.filter { known.contains($0.key) } }
    }

    /// Gives up what is out of date, of those that had nothing to add as well.
    private mutating func forget(before now: UInt32, but sums: [ServerName: TrafficSecond]) {
        for (app, members) in series {
            for (name, member) in members {
                if sums[name] == nil { series[app]?[name]?.expire(before: now) }
                if member.isEmpty { series[app]?[name] = nil }
            }
            if series[app]?.isEmpty == true { series[app] = nil }
        }
    }

    /// How many bytes the past takes.
    public var bytes: Int { series.values.reduce(0) { $1.values.reduce($0) { $0 + $1.bytes } } }

    /// What happened to the requests of an App.
    ///
    /// - Parameters:
    ///   - port: one of its ports; all of them when nil.
    ///   - seconds: how many seconds, up to and including `second`.
    public func summary(
        namespace: String, app: String, port: String? = nil, side: ProxyName.Side? = nil, seconds: Int,
        until second: Int64
    ) -> AppTraffic {
        var traffic = AppTraffic()
        let last = UInt32(clamping: second)
        let first = UInt32(clamping: second - Int64(seconds) + 1)
        for (name, series) in series["\(namespace):\(app)"] ?? [:] {
            guard let parts = ProxyName.parts(ofBackend: name.backend), port == nil || parts.port == port,
                side == nil || parts.side == side
            else { continue }
            let summary = series.summary(from: first, through: last)
            if name.podUID.isEmpty {
                traffic.total.merge(summary)
            } else {
                traffic.pods[name.podUID, default: TrafficSummary()].merge(summary)
                traffic.revisions[revisions[name.podUID] ?? "", default: TrafficSummary()].merge(summary)
            }
        }
        return traffic
    }
}

/// What happened to the requests of an App.
public struct AppTraffic: Sendable, Hashable {
    /// All of them, also those that no pod got.
    public var total = TrafficSummary()
    /// By revision.
    public var revisions: [String: TrafficSummary] = [:]
    /// By pod.
    public var pods: [String: TrafficSummary] = [:]

    /// Makes a summary of nothing.
    public init() {}
}

extension TrafficSecond {
    /// Adds how far counters went on.
    mutating func add(_ row: StatRow, since before: StatRow?) {
        // A counter that went back has begun again: all of it is new.
        let isContinued = before.map { before in StatField.counters.allSatisfy { row[$0] >= before[$0] } } ?? false
        func growth(_ field: StatField) -> Int { row[field] - (isContinued ? before?[field] ?? 0 : 0) }
        let answers = StatField.answers.reduce(0) { $0 + growth($1) }
        // Connections of TCP have no answers that could be counted.
        requests = Self.sum(requests, row.hasAnswers ? answers : growth(.sessions))
        redirections = Self.sum(redirections, growth(.redirections))
        clientErrors = Self.sum(clientErrors, growth(.clientErrors))
        serverErrors = Self.sum(serverErrors, growth(.serverErrors))
        retries = Self.sum(retries, growth(.retries))
        connectErrors = Self.sum(connectErrors, growth(.connectErrors))
        inFlight = Self.sum(inFlight, row[.inFlight])
        queued = Self.sum(queued, row[.queued])
    }

    private static func sum<Count: FixedWidthInteger>(_ count: Count, _ added: Int) -> Count {
        Count(clamping: Int(count) + added)
    }
}

extension StatField {
    /// The answers by class; together the requests that were answered.
    static let answers: [StatField] = [
        .informational, .successes, .redirections, .clientErrors, .serverErrors, .otherAnswers,
    ]
    /// What only grows.
    static let counters: [StatField] = answers + [.sessions, .retries, .redispatches, .connectErrors, .responseErrors]
}
