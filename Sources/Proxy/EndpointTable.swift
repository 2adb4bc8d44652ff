public import Model

/// Everything a node's load balancer is to know: which services there are, and which pods serve them now.
///
/// The order of services, ports and endpoints means nothing; `normalized` gives one order to equal tables.
public struct EndpointTable: Sendable, Hashable {
    /// The services, of all namespaces.
    public var services: [Service]
    /// What is the same for all of them.
    public var settings: ProxySettings

    /// Makes a table.
    public init(services: [Service] = [], settings: ProxySettings = ProxySettings()) {
        self.services = services
        self.settings = settings
    }

    /// The pods whose endpoints answer a question with yes, on any port.
    public func pods(_ isWanted: (Endpoint) -> Bool) -> Set<String> {
        var pods: Set<String> = []
        for service in services {
            for port in service.ports {
                for endpoint in port.current where isWanted(endpoint) { pods.insert(endpoint.podUID) }
                for endpoint in port.next where isWanted(endpoint) { pods.insert(endpoint.podUID) }
            }
        }
        return pods
    }

    /// The table with services by namespace and name, and endpoints by pod.
    public var normalized: EndpointTable {
        var table = self
        table.services.sort { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
        for service in table.services.indices {
            for port in table.services[service].ports.indices {
                table.services[service].ports[port].current.sort { $0.podUID < $1.podUID }
                table.services[service].ports[port].next.sort { $0.podUID < $1.podUID }
            }
        }
        table.settings.certificates.sort { $0.name < $1.name }
        return table
    }
}

/// What is the same for all services of a node.
public struct ProxySettings: Sendable, Hashable {
    /// The port on which routes are served; none when nil.
    public var httpPort: Int?
    /// The port on which routes with TLS are served; none when nil.
    public var httpsPort: Int?
    /// The address on which routes are served; `*` for every address of the node.
    public var routeAddress: String
    /// The certificates that there are for `wantedCertificates`, by their names.
    public var certificates: [ProxyCertificate]
    /// How long what an earlier configuration serves may go on after a change of services: WebSockets, above all.
    public var hardStopAfter: TimeSpan
    /// Over how long connections that wait for a next request are closed after a change of services.
    public var closeSpread: TimeSpan
    /// The user that serves requests; root when nil.
    public var user: String?
    /// How many connections there may be at once; what the limit of descriptors allows when nil.
    public var maxConnections: Int?

    /// Settings for the public ports of a node.
    public init(httpPort: Int? = 80, httpsPort: Int? = 443, routeAddress: String = "*") {
        self.httpPort = httpPort
        self.httpsPort = httpsPort
        self.routeAddress = routeAddress
        certificates = []
        hardStopAfter = .minutes(30)
        closeSpread = .seconds(3)
    }
}

/// A certificate and its private key.
public struct ProxyCertificate: Sendable, Hashable {
    /// The name that `wantedCertificates` gives it.
    public var name: String
    /// The chain, the server's own certificate first, and the private key, all as PEM.
    public var pem: String

    /// Makes a certificate.
    public init(name: String, pem: String) {
        self.name = name
        self.pem = pem
    }
}

/// An App that has ports, as the load balancer sees it.
public struct Service: Sendable, Hashable {
    /// The App's namespace.
    public var namespace: String
    /// The App's name.
    public var name: String
    /// The App's identity over all time.
    public var uid: String
    /// The address under which pods and the node reach the App; none while it has not got one.
    public var virtualAddress: String?
    /// The ports.
    public var ports: [ServicePort]
    /// How it is reached from outside.
    public var routes: [RouteSpec]
    /// How requests are spread; with every default filled in.
    public var traffic: TrafficSpec
    /// How long requests in flight may take to finish when a pod stops.
    public var drain: TimeSpan
    /// When the App was made: of two that claim one route, the older has it.
    public var createdAt: Timestamp

    /// Makes a service without ports.
    public init(
        namespace: String, name: String, uid: String, virtualAddress: String? = nil, ports: [ServicePort] = [],
        routes: [RouteSpec] = [], traffic: TrafficSpec = .standard, drain: TimeSpan = .seconds(10),
        createdAt: Timestamp = Timestamp(seconds: 0)
    ) {
        self.namespace = namespace
        self.name = name
        self.uid = uid
        self.virtualAddress = virtualAddress
        self.ports = ports
        self.routes = routes
        self.traffic = traffic
        self.drain = drain
        self.createdAt = createdAt
    }

    /// How long it may take until a pod that stops has nothing in flight: requests and WebSockets have times of their own.
    public var longestDrain: TimeSpan { max(drain, traffic.webSocketDrain ?? drain) }

    /// `NAMESPACE/NAME`, as messages write it.
    public var reference: String { "\(namespace)/\(name)" }
}

/// What is spoken on a port.
public enum AppProtocol: String, Sendable, Hashable, CaseIterable {
    case http = "HTTP"
    case http2 = "HTTP2"
    case tcp = "TCP"
    case udp = "UDP"

    /// Whether requests, and not only connections, are told apart.
    public var hasRequests: Bool { self == .http || self == .http2 }
}

/// A port of a service and the pods behind it.
public struct ServicePort: Sendable, Hashable {
    /// The port's name.
    public var name: String
    /// The port of the virtual address.
    public var port: Int
    /// What is spoken on it.
    public var `protocol`: AppProtocol
    /// The pods of the revision that is in service.
    public var current: [Endpoint]
    /// The pods of the revision that is on its way.
    public var next: [Endpoint]
    /// How many of ten thousand requests go to `next`.
    public var nextShare: Int

    /// Makes a port.
    public init(
        name: String, port: Int, protocol: AppProtocol = .http, current: [Endpoint] = [], next: [Endpoint] = [],
        nextShare: Int = 0
    ) {
        self.name = name
        self.port = port
        self.protocol = `protocol`
        self.current = current
        self.next = next
        self.nextShare = nextShare
    }

    /// The share of `next` that is put into effect: all or nothing where only one side has a pod that is ready, so that no
    /// request meets an empty side.
    public var effectiveShare: Int {
        let isReady = (current.contains { $0.phase == .ready }, next.contains { $0.phase == .ready })
        return switch isReady {
        case (true, false): 0
        case (false, true): 10_000
        default: max(0, min(nextShare, 10_000))
        }
    }
}

/// A pod behind a port.
public struct Endpoint: Sendable, Hashable {
    /// Whether a pod gets requests.
    public enum Phase: Sendable, Hashable {
        /// It does.
        case ready
        /// It gets no more, and finishes those that it has.
        case draining
    }
    /// The pod's identity over all time.
    public var podUID: String
    /// The pod's name.
    public var podName: String
    /// The revision that the pod belongs to.
    public var revision: String
    /// The pod's address.
    public var address: String
    /// The port that the pod listens on.
    public var port: Int
    /// Whether it gets requests.
    public var phase: Phase

    /// Makes an endpoint.
    public init(
        podUID: String, podName: String, revision: String = "", address: String, port: Int, phase: Phase = .ready
    ) {
        self.podUID = podUID
        self.podName = podName
        self.revision = revision
        self.address = address
        self.port = port
        self.phase = phase
    }
}
