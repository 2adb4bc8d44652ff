/// The names of the proxies in HAProxy's configuration. The parts are DNS labels or port names, which hold no colon.
public enum ProxyName {
    /// A port of a service, the key of every map: `NAMESPACE:APP:PORT`. Also the frontend of its virtual address.
    public static func port(_ service: Service, _ port: ServicePort) -> String {
        "\(service.namespace):\(service.name):\(port.name)"
    }
    /// Which of a port's two sides a backend is.
    public enum Side: String, Sendable, Hashable, CaseIterable {
        case current, next
    }
    /// A backend: `NAMESPACE:APP:PORT:current`, or `:next`.
    public static func backend(_ port: String, _ side: Side) -> String { "\(port):\(side.rawValue)" }
    /// Where a port's requests are counted for its rate limit.
    public static func rates(_ port: String) -> String { "\(port):rates" }
    /// The frontends of the routes.
    public static let plainRoutes = "routes:http"
    /// The frontend of the routes with TLS.
    public static let secureRoutes = "routes:https"
    /// Where requests end that nobody asked for.
    public static let nowhere = "nowhere"

    /// The parts of a backend's name; nil for other names.
    public static func parts(ofBackend name: some StringProtocol) -> BackendName? {
        let parts = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, let side = Side(rawValue: String(parts[3])) else { return nil }
        return BackendName(
            namespace: String(parts[0]), app: String(parts[1]), port: String(parts[2]), side: side)
    }
}

/// What a backend's name says.
public struct BackendName: Sendable, Hashable {
    /// The App's namespace.
    public var namespace: String
    /// The App's name.
    public var app: String
    /// The port's name.
    public var port: String
    /// Which side of the port.
    public var side: ProxyName.Side
    /// The App: `NAMESPACE:APP`.
    var appKey: String { "\(namespace):\(app)" }
    /// The key of the port in the maps.
    public var key: String { "\(namespace):\(app):\(port)" }
}

/// A 64-bit FNV-1a hash: the same in every process, unlike the standard library's.
func stableHash(_ text: String) -> UInt64 {
    text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
}

/// The number of a server, which consistent hashing and random choice place it by: without one, servers that are added to
/// an empty backend get the same place, and only one of them gets requests.
///
/// - Parameter taken: the numbers of the backend's other servers.
public func serverNumber(_ podUID: String, taken: Set<Int>) -> Int {
    var number = Int(stableHash(podUID) % 0x7FFF_FFFE) + 1
    while taken.contains(number) { number = number % 0x7FFF_FFFE + 1 }
    return number
}
