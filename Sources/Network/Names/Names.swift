public import Model

/// An App as DNS knows it.
public struct AppName: Sendable, Hashable {
    /// The App's namespace.
    public var namespace: String
    /// The App's name.
    public var name: String
    /// What the name stands for: the App's virtual address, or for an App without ports the addresses of its ready pods.
    public var addresses: [IPAddress]
    /// The ports that a service record names.
    public var ports: [Port]

    /// A port with a name.
    public struct Port: Sendable, Hashable {
        /// The port's name: `http`.
        public var name: String
        /// The protocol.
        public var transport: Transport
        /// The number.
        public var number: UInt16

        /// Describes a port.
        public init(name: String, transport: Transport = .tcp, number: UInt16) {
            self.name = name
            self.transport = transport
            self.number = number
        }
    }

    /// Describes an App.
    public init(namespace: String, name: String, addresses: [IPAddress], ports: [Port] = []) {
        self.namespace = namespace
        self.name = name
        self.addresses = addresses
        self.ports = ports
    }
}

/// The names of Apps, and what dnsmasq(8) has to be told of them: texts that are a pure function of what is wanted.
public struct Names: Sendable, Hashable {
    /// The zone that is ours: nothing of it is ever asked of another server.
    public static let zone = "cluster.local"

    /// How many seconds others may remember an answer: less than an address rests before another pod gets it.
    static let timeToLive = 5

    /// The Apps, in the order of namespace and name.
    public let apps: [AppName]

    /// Takes Apps in any order. One whose name is no DNS name is left out: it could add lines to a configuration.
    public init(_ apps: [AppName]) {
        self.apps = apps.filter { Self.isLabel($0.namespace) && Self.isLabel($0.name) }
            .sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
    }

    /// The names and their addresses as hosts(5) has them. The first name of a line is the one that its address stands for.
    public var hosts: String {
        apps.flatMap { app in
            app.addresses.sorted().map { "\($0) \(Self.full(app)) \(app.name).\(app.namespace).svc\n" }
        }.joined()
    }

    /// The service records, as dnsmasq's options: `_PORT._tcp.APP.NAMESPACE.svc.cluster.local`, RFC 2782.
    public var serviceRecords: String {
        apps.filter { !$0.addresses.isEmpty }.flatMap { app in
            app.ports.filter { Self.isLabel($0.name) }.sorted { $0.name < $1.name }.map { port in
                let name = "_\(port.name)._\(port.transport.rawValue.lowercased()).\(Self.full(app))"
                return "srv-host=\(name),\(Self.full(app)),\(port.number),0,100\n"
            }
        }.joined()
    }

    private static func full(_ app: AppName) -> String { "\(app.name).\(app.namespace).svc.\(zone)" }

    /// Letters, digits and hyphens: RFC 1123.
    private static func isLabel(_ text: String) -> Bool {
        (1...63).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
            }
    }

    /// What a pod's `/etc/resolv.conf` says: see resolv.conf(5).
    ///
    /// A name with less than two dots is looked for among Apps first: `APP` and `APP.NAMESPACE` never leave the node, and
    /// with other C libraries than glibc the second is found at all. With two dots or more it is what it says: `ndots:5`, as
    /// Kubernetes has it, sends each name of the outside through every search domain first.
    public static func resolverConfiguration(namespace: String, server: IPAddress) -> String {
        """
        nameserver \(server)
        search \(namespace).svc.\(zone) svc.\(zone)
        options ndots:2 timeout:2 attempts:3

        """
    }
}
