public import Model

/// Decides which pods are left out because they fail, and when they are tried again. HAProxy knows errors in a row only, and
/// would leave out every pod at once; so its own checks stay unused.
///
/// A pod is ejected when it failed often enough in a row, or too large a share of its requests did; never more pods than
/// `maxEjected` allows. After `ejectFor` some requests try it: one failure ejects it again, for twice as long; three successes
/// bring it back.
public struct CircuitBreaker: Sendable {
    /// How many successes bring a pod back.
    static let trials = 3
    /// By how much `ejectFor` grows at most, as a power of two.
    static let longest: Int64 = 3

    fileprivate enum Phase: Hashable {
        case closed
        case open(until: TimeSpan)
        case trial
    }
    fileprivate struct Circuit {
        var phase = Phase.closed
        /// Errors in a row; in a trial, successes in a row, and -1 once it has failed.
        var inRow = 0
        /// How often in a row it was ejected.
        var ejections: Int64 = 0
        var window = ErrorWindow()
    }
    private var circuits: [ServerName: Circuit] = [:]

    /// Makes a breaker that has seen nothing.
    public init() {}

    /// What changed for a pod.
    public struct Change: Sendable, Hashable {
        /// The pod, and in which backend.
        public var server: ServerName
        /// Whether it is left out now.
        public var isOpen: Bool
        /// Why, in a sentence.
        public var reason: String
    }

    /// What HAProxy is asked for: pods that are left out, and pods that are tried.
    public var ejected: [ServerName: RuntimeChange.Ejection] {
        circuits.compactMapValues { circuit in
            switch circuit.phase {
            case .closed: nil
            case .open: .out
            case .trial: .trial
            }
        }
    }

    /// When something changes by the passing of time alone.
    public var wakeAt: TimeSpan? {
        circuits.values.compactMap { circuit in
            if case .open(let until) = circuit.phase { until } else { nil }
        }.min()
    }

    /// Notes how a request went.
    public mutating func note(_ record: RequestRecord, at now: TimeSpan) {
        guard record.hasServer, record.status != -1 else { return }
        note(
            ServerName(record.backend, record.server), errors: record.isServerError ? 1 : 0,
            successes: record.isServerError ? 0 : 1, at: now)
    }

    /// Notes what happened to a pod. Errors that a further try has hidden from the log stand in HAProxy's counters only.
    public mutating func note(_ server: ServerName, errors: Int, successes: Int, at now: TimeSpan) {
        var circuit = circuits[server] ?? Circuit()
        circuit.window.note(errors: errors, requests: errors + successes, second: now.wholeSeconds)
        if circuit.phase == .trial {
            circuit.inRow = errors > 0 || circuit.inRow < 0 ? -1 : circuit.inRow + successes
        } else {
            circuit.inRow = successes > 0 ? (errors > 0 ? 1 : 0) : circuit.inRow + errors
        }
        circuits[server] = circuit
    }

    /// Decides for backends, and forgets pods that are gone from them.
    public mutating func decide(_ backends: [Backend], at now: TimeSpan) -> [Change] {
        var changes: [Change] = []
        var known: Set<ServerName> = []
        for backend in backends {
            guard let rules = backend.service.traffic.circuitBreaker else { continue }
            let ready = backend.endpoints.filter { $0.phase == .ready }.map { ServerName(backend.name, $0.podUID) }
            known.formUnion(ready)
            var out = ready.count { isOut($0) }
            let most = min(ready.count, (rules.maxEjected ?? .percent(50)).roundedDown(of: ready.count))
            for server in ready.sorted() {
                guard let change = decide(server, rules, hasRoom: out < most, at: now) else { continue }
                if change.isOpen { out += 1 }
                changes.append(change)
            }
        }
        circuits = circuits.filter { known.contains($0.key) }
        return changes
    }

    private func isOut(_ server: ServerName) -> Bool {
        switch circuits[server]?.phase {
        case .open?, .trial?: true
        case .closed?, nil: false
        }
    }

    private mutating func decide(
        _ server: ServerName, _ rules: CircuitBreakerSpec, hasRoom: Bool, at now: TimeSpan
    ) -> Change? {
        guard var circuit = circuits[server] else { return nil }
        defer { circuits[server] = circuit }
        switch circuit.phase {
        case .closed:
            guard let reason = circuit.failure(rules, at: now), hasRoom else { return nil }
            return circuit.open(server, rules, reason, at: now)
        case .open(let until):
            guard now >= until else { return nil }
            circuit.phase = .trial
            circuit.inRow = 0
            return Change(server: server, isOpen: false, reason: "the pod is tried again")
        case .trial where circuit.inRow < 0: return circuit.open(server, rules, "it failed again", at: now)
        case .trial where circuit.inRow >= Self.trials:
            circuit = Circuit()
            return Change(server: server, isOpen: false, reason: "the pod answers again")
        case .trial: return nil
        }
    }
}

extension CircuitBreaker.Circuit {
    /// Why the pod is to be left out; nil when it is not.
    fileprivate func failure(_ rules: CircuitBreakerSpec, at now: TimeSpan) -> String? {
        if inRow >= rules.consecutiveErrors ?? 5 { return "\(inRow) errors in a row" }
        guard let rate = rules.errorRate else { return nil }
        let window = rate.window ?? .seconds(10)
        let (errors, requests) = self.window.sums(from: now.wholeSeconds - window.wholeSeconds + 1)
        guard requests >= rate.minRequests ?? 20, Double(errors) > rate.share * Double(requests) else { return nil }
        return "\(errors) of \(requests) requests failed in \(window), more than \(rate.max)"
    }

    fileprivate mutating func open(
        _ server: ServerName, _ rules: CircuitBreakerSpec, _ reason: String, at now: TimeSpan
    ) -> CircuitBreaker.Change {
        let wait = (rules.ejectFor ?? .seconds(30)) * (Int64(1) << min(ejections, CircuitBreaker.longest))
        ejections += 1
        inRow = 0
        window = ErrorWindow()
        phase = .open(until: now + wait)
        return CircuitBreaker.Change(server: server, isOpen: true, reason: "left out for \(wait): \(reason)")
    }
}

/// Errors and requests of the last seconds, up to fifteen minutes.
struct ErrorWindow: Sendable {
    private var seconds: [(second: Int64, errors: Int, requests: Int)] = []

    mutating func note(errors: Int, requests: Int, second: Int64) {
        if let last = seconds.indices.last, seconds[last].second == second {
            seconds[last].errors += errors
            seconds[last].requests += requests
        } else {
            seconds.append((second, errors, requests))
            seconds.removeAll { $0.second + 900 < second }
        }
    }

    /// What there was since a second.
    func sums(from first: Int64) -> (errors: Int, requests: Int) {
        seconds.reversed().prefix { $0.second >= first }.reduce((0, 0)) { ($0.0 + $1.errors, $0.1 + $1.requests) }
    }
}
