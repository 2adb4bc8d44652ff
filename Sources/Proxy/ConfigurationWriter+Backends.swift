import Model

extension ConfigurationWriter {
    /// A backend and its servers.
    mutating func writeBackend(_ backend: Backend) {
        let traffic = backend.service.traffic
        section("backend \(backend.name)")
        if !backend.port.protocol.hasRequests { add("mode tcp", "timeout server 24h", "option srvtcpka") }
        balance(traffic.balance)
        add(
            "timeout queue \((traffic.queueTimeout ?? .seconds(5)).wholeMilliseconds)ms",
            "retries \(traffic.retries?.attempts ?? 2)")
        limitRate(backend)
        if backend.port.protocol.hasRequests {
            writeRequestRules(backend)
        } else if traffic.maxConnections != nil {
            add("tcp-request content reject if { queue(\(backend.name)) ge \(traffic.maxQueue ?? 100) }")
        }
        if !backend.serverOptions.isEmpty { add("default-server \(backend.serverOptions.joined(separator: " "))") }
        for (endpoint, number) in backend.numbered {
            let isOut = endpoint.phase == .draining
            lines.append(
                "\(Self.server)\(endpoint.podUID) \(endpoint.address):\(endpoint.port) id \(number)"
                    + (isOut ? " disabled" : ""))
        }
    }

    /// Only algorithms to which servers can be added at runtime.
    private mutating func balance(_ name: String?) {
        switch name {
        case "LeastConnections": add("balance leastconn")
        case "SourceHash": add("balance source", "hash-type consistent")
        case "Random": add("balance random")
        default: add("balance roundrobin")
        }
    }

    private mutating func writeRequestRules(_ backend: Backend) {
        let traffic = backend.service.traffic
        let conditions = retryConditions(traffic.retries?.on ?? [])
        if !conditions.isEmpty {
            add("retry-on \(conditions.joined(separator: " "))")
        }
        if conditions.contains(where: { $0 != "conn-failure" }) {
            // A request that may have been carried out is repeated only where that does no harm (RFC 9110, 9.2.2).
            add("http-request disable-l7-retry unless { method GET HEAD OPTIONS TRACE PUT DELETE }")
        }
        add("http-request set-timeout server str(\(backend.key)),map_str_int(\(map(.timeouts)))")
        if traffic.maxConnections != nil {
            add(
                "http-request deny status 503 hdr Retry-After 1 content-type text/plain "
                    + "string \"every pod is busy and the queue is full\\n\" "
                    + "if { queue(\(backend.name)) ge \(traffic.maxQueue ?? 100) }")
        }
        if traffic.sticky != nil, let cookie = traffic.sticky?.cookie { stick(cookie) }
        add("http-response track-sc1 srv_name table \(RuntimeCommand.tunnelTable) if { status 101 }")
    }

    /// Servers that are added at runtime cannot have a cookie of HAProxy's. The cookie is ours: the number that was drawn for
    /// the user, and the pod.
    private mutating func stick(_ cookie: String) {
        add(
            "use-server %[var(txn.cookie),field(2,.)] if { var(txn.cookie) -m found }",
            "http-response set-var(txn.server) srv_name",
            "http-response add-header Set-Cookie \"\(cookie)=%[var(txn.draw)].%[srv_name]; Path=/; HttpOnly; SameSite=Lax\" "
                + "unless { var(txn.cookie),field(2,.),strcmp(txn.server) eq 0 }")
    }

    private func retryConditions(_ names: [String]) -> [String] {
        names.map { name in
            switch name {
            case "ConnectFailure": "conn-failure"
            case "EmptyResponse": "empty-response"
            case "ResponseTimeout": "response-timeout"
            default: name
            }
        }
    }

    private mutating func limitRate(_ backend: Backend) {
        guard let limit = backend.rateLimit else { return }
        let table = ProxyName.rates(backend.key)
        let layer = backend.port.protocol.hasRequests ? "http-request" : "tcp-request content"
        let over = "if { sc0_gpc0_rate(\(table)) ge \(limit.count) }"
        add("\(layer) track-sc0 \(limit.isPerClient ? "src" : "int(1)") table \(table)")
        if backend.port.protocol.hasRequests {
            add(
                "http-request deny status 429 hdr Retry-After \(limit.seconds) content-type text/plain "
                    + "string \"too many requests\\n\" \(over)")
        } else {
            add("tcp-request content reject \(over)")
        }
        // What is refused does not count, so that the limit is what gets through.
        add("\(layer) sc-inc-gpc0(0)")
    }
}

/// A rate limit as HAProxy counts: so many in so many seconds.
struct CountedRate {
    var count: Int
    var seconds: Int
    var isPerClient: Bool
}

extension Backend {
    /// The rate limit, if there is one.
    var rateLimit: CountedRate? {
        guard let limit = service.traffic.rateLimit, limit.requestsPerSecond > 0 else { return nil }
        let rate = limit.requestsPerSecond
        // Less than one a second, and fractions, are counted over longer times.
        let seconds = rate < 1 ? Int((1 / rate).rounded(.up)) : rate == rate.rounded() ? 1 : 10
        return CountedRate(
            count: max(1, Int((rate * Double(seconds)).rounded())), seconds: seconds, isPerClient: limit.per != "App")
    }
}
