import Model

/// Which port of which service answers for which host and path.
public struct RouteTable: Sendable, Hashable {
    /// A route that is in effect.
    public struct Entry: Sendable, Hashable {
        /// `HOST/PATH/`; the host is `*` for every host and `*.DOMAIN` for every name with one more label.
        public var pattern: String
        /// The key of the port in the maps.
        public var key: String
        /// The certificate, where the route is encrypted.
        public var certificate: WantedCertificate?
        /// Whether plain HTTP is sent to HTTPS.
        public var redirects: Bool
    }
    /// A route that another App has.
    public struct Loss: Sendable, Hashable {
        /// The App that does not get it.
        public var namespace: String
        /// The App that does not get it.
        public var name: String
        /// Which of the App's routes.
        public var index: Int
        /// What happened and what to do, in a sentence.
        public var message: String
    }
    /// The routes by pattern, the longest path of a host first.
    public private(set) var entries: [Entry] = []
    /// The routes that other Apps had before.
    public private(set) var losses: [Loss] = []

    /// Decides who has which route: of two Apps that claim the same host and path, the older one, and of two of the same age
    /// the first by namespace and name.
    public init(_ services: [Service]) {
        var owners: [String: Service] = [:]
        let byAge = services.sorted {
            ($0.createdAt, $0.namespace, $0.name) < ($1.createdAt, $1.namespace, $1.name)
        }
        for service in byAge {
            for (index, route) in service.routes.enumerated() {
                let pattern = Self.pattern(route)
                if let owner = owners[pattern] {
                    losses.append(Self.loss(of: service, index, route, to: owner))
                } else if let port = service.port(of: route), port.protocol.hasRequests {
                    owners[pattern] = service
                    entries.append(
                        Entry(
                            pattern: pattern, key: ProxyName.port(service, port),
                            certificate: route.tls.map { WantedCertificate(route, $0, service) },
                            redirects: route.tls?.redirect ?? (route.tls != nil)))
                } else {
                    losses.append(Self.unserved(service, index, route))
                }
            }
        }
        entries.sort { ($1.pattern.utf8.count, $0.pattern) < ($0.pattern.utf8.count, $1.pattern) }
        losses.sort { ($0.namespace, $0.name, $0.index) < ($1.namespace, $1.name, $1.index) }
    }

    /// Paths are compared by whole segments: both sides end with a slash.
    private static func pattern(_ route: RouteSpec) -> String {
        let claim = "\(RouteKey(host: route.host, path: route.path ?? "/"))"
        return claim + (claim.hasSuffix("/") ? "" : "/")
    }

    private static func place(_ route: RouteSpec) -> String { (route.host ?? "every host") + " " + (route.path ?? "/") }

    private static func loss(of service: Service, _ index: Int, _ route: RouteSpec, to owner: Service) -> Loss {
        let isOwn = owner.uid == service.uid && owner.reference == service.reference
        let message =
            isOwn
            ? "the route of \(place(route)) stands twice in the App; remove one"
            : "the route of \(place(route)) belongs to App \(owner.reference), which is older; "
                + "choose another host or path, or remove it there"
        return Loss(namespace: service.namespace, name: service.name, index: index, message: message)
    }

    private static func unserved(_ service: Service, _ index: Int, _ route: RouteSpec) -> Loss {
        Loss(
            namespace: service.namespace, name: service.name, index: index,
            message: "the route of \(place(route)) leads to no HTTP port of the App; set port to one")
    }
}

/// A certificate that the routes need.
public struct WantedCertificate: Sendable, Hashable {
    /// The name by which `ProxySettings.certificates` has it: safe as a file's name.
    public var name: String
    /// The host that it is for; nil for every host.
    public var host: String?
    /// The namespace of the Secret.
    public var namespace: String
    /// The Secret with `tls.crt` and `tls.key`; nil for a self-signed certificate.
    public var secret: String?

    init(_ route: RouteSpec, _ tls: RouteTLS, _ service: Service) {
        host = route.host
        namespace = service.namespace
        secret = tls.secret
        name = tls.secret.map { "\(service.namespace)_\($0)" } ?? "self-signed_\(host ?? "any")"
        name = name.replacing("*", with: "any")
    }
}

extension EndpointTable {
    /// The certificates that the routes need, each once.
    public var wantedCertificates: [WantedCertificate] {
        var seen: Set<String> = []
        return RouteTable(services).entries.compactMap(\.certificate).sorted { $0.name < $1.name }
            .filter { seen.insert($0.name).inserted }
    }
}

extension Service {
    /// The port that a route leads to; nil when it names one that there is not.
    func port(of route: RouteSpec) -> ServicePort? {
        switch route.port {
        case nil: ports.first
        case .number(let number): ports.first { $0.port == number }
        case .name(let name): ports.first { $0.name == name }
        }
    }
}
