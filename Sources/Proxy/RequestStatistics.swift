public import Model

/// The requests of every App, revision and pod of the node: each second of the last fifteen minutes, and all of them together.
///
/// Requests are counted from HAProxy's log, which has a line for each that says which pod is to answer for how it ended, also where
/// HAProxy itself gave the answer, and which loses nothing over a reload. What no line tells comes from HAProxy's counters:
/// requests in flight and waiting, and what failed at a pod before another try hid it.
public struct RequestStatistics: Sendable {
    /// Whose counters: a pod of a backend, or the backend as a whole with an empty pod.
    private struct Source: Hashable {
        var process: Int32
        var name: ServerName
    }
    /// The requests of a backend.
    private struct Backend {
        var name: BackendName
        /// By pod; those that no pod got with an empty one.
        var members: [String: TrafficMember] = [:]
    }
    /// A pod, and where it stands in the last table.
    private struct Pod {
        var name: String
        var revision: String
        /// The keys of its ports; empty once it is gone from the table.
        var ports: Set<String> = []
    }

    private var backends: [String: Backend] = [:]
    /// The counters as they were a second ago.
    private var counters: [Source: StatRow] = [:]
    /// By identity, also those that are gone and whose requests are known yet.
    private var pods: [String: Pod] = [:]
    /// The ports of the last table, by key.
    private var ports: [String: BackendName] = [:]
    /// The pods that the circuit breaker leaves out.
    private var ejected: Set<ServerName> = []

    /// Requests that ended before this second since 1970 are no part of the last fifteen minutes.
    private let first: Int

    /// Makes statistics without a past.
    ///
    /// - Parameter first: the first second since 1970 whose requests are counted by the second. Those that ended earlier, while nobody
    ///   read the log, count for the totals only: together they would look like a burst.
    public init(since first: Int = 0) { self.first = first }

    // MARK: - What is noted

    /// Notes the pods of a table: for their names, and because their totals are kept for as long as they are there.
    public mutating func note(_ table: EndpointTable) {
        for uid in pods.keys { pods[uid]?.ports = [] }
        ports = [:]
        for service in table.services {
            for port in service.ports {
                let key = ProxyName.port(service, port)
                ports[key] = ProxyName.parts(ofBackend: ProxyName.backend(key, .current))
                for endpoint in port.current + port.next {
                    let unknown = Pod(name: endpoint.podName, revision: endpoint.revision)
                    pods[endpoint.podUID, default: unknown].ports.insert(key)
                }
            }
        }
    }

    /// Notes which pods the circuit breaker leaves out now.
    public mutating func note(ejected: Set<ServerName>) { self.ejected = ejected }

    /// Notes a request that has ended.
    public mutating func note(_ record: RequestRecord) {
        let isPast = record.second < first
        change(record.backend, record.hasServer ? record.server : "") { $0.note(record, isPast: isPast) }
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
        var present: [Source: StatRow] = [:]
        for (process, rows) in processes {
            var atPods: [String: Int] = [:]
            for row in rows where row.server != nil { atPods[row.backend, default: 0] += row[.inFlight] }
            for row in rows where ProxyName.parts(ofBackend: row.backend) != nil {
                let source = Source(process: process, name: ServerName(row.backend, row.server ?? ""))
                present[source] = row
                let growth = TrafficSecond(row, since: counters[source], atPods: atPods[row.backend] ?? 0)
                if !growth.isEmpty { change(row.backend, row.server ?? "") { $0.second.add(growth) } }
            }
        }
        counters = present
        end(UInt32(clamping: second))
    }

    /// Changes what is known of a pod of a backend; of what is no backend nothing is known.
    private mutating func change(_ backend: String, _ pod: String, _ body: (inout TrafficMember) -> Void) {
        if backends[backend] == nil {
            guard let name = ProxyName.parts(ofBackend: backend) else { return }
            backends[backend] = Backend(name: name)
        }
        guard let index = backends.index(forKey: backend) else { return }
        body(&backends.values[index].members[pod, default: TrafficMember()])
    }

