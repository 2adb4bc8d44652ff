/// What one of HAProxy's processes does now.
public struct ObservedProxy: Sendable, Hashable {
    /// The mark of the configuration that it runs, see `HAProxyConfiguration.mark`.
    public var mark: String
    /// The backends that it has.
    public var backends: Set<String>
    /// The servers that it has.
    public var servers: [ServerName: ObservedServer]
    /// What the maps that its rules use hold.
    public var maps: [MapFile.Name: [String: String]]

    /// Makes an observation.
    public init(
        mark: String = "", backends: Set<String> = [], servers: [ServerName: ObservedServer] = [:],
        maps: [MapFile.Name: [String: String]] = [:]
    ) {
        self.mark = mark
        self.backends = backends
        self.servers = servers
        self.maps = maps
    }
}

/// What a server is and does now.
public struct ObservedServer: Sendable, Hashable {
    /// Whether it gets requests.
    public enum State: Sendable, Hashable {
        case ready, draining, maintenance
    }
    /// Its address and port.
    public var address: String
    /// Whether it gets requests.
    public var state: State
    /// How many requests, and connections, it has in flight.
    public var inFlight: Int
    /// How many wait for it.
    public var queued: Int
    /// How many requests it gets at once; nil for any number.
    public var limit: Int?
    /// The number that it is placed by.
    public var number: Int

    /// Makes an observation.
    public init(
        address: String, state: State, inFlight: Int = 0, queued: Int = 0, limit: Int? = nil, number: Int
    ) {
        self.address = address
        self.state = state
        self.inFlight = inFlight
        self.queued = queued
        self.limit = limit
        self.number = number
    }

    /// Whether it has nothing in flight and nothing waits for it.
    public var isIdle: Bool { inFlight == 0 && queued == 0 }
}

extension ObservedProxy {
    /// Notes what a command that was carried out has changed.
    public mutating func note(_ command: RuntimeCommand) {
        switch command {
        case .add(let server, let address, let number, let options):
            let limit = options.firstIndex(of: "maxconn").flatMap {
                options.indices.contains($0 + 1) ? Int(options[$0 + 1]) : nil
            }
            servers[server] = ObservedServer(address: address, state: .maintenance, limit: limit, number: number)
        case .ready(let server): servers[server]?.state = .ready
        case .drain(let server): servers[server]?.state = .draining
        case .maintain(let server): servers[server]?.state = .maintenance
        case .move(let server, let address): servers[server]?.address = address
        case .limit(let server, let connections): servers[server]?.limit = connections == 0 ? nil : connections
        case .remove(let server): servers[server] = nil
        case .cut: break
        case .set(let map, let key, let value), .insert(let map, let key, let value):
            maps[map, default: [:]][key] = value
        case .delete(let map, let key): maps[map]?[key] = nil
        }
    }

    /// Reads what `show map` answers: a pointer, a key and a value on each line. Nil for a map that no rule uses.
    public static func map(_ answer: String) -> [String: String]? {
        if answer.hasPrefix("Unknown map") { return nil }
        var entries: [String: String] = [:]
        for line in answer.split(separator: "\n") {
            let words = line.split(separator: " ", maxSplits: 2)
            if words.count == 3 { entries[String(words[1])] = String(words[2]) }
        }
        return entries
    }

    /// Reads the mark out of what `show info` answers.
    public static func mark(_ answer: String) -> String {
        let line = answer.split(separator: "\n").first { $0.hasPrefix("description: ") }
        return line.map { String($0.dropFirst("description: ".count)) } ?? ""
    }

    /// Reads how many WebSockets each pod has out of what `show table` answers.
    public static func tunnels(_ answer: String) -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in answer.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            guard let key = words.first(where: { $0.hasPrefix("key=") }),
                let count = words.first(where: { $0.hasPrefix("conn_cur=") }).flatMap({ Int($0.dropFirst(9)) })
            else { continue }
            counts[String(key.dropFirst(4))] = count
        }
        return counts
    }

    /// Reads how many requests a process could not log, because the pipe was full, out of what `show info` answers.
    public static func lostRequests(_ answer: String) -> Int? {
        let name = "DroppedLogs: "
        return answer.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) }
    }
}
