import Model

/// Writes the lines of a configuration, one section after the other.
struct ConfigurationWriter {
    /// How the lines of servers begin, and no other line.
    static let server = "    server "
    /// How long an answer may take where nobody says otherwise.
    static let usualTimeout = TimeSpan.seconds(30)

    let table: EndpointTable
    let routes: RouteTable
    let certificates: [ProxyCertificate]
    let backends: [Backend]
    let directory: String
    var lines: [String] = []

    init(
        _ table: EndpointTable, _ routes: RouteTable, _ certificates: [ProxyCertificate], _ backends: [Backend],
        directory: String
    ) {
        self.table = table
        self.routes = routes
        self.certificates = certificates
        self.backends = backends
        self.directory = directory
    }

    /// Begins a section.
    mutating func section(_ line: String) { lines.append(line) }
    /// Adds lines to the section.
    mutating func add(_ texts: String...) { lines += texts.map { "    " + $0 } }
    /// Adds a line to the section where a value is there.
    mutating func add<Value>(_ value: Value?, _ line: (Value) -> String) {
        if let value { lines.append("    " + line(value)) }
    }

    func map(_ name: MapFile.Name) -> String { "\(directory)/\(name.rawValue)" }

    mutating func write() {
        lines.append("# Written by Martlet from the Apps of this node; changes are lost.")
        writeGlobal()
        writeDefaults()
        for service in table.services {
            for port in service.ports where port.protocol != .udp { writeFrontend(service, port) }
        }
        writeRoutes()
        writeShared()
        for backend in backends {
            if backend.side == .current { writeRates(backend) }
            writeBackend(backend)
        }
    }

    private mutating func writeGlobal() {
        let settings = table.settings
        section("global")
        add(
            "stats socket \(directory)/admin.sock mode 600 level admin expose-fd listeners",
            // A pipe, in which lines wait while the agent restarts. A ring of HAProxy's own wakes one of its threads for each line.
            "log stdout len 512 format raw local0",
            "hard-stop-after \(settings.hardStopAfter.wholeMilliseconds)ms",
            "close-spread-time \(settings.closeSpread.wholeMilliseconds)ms",
            "ssl-default-bind-options ssl-min-ver TLSv1.2")
        add(settings.user) { "user \($0)" }
        add(settings.maxConnections) { "maxconn \($0)" }
    }

    private mutating func writeDefaults() {
        section("defaults")
        add(
            "mode http",
            "log global",
            "log-format \"\(RequestLog.httpFormat)\"",
            // Connections that never said anything are no requests.
            "option dontlognull",
            "timeout connect 2s", "timeout client 60s", "timeout server \(Self.usualTimeout.wholeMilliseconds)ms",
            "timeout tunnel 1h",
            "timeout http-request 10s", "timeout http-keep-alive 60s", "timeout client-fin 10s",
            // Another pod for each further try.
            "option redispatch 1")
    }

    private mutating func writeShared() {
        section("backend \(ProxyName.nowhere)")
        add(
            "http-request return status 404 content-type text/plain "
                + "string \"no App has a route for this host and path\\n\"")
        // WebSockets of each pod, which `show stat` does not tell from requests.
        section("backend \(RuntimeCommand.tunnelTable)")
        add("stick-table type string len 64 size 10k expire 24h store conn_cur")
    }

    private mutating func writeRates(_ backend: Backend) {
        guard let limit = backend.rateLimit else { return }
        section("backend \(ProxyName.rates(backend.key))")
        let key = limit.isPerClient ? "type ip size 100k" : "type integer size 1"
        add("stick-table \(key) expire \(limit.seconds * 2 + 10)s store gpc0,gpc0_rate(\(limit.seconds)s)")
    }
}