    /// Ends a second for everybody, and gives up those that are gone from the table once fifteen minutes have passed. Until then the
    /// totals stay, also those of the side of its port that a pod has left: they must not go back.
    private mutating func end(_ now: UInt32) {
        var idle: [(name: ServerName, port: String)] = []
        var busy: Set<ServerName> = []
        let (ports, pods) = (ports, pods)
        backends.changeValues { name, backend in
            let port = backend.name.key
            backend.members.changeValues { pod, member in
                member.end(now)
                let isListed = pod.isEmpty ? ports[port] != nil : pods[pod]?.ports.contains(port) == true
                if isListed { return }
                if member.series.isEmpty {
                    idle.append((ServerName(name, pod), port))
                } else {
                    busy.insert(ServerName(port, pod))
                }
            }
        }
        for (name, port) in idle where !busy.contains(ServerName(port, name.podUID)) {
            backends[name.backend]?.members[name.podUID] = nil
            if backends[name.backend]?.members.isEmpty == true { backends[name.backend] = nil }
        }
        guard pods.values.contains(where: \.ports.isEmpty) else { return }
        let known = Set(backends.values.flatMap(\.members.keys))
        self.pods = pods.filter { !$0.value.ports.isEmpty || known.contains($0.key) }
    }

    // MARK: - What is told

    /// How many bytes the last fifteen minutes take.
    public var bytes: Int { backends.values.reduce(0) { $1.members.values.reduce($0) { $0 + $1.series.bytes } } }

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
        for backend in backends.values {
            guard backend.name.app == app, backend.name.namespace == namespace,
                port == nil || backend.name.port == port, side == nil || backend.name.side == side
            else { continue }
            for (pod, member) in backend.members {
                traffic.add(member.summary(seconds: seconds, until: second), of: key(backend.name, pod))
            }
        }
        return traffic
    }

    /// What happened to the requests of every App in some seconds, up to and including `second`; also of those that had none.
    public func summaries(seconds: Int, until second: Int64) -> [TrafficKey: TrafficSummary] {
        var summaries = Dictionary(uniqueKeysWithValues: listed.map { ($0, TrafficSummary()) })
        for backend in backends.values {
            for (pod, member) in backend.members {
                summaries[key(backend.name, pod), default: TrafficSummary()].merge(
                    member.summary(seconds: seconds, until: second))
            }
        }
        return summaries
    }

    /// What happened to the requests of every App since the statistics began; also of those that had none. Nothing of it goes back:
    /// who is gone is left out after fifteen minutes without a request.
    public var totals: [TrafficKey: TrafficTotal] {
        var totals = Dictionary(uniqueKeysWithValues: listed.map { ($0, TrafficTotal()) })
        for backend in backends.values {
            for (pod, member) in backend.members {
                totals[key(backend.name, pod), default: TrafficTotal()].merge(member.total)
            }
        }
        for name in ejected {
            guard let backend = ProxyName.parts(ofBackend: name.backend) else { continue }
            totals[key(backend, name.podUID)]?.isEjected = true
        }
        return totals
    }

    private func key(_ backend: BackendName, _ pod: String) -> TrafficKey {
        var key = TrafficKey(namespace: backend.namespace, app: backend.app, port: backend.port)
        guard !pod.isEmpty else { return key }
        (key.podUID, key.podName, key.revision) = (pod, pods[pod]?.name ?? "", pods[pod]?.revision ?? "")
        return key
    }

    /// The keys of the last table's ports and pods.
    private var listed: Set<TrafficKey> {
        var keys = Set(ports.values.map { key($0, "") })
        for (uid, pod) in pods { keys.formUnion(pod.ports.compactMap { ports[$0] }.map { key($0, uid) }) }
        return keys
    }
}

extension Dictionary {
    /// Changes every value where it is: without a copy, which a loop over the keys would cost.
    fileprivate mutating func changeValues(_ body: (Key, inout Value) -> Void) {
        var index = startIndex
        while index != endIndex {
            body(keys[index], &values[index])
            formIndex(after: &index)
        }
    }
}
