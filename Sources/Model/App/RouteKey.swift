/// What a route claims: a host, or every host, and the start of its paths. One App at a time has it.
public struct RouteKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The host name in lower case; nil for every host.
    public var host: String?
    /// The start of the paths.
    public var path: String

    /// Makes a key.
    public init(host: String?, path: String) {
        self.host = host?.lowercased()
        // Paths lead by whole segments: `/a` and `/a/` are one.
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// `shop.example.com/cart`; `*/cart` for every host.
    public var description: String { (host ?? "*") + path }

    /// In the order of the text.
    public static func < (left: RouteKey, right: RouteKey) -> Bool { left.description < right.description }
}

extension App {
    /// What the App's routes claim, each once, in their order.
    public var routeKeys: [RouteKey] {
        var seen: Set<RouteKey> = []
        return spec.routes.map { RouteKey(host: $0.host, path: $0.path ?? "/") }
            .filter { seen.insert($0).inserted }
    }

    /// Whether this App comes before another one that claims the same: the older does, and of two of one age the first by name.
    public func precedes(_ other: App) -> Bool {
        let (own, others) = (metadata.creationTimestamp, other.metadata.creationTimestamp)
        guard own == others else { return others.map { other in own.map { $0 < other } ?? false } ?? true }
        return key < other.key
    }
}
