import Model

/// How a running HAProxy is brought to what is desired.
public enum RuntimeChange: Sendable, Hashable {
    /// By commands, in this order; none when it is there already.
    case commands([RuntimeCommand])
    /// By loading the configuration anew, for a reason.
    case reload(String)

    /// A server that the circuit breaker has changed.
    public enum Ejection: Sendable, Hashable {
        /// It is left out.
        case out
        /// It is tried, by one request at a time.
        case trial
    }

    /// Decides how to get from what was observed to what is desired.
    ///
    /// The order keeps every request served: pods come, then shares and routes change, then pods go.
    ///
    /// - Parameters:
    ///   - ejected: what the circuit breaker asks for.
    ///   - mayReload: false for a process that a reload has replaced already, and where the configuration was refused: what
    ///     the process knows is brought up to date, the rest left as it is.
    public static func plan(
        from observed: ObservedProxy, to desired: HAProxyConfiguration, ejected: [ServerName: Ejection] = [:],
        mayReload: Bool = true
    ) -> RuntimeChange {
        if mayReload, observed.mark != desired.mark {
            return .reload(
                observed.mark.isEmpty ? "it runs another configuration" : "services, ports or their rules changed")
        }
        var plan = Planner(observed: observed)
        let backends = desired.backends.filter { observed.backends.contains($0.name) }
        for backend in backends { plan.bring(backend, ejected) }
        for map in desired.maps { plan.change(map) }
        for backend in backends { plan.retire(backend, ejected) }
        plan.leaveStrangers(Set(backends.map(\.name)))
        if mayReload, let key = plan.oddKey { return .reload("no command can name the route \(key)") }
        return .commands(plan.commands)
    }
}

private struct Planner {
    let observed: ObservedProxy
    /// The servers of each backend, in any order.
    private let grouped: [String: [(key: ServerName, value: ObservedServer)]]
    var commands: [RuntimeCommand] = []
    /// A key of a map that has to change and that no command can name.
    var oddKey: String?

    init(observed: ObservedProxy) {
        self.observed = observed
        grouped = Dictionary(grouping: observed.servers) { $0.key.backend }
    }

    /// The servers of a backend, in order.
    private func servers(of backend: Backend) -> [(name: ServerName, server: ObservedServer)] {
        (grouped[backend.name] ?? []).sorted { $0.key < $1.key }.map { (name: $0.key, server: $0.value) }
    }

    /// Adds and readies the pods of a backend that are to get requests.
    mutating func bring(_ backend: Backend, _ ejected: [ServerName: RuntimeChange.Ejection]) {
        var taken = Set(servers(of: backend).map(\.server.number))
        for endpoint in backend.endpoints where endpoint.phase == .ready {
            let name = ServerName(backend.name, endpoint.podUID)
            let ejection = ejected[name]
            let address = "\(endpoint.address):\(endpoint.port)"
            guard let server = observed.servers[name] else {
                let number = serverNumber(endpoint.podUID, taken: taken)
                taken.insert(number)
                commands.append(.add(name, address: address, number: number, options: backend.serverOptions))
                if ejection != .out { commands.append(.ready(name)) }
                continue
            }
            if server.address != address { commands.append(.move(name, address: address)) }
            let limit = backend.limit(ejection)
            if server.limit != limit { commands.append(.limit(name, connections: limit ?? 0)) }
            if server.state != .ready, ejection != .out { commands.append(.ready(name)) }
        }
    }

    mutating func change(_ map: MapFile) {
        guard let present = observed.maps[map.name] else { return }
        for (key, value) in map.entries.sorted(by: { $0.key < $1.key }) where present[key] != value {
            guard isPlain(key) else { continue }
            commands.append(
                present[key] == nil
                    ? .insert(map.name, key: key, value: value) : .set(map.name, key: key, value: value))
        }
        for key in present.keys.sorted() where map.entries[key] == nil && isPlain(key) {
            commands.append(.delete(map.name, key: key))
        }
    }

    private mutating func isPlain(_ key: String) -> Bool {
        if RuntimeCommand.isPlain(key) { return true }
        oddKey = key
        return false
    }

    /// Takes requests from the pods of a backend that are to get no more, and removes those that are gone and idle.
    mutating func retire(_ backend: Backend, _ ejected: [ServerName: RuntimeChange.Ejection]) {
        let endpoints = Dictionary(backend.endpoints.map { ($0.podUID, $0) }) { first, _ in first }
        for (name, server) in servers(of: backend) {
            switch endpoints[name.podUID]?.phase {
            case .ready?:
                if ejected[name] == .out, server.state != .maintenance { commands.append(.maintain(name)) }
            case .draining? where backend.isSticky:
                if server.state != .maintenance { commands.append(.maintain(name)) }
            case .draining?:
                if server.state == .ready { commands.append(.drain(name)) }
            case nil: remove(name, server)
            }
        }
    }

    /// Takes requests from the pods of Apps that are gone: a process that a reload has replaced still has them.
    mutating func leaveStrangers(_ known: Set<String>) {
        let strangers = observed.servers.filter { !known.contains($0.key.backend) }.sorted { $0.key < $1.key }
        for (name, server) in strangers where server.state == .ready { commands.append(.drain(name)) }
    }

    private mutating func remove(_ name: ServerName, _ server: ObservedServer) {
        if server.state != .maintenance { commands.append(.maintain(name)) }
        if server.isIdle { commands.append(.remove(name)) }
    }
}

extension Backend {
    /// How many requests a server gets at once. Where a user's requests belong to one pod they would only wait for it, so a
    /// trial has no other limit there.
    fileprivate func limit(_ ejection: RuntimeChange.Ejection?) -> Int? {
        ejection == .trial && service.traffic.balance != "SourceHash" ? 1 : service.traffic.maxConnections
    }
}
