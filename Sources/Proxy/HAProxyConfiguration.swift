import Model

/// HAProxy's configuration for a table: the text, the maps that it reads, and the servers that it starts with.
///
/// The text says what only a reload can change. What changes while HAProxy runs is kept apart: servers, and the maps with
/// shares, routes and time limits. So a reload is needed exactly when `structure` is another one.
public struct HAProxyConfiguration: Sendable, Hashable {
    /// Where its files are, absolute.
    public let directory: String
    /// The table, in its normal order.
    public let table: EndpointTable
    /// The routes, with those that lost.
    public let routes: RouteTable
    /// The configuration without servers.
    public let structure: String
    /// Names `structure`; HAProxy tells which one it runs.
    public let mark: String
    /// The table without pods: all that `structure` follows from.
    private let rules: EndpointTable
    /// The maps' contents by file name.
    public let maps: [MapFile]
    /// Every backend that holds servers, with its port and side.
    public let backends: [Backend]
    /// The pods that are to get requests.
    public let readyPods: Set<String>
    /// The pods of the table.
    public let pods: Set<String>
    /// The certificates' contents by file name, below `certs/`.
    public let certificates: [ProxyCertificate]

    /// Computes the configuration for a table. The same table gives the same text, whatever its order.
    ///
    /// - Parameter earlier: of another table. Where only pods are others, which is what changes often, its rules are taken over.
    public init(_ table: EndpointTable, directory: String, after earlier: HAProxyConfiguration? = nil) {
        let table = table.normalized
        self.directory = directory
        self.table = table
        rules = table.withoutEndpoints
        backends = Backend.all(table)
        readyPods = table.pods { $0.phase == .ready }
        pods = table.pods { _ in true }
        if let earlier, earlier.rules == rules, earlier.directory == directory {
            (routes, certificates) = (earlier.routes, earlier.certificates)
            (structure, mark) = (earlier.structure, earlier.mark)
        } else {
            routes = RouteTable(table.services)
            let wanted = Set(table.wantedCertificates.map(\.name))
            certificates = table.settings.certificates.filter { wanted.contains($0.name) }
            var writer = ConfigurationWriter(table, routes, certificates, backends, directory: directory)
            writer.write()
            structure =
                writer.lines.filter { !$0.hasPrefix(ConfigurationWriter.server) }.joined(separator: "\n") + "\n"
            mark = String(stableHash(structure), radix: 16)
        }
        maps = MapFile.all(table, routes)
    }

    /// The configuration, written out each time it is asked for.
    public var text: String {
        var writer = ConfigurationWriter(table, routes, certificates, backends, directory: directory)
        writer.write()
        let global = (writer.lines.firstIndex(of: "global") ?? 0) + 1
        let lines = writer.lines[..<global] + ["    description \(mark)"] + writer.lines[global...]
        return lines.joined(separator: "\n") + "\n"
    }
}

extension EndpointTable {
    /// The table without pods.
    fileprivate var withoutEndpoints: EndpointTable {
        var table = self
        for service in table.services.indices {
            for port in table.services[service].ports.indices {
                table.services[service].ports[port].current = []
                table.services[service].ports[port].next = []
                table.services[service].ports[port].nextShare = 0
            }
        }
        return table
    }
}

/// A map that HAProxy reads at its start and that is changed while it runs.
public struct MapFile: Sendable, Hashable {
    /// The names of the maps.
    public enum Name: String, Sendable, Hashable, CaseIterable {
        /// How many of ten thousand requests of a port go to its next side, where any do.
        case shares = "shares.map"
        /// The milliseconds that an answer of a port may take, where they are not the usual ones.
        case timeouts = "timeouts.map"
        /// Host and path to port.
        case routes = "routes.map"
    }
    /// Which map.
    public var name: Name
    /// Keys and values, by key.
    public var entries: [String: String]

    /// The file's content, by key.
    public var text: String {
        entries.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)\n" }.joined()
    }

    static func all(_ table: EndpointTable, _ routes: RouteTable) -> [MapFile] {
        var shares: [String: String] = [:]
        var timeouts: [String: String] = [:]
        for service in table.services {
            for port in service.ports where port.protocol != .udp {
                let key = ProxyName.port(service, port)
                if port.effectiveShare > 0 { shares[key] = "\(port.effectiveShare)" }
                guard port.protocol.hasRequests, let timeout = service.traffic.timeout,
                    timeout != ConfigurationWriter.usualTimeout
                else { continue }
                timeouts[key] = "\(max(1, timeout.wholeMilliseconds))"
            }
        }
        let targets = routes.entries.map { ($0.pattern, $0.key) }
        return [
            MapFile(name: .shares, entries: shares), MapFile(name: .timeouts, entries: timeouts),
            MapFile(name: .routes, entries: Dictionary(targets) { first, _ in first }),
        ]
    }
}

/// One side of a port, as a backend.
public struct Backend: Sendable, Hashable {
    /// The backend's name.
    public var name: String
    /// The service.
    public var service: Service
    /// The port.
    public var port: ServicePort
    /// Which side.
    public var side: ProxyName.Side
    /// The pods.
    public var endpoints: [Endpoint] { side == .current ? port.current : port.next }
    /// The key of the port in the maps.
    public var key: String { ProxyName.port(service, port) }

    static func all(_ table: EndpointTable) -> [Backend] {
        table.services.flatMap { service in
            service.ports.filter { $0.protocol != .udp }.flatMap { port in
                ProxyName.Side.allCases.map { side in
                    Backend(
                        name: ProxyName.backend(ProxyName.port(service, port), side), service: service, port: port,
                        side: side)
                }
            }
        }
    }

    /// What every server of the backend says of itself: a server that is added at runtime inherits nothing.
    public var serverOptions: [String] {
        var options: [String] = []
        if let limit = service.traffic.maxConnections { options += ["maxconn", "\(limit)"] }
        if port.protocol == .http2 { options += ["proto", "h2"] }
        return options
    }

    /// Whether requests of users who were on a pod go there even while it drains. Then it has to be put out of service for
    /// it to get no more.
    public var isSticky: Bool { port.protocol.hasRequests && service.traffic.sticky != nil }

    /// The pods with the numbers of their servers.
    var numbered: [(endpoint: Endpoint, number: Int)] {
        var taken: Set<Int> = []
        return endpoints.map { endpoint in
            let number = serverNumber(endpoint.podUID, taken: taken)
            taken.insert(number)
            return (endpoint, number)
        }
    }
}
