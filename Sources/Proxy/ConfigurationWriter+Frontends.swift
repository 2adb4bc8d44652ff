import Model

extension ConfigurationWriter {
    /// The frontend of a service's port: on its virtual address, if it has one.
    mutating func writeFrontend(_ service: Service, _ port: ServicePort) {
        guard let address = service.virtualAddress else { return }
        let key = ProxyName.port(service, port)
        section("frontend \(key)")
        // The address need not be there yet.
        add("bind \(address):\(port.port) transparent")
        if port.protocol.hasRequests {
            // Host and protocol are what they say: only a route comes between those and the client.
            add("option forwardfor")
            chooseSide(service, key)
        } else {
            add(
                "mode tcp", "log-format \"\(RequestLog.tcpFormat)\"",
                // Connections of databases and the like may be silent for long.
                "timeout client 24h", "option clitcpka",
                "tcp-request content set-var(sess.share) str(\(key)),map_str_int(\(map(.shares)),0)",
                "use_backend \(ProxyName.backend(key, .next)) if { rand(10000),sub(sess.share) lt 0 }")
        }
        add("default_backend \(ProxyName.backend(key, .current))")
    }

    /// Chooses the side for a request to a service's own address. As long as the next side gets none this is one question to
    /// a map for each request, and nothing else.
    private mutating func chooseSide(_ service: Service, _ key: String) {
        let next = ProxyName.backend(key, .next)
        if service.traffic.sticky != nil {
            add("http-request set-var(txn.app) str(\(key))")
            chooseSide(sticky: [(key, service.traffic.sticky)])
            add("use_backend \(next) if { var(txn.draw),sub(txn.share) lt 0 }")
        } else {
            add(
                "http-request set-var(txn.share) str(\(key)),map_str_int(\(map(.shares)))",
                "use_backend \(next) if { var(txn.share) -m found } { rand(10000),sub(txn.share) lt 0 }")
        }
    }

    /// Draws a number for a request, and compares it with the share of the next side. Users of sticky services keep the
    /// number that their cookie holds, and so their side for as long as the share stays.
    private mutating func chooseSide(sticky: [(key: String, sticky: StickySpec?)]) {
        for (key, sticky) in sticky {
            guard let cookie = sticky?.cookie else { continue }
            add(
                "http-request set-var(txn.cookie) req.cook(\(cookie)) if { req.cook(\(cookie)) -m found } "
                    + "{ var(txn.app) -m str \(key) }")
        }
        if sticky.contains(where: { $0.sticky != nil }) {
            add(
                "http-request set-var(txn.draw) var(txn.cookie),field(1,.),mod(10000) if { var(txn.cookie) -m found }")
        }
        add(
            "http-request set-var(txn.draw) rand(10000) unless { var(txn.draw) -m found }",
            "http-request set-var(txn.share) var(txn.app),map_str_int(\(map(.shares)),0)")
    }

    /// The frontends of the routes.
    mutating func writeRoutes() {
        let settings = table.settings
        let isSecure = settings.httpsPort != nil && !certificates.isEmpty
        if let port = settings.httpPort {
            section("frontend \(ProxyName.plainRoutes)")
            add("bind \(settings.routeAddress):\(port)")
            route(scheme: "http")
            if isSecure, let secure = settings.httpsPort { redirect(to: secure) }
            sendToSides()
        }
        if isSecure, let port = settings.httpsPort {
            section("frontend \(ProxyName.secureRoutes)")
            let digest = stableHash(certificates.map { $0.name + "\n" + $0.pem }.joined(separator: "\n"))
            add(
                "bind \(settings.routeAddress):\(port) ssl crt \(directory)/certs alpn h2,http/1.1",
                "# certificates \(String(digest, radix: 16))")
            route(scheme: "https")
            sendToSides()
        }
    }

    /// Finds the port for a request: the host itself, then the names of a domain, then every host; each with the longest path.
    private mutating func route(scheme: String) {
        let lookUp = "http-request set-var(txn.app) var(txn.place),map_beg(\(map(.routes)))"
        let isOpen = "unless { var(txn.app) -m found }"
        add(
            // What clients say of themselves here is not believed.
            "http-request set-header X-Forwarded-For %[src]",
            "http-request set-header X-Forwarded-Proto \(scheme)",
            "http-request set-header X-Forwarded-Host %[req.hdr(host)]",
            "http-request set-var(txn.host) req.hdr(host),field(1,:),lower",
            "http-request set-var-fmt(txn.place) %[var(txn.host)]%[path]/",
            lookUp,
            "http-request set-var-fmt(txn.place) *.%[var(txn.host),field(2,.,0)]%[path]/ \(isOpen)",
            "\(lookUp) \(isOpen)",
            "http-request set-var-fmt(txn.place) *%[path]/ \(isOpen)",
            "\(lookUp) \(isOpen)")
    }

    private mutating func redirect(to port: Int) {
        let names = Set(certificates.map(\.name))
        let suffix = port == 443 ? "" : ":\(port)"
        for entry in routes.entries where entry.redirects {
            guard let certificate = entry.certificate, names.contains(certificate.name) else { continue }
            // The place that was found last is the one that matched.
            add(
                "http-request redirect location https://%[var(txn.host)]\(suffix)%[capture.req.uri] code 308 "
                    + "if { var(txn.place),map_beg(\(map(.routes))) -m str \(entry.key) } "
                    + "{ var(txn.place) -m beg \(entry.pattern) }")
        }
    }

    private mutating func sendToSides() {
        let keys = Set(routes.entries.map(\.key))
        let sticky = table.services.flatMap { service in
            service.ports.map { (key: ProxyName.port(service, $0), sticky: service.traffic.sticky) }
        }
        chooseSide(sticky: sticky.filter { $0.sticky != nil && keys.contains($0.key) })
        let isFound = "{ var(txn.app) -m found }"
        add(
            "use_backend %[var(txn.app)]:next if \(isFound) { var(txn.draw),sub(txn.share) lt 0 }",
            "use_backend %[var(txn.app)]:current if \(isFound)",
            "default_backend \(ProxyName.nowhere)")
    }
}
