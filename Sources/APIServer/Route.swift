import HTTP
import Model
import Wire

/// What a request wants to do with objects, in the words of the Kubernetes API.
enum Verb: String, Sendable {
    case get, list, watch, create, update, patch, delete, deletecollection
}

/// Which objects a request is about.
struct ResourcePath: Hashable, Sendable {
    /// The type.
    var type: ResourceType
    /// The namespace; empty for all of them and for cluster-wide types.
    var namespace = ""
    /// The object's name; nil for the collection.
    var name: String?
    /// The subresource, if the request is about one.
    var subresource: String?

    /// The key of the object; the empty name stands for none.
    var key: ObjectKey { ObjectKey(type, namespace: namespace, name: name ?? "") }

    /// How measurements name it.
    var metricName: String { type.plural + (subresource.map { "/\($0)" } ?? "") }

    /// What a request wants to do here.
    func verb(of request: HTTPRequest) throws(APIStatus) -> Verb {
        let isWatch = ["true", "1"].contains(request.parameter("watch") ?? "")
        switch (request.method, name) {
        case ("GET", _) where isWatch && subresource == nil: return .watch
        case ("GET", nil): return .list
        case ("GET", _), ("HEAD", _?): return .get
        case ("POST", nil): return .create
        case ("POST", _?) where subresource != nil: return .create
        case ("PUT", _?): return .update
        case ("PATCH", _?): return .patch
        case ("DELETE", _?): return .delete
        case ("DELETE", nil): return .deletecollection
        default: throw .methodNotAllowed(request.method)
        }
    }
}

/// Where a path leads.
enum Route: Hashable, Sendable {
    /// What anybody may ask.
    enum Open: Hashable, Sendable {
        case health, version
    }

    /// What is known about the API itself.
    enum Information: Hashable, Sendable {
        case metrics, coreVersions, groups, group(String), resources(group: String, version: String)
        case openAPIv2, openAPIIndex, openAPI(String)
    }

    /// What nodes and pods use (`metrics.k8s.io`), or what happened to Apps' requests (`metrics.martlet.dev`).
    struct Usage: Hashable, Sendable {
        /// Nodes, pods or Apps.
        var type: ResourceType
        /// The namespace; empty for all of them and for nodes.
        var namespace = ""
        /// The name; nil for all.
        var name: String?
    }

    case open(Open)
    case usage(Usage)
    case information(Information)
    /// Everything that is stored.
    case snapshot
    case resource(ResourcePath)

    /// Reads a path; nil when it leads nowhere.
    init?(path: String) {
        let parts = path.split(separator: "/").map(String.init)
        switch parts.first {
        case "healthz", "livez", "readyz": self = .open(.health)
        case "version" where parts.count == 1: self = .open(.version)
        case "metrics" where parts.count == 1: self = .information(.metrics)
        case "snapshot" where parts.count == 1: self = .snapshot
        case "openapi", "swagger-2.0.0.pb-v1":
            guard let route = Self.openAPI(parts) else { return nil }
            self = .information(route)
        case "api": self.init(group: "", rest: parts.dropFirst())
        case "apis" where parts.count == 1: self = .information(.groups)
        case "apis" where parts.count == 2: self = .information(.group(parts[1]))
        case "apis": self.init(group: parts[1], rest: parts.dropFirst(2))
        default: return nil
        }
    }

    private static func openAPI(_ parts: [String]) -> Information? {
        // Clients of version 1.28 and older ask for the second name when the first one fails.
        if parts == ["openapi", "v2"] || parts.first != "openapi" { return .openAPIv2 }
        guard parts.count >= 2, parts[1] == "v3" else { return nil }
        return parts.count == 2 ? .openAPIIndex : .openAPI(parts.dropFirst(2).joined(separator: "/"))
    }

    private init?(group: String, rest: ArraySlice<String>) {
        guard let version = rest.first else {
            self = .information(.coreVersions)
            return
        }
        let names = Array(rest.dropFirst())
        if let types = Discovery.measuredTypes(group: group, version: version), !names.isEmpty {
            guard let path = Self.resource(names, among: types), path.subresource == nil else { return nil }
            self = .usage(Usage(type: path.type, namespace: path.namespace, name: path.name))
            return
        }
        guard !names.isEmpty else {
            self = .information(.resources(group: group, version: version))
            return
        }
        let types = ResourceType.all.filter { $0.group == group && $0.version == version }
        guard let path = Self.resource(names, among: types) else { return nil }
        self = .resource(path)
    }

    private static func resource(_ names: [String], among types: [ResourceType]) -> ResourcePath? {
        func type(_ plural: String, namespaced: Bool? = nil) -> ResourceType? {
            types.first { $0.plural == plural && (namespaced == nil || $0.isNamespaced == namespaced) }
        }
        if names.count >= 3, names[0] == "namespaces", let type = type(names[2], namespaced: true) {
            return path(type, namespace: names[1], names.dropFirst(3))
        }
        guard let type = type(names[0]) else { return nil }
        // An object of a namespaced type can only be named within its namespace.
        guard !type.isNamespaced || names.count == 1 else { return nil }
        return path(type, namespace: "", names.dropFirst())
    }

    private static func path(
        _ type: ResourceType, namespace: String, _ names: ArraySlice<String>
    ) -> ResourcePath? {
        let names = Array(names)
        switch names.count {
        case 0: return ResourcePath(type: type, namespace: namespace)
        case 1: return ResourcePath(type: type, namespace: namespace, name: names[0])
        case 2 where type.subresources.contains(names[1]):
            return ResourcePath(type: type, namespace: namespace, name: names[0], subresource: names[1])
        default: return nil
        }
    }
}
