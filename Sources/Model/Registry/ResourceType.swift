/// A type of object that the API serves: its names and where it lives.
public struct ResourceType: Hashable, Sendable {
    /// The API group; empty for core.
    public let group: String
    /// The version within the group.
    public let version: String
    /// The kind, as manifests name it: `App`.
    public let kind: String
    /// The plural, as URLs name it: `apps`.
    public let plural: String
    /// The singular, as people type it: `app`.
    public let singular: String
    /// Abbreviations, as people type them.
    public let shortNames: [String]
    /// Whether objects live in a namespace.
    public let isNamespaced: Bool
    /// Groups of types that can be asked for together, such as `all`.
    public let categories: [String]
    /// Subresources served below an object: `status`, `scale`, `log`, `exec`.
    public let subresources: [String]

    /// Makes a type.
    public init(
        group: String, version: String = "v1", kind: String, plural: String, shortNames: [String] = [],
        isNamespaced: Bool = true, categories: [String] = [], subresources: [String] = []
    ) {
        self.group = group
        self.version = version
        self.kind = kind
        self.plural = plural
        singular = kind.lowercased()
        self.shortNames = shortNames
        self.isNamespaced = isNamespaced
        self.categories = categories
        self.subresources = subresources
    }

    /// The group and version as manifests write them: `martlet.dev/v1`, or `v1` for core.
    public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
    /// The qualified plural, as error messages write it: `apps.martlet.dev`, or `pods` for core.
    public var qualifiedName: String { group.isEmpty ? plural : "\(plural).\(group)" }
    /// The path of the API below which the type is served: `/apis/martlet.dev/v1`, or `/api/v1`.
    public var apiRoot: String { group.isEmpty ? "/api/\(version)" : "/apis/\(group)/\(version)" }

    /// The path of a collection or an object.
    ///
    /// - Parameters:
    ///   - namespace: the namespace; nil or empty for all of them and for cluster-wide types.
    ///   - name: the object's name; nil for the collection.
    ///   - subresource: a subresource of the object.
    public func path(namespace: String?, name: String? = nil, subresource: String? = nil) -> String {
        var path = apiRoot
        if isNamespaced, let namespace, !namespace.isEmpty { path += "/namespaces/\(namespace)" }
        path += "/\(plural)"
        if let name { path += "/\(name)" }
        if let subresource { path += "/\(subresource)" }
        return path
    }

    /// Equal when they name the same kind of the same group and version.
    public static func == (left: ResourceType, right: ResourceType) -> Bool {
        left.plural == right.plural && left.group == right.group && left.version == right.version
    }

    /// Hashes the qualified name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(plural)
        hasher.combine(group)
    }
}

extension ResourceType {
    /// Services as their users declare them.
    public static let app = ResourceType(
        group: "martlet.dev", kind: "App", plural: "apps", shortNames: ["a"], categories: ["all", "martlet"],
        subresources: ["status", "scale"])
    /// Snapshots of Apps' pod templates.
    public static let revision = ResourceType(
        group: "martlet.dev", kind: "Revision", plural: "revisions", shortNames: ["rev"],
        categories: ["all", "martlet"])
    /// Running replicas.
    public static let pod = ResourceType(
        group: "", kind: "Pod", plural: "pods", shortNames: ["po"], categories: ["all"],
        subresources: ["status", "log", "exec"])
    /// Machines that run pods.
    public static let node = ResourceType(
        group: "", kind: "Node", plural: "nodes", shortNames: ["no"], isNamespaced: false, subresources: ["status"])
    /// Divisions of the names.
    public static let namespace = ResourceType(
        group: "", kind: "Namespace", plural: "namespaces", shortNames: ["ns"], isNamespaced: false)
    /// Settings.
    public static let configMap = ResourceType(group: "", kind: "ConfigMap", plural: "configmaps", shortNames: ["cm"])
    /// Settings that are kept from other eyes.
    public static let secret = ResourceType(group: "", kind: "Secret", plural: "secrets")
    /// What happened.
    public static let event = ResourceType(group: "", kind: "Event", plural: "events", shortNames: ["ev"])

    /// Every type that the API serves, in the order in which discovery lists them.
    public static let all: [ResourceType] = [
        .app, .revision, .pod, .node, .namespace, .configMap, .secret, .event,
    ]

    /// The type of a manifest's `apiVersion` and `kind`.
    public static func named(apiVersion: String, kind: String) -> ResourceType? {
        all.first { $0.apiVersion == apiVersion && $0.kind == kind }
    }

    /// The type that a person means by a plural, a singular, a short name, a kind, or one of these with the group
    /// behind a dot; letter case does not matter.
    public static func meant(by word: String) -> ResourceType? {
        let word = word.lowercased()
        return all.first { type in
            let names = [type.plural, type.singular] + type.shortNames
            return names.contains(word) || (!type.group.isEmpty && names.contains { "\($0).\(type.group)" == word })
        }
    }
}

/// Where an object is stored: its type, namespace and name.
public struct ObjectKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The type.
    public let type: ResourceType
    /// The namespace; empty for cluster-wide types.
    public let namespace: String
    /// The name.
    public let name: String

    /// Makes a key; the namespace of a cluster-wide type is ignored.
    public init(_ type: ResourceType, namespace: String, name: String) {
        self.type = type
        self.namespace = type.isNamespaced ? namespace : ""
        self.name = name
    }

    /// `pods/shop/web-1`, or `nodes/one` for cluster-wide types.
    public var description: String {
        namespace.isEmpty ? "\(type.qualifiedName)/\(name)" : "\(type.qualifiedName)/\(namespace)/\(name)"
    }

    /// Orders by type, then namespace, then name.
    public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
        if left.type != right.type { return left.type.qualifiedName < right.type.qualifiedName }
        return (left.namespace, left.name) < (right.namespace, right.name)
    }
}
