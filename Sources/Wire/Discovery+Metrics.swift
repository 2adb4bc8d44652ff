public import Model

/// The groups by which clients ask what is measured: Kubernetes' metrics API for nodes and pods, and one of Martlet's own for Apps.
/// Nothing of them is stored.
extension Discovery {
    /// A group of what is measured.
    struct MeasuredGroup {
        var name: String
        var version: String
        var kinds: [(type: ResourceType, kind: String)]

        var body: JSONValue {
            let version: JSONValue = ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
            return ["name": .string(name), "versions": [version], "preferredVersion": version]
        }

        var resources: JSONValue {
            [
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string("\(name)/\(version)"),
                "resources": .array(
                    kinds.map { type, kind in
                        [
                            "name": .string(type.plural), "singularName": "", "namespaced": .bool(type.isNamespaced),
                            "kind": .string(kind), "verbs": ["get", "list"],
                        ]
                    }),
            ]
        }

        var aggregated: JSONValue {
            let resources: [JSONValue] = kinds.map { type, kind in
                [
                    "resource": .string(type.plural), "singularResource": "",
                    "scope": type.isNamespaced ? "Namespaced" : "Cluster", "verbs": ["get", "list"],
                    "responseKind": ["group": .string(name), "version": .string(version), "kind": .string(kind)],
                ]
            }
            return [
                "metadata": ["name": .string(name)],
                "versions": [
                    ["version": .string(version), "freshness": "Current", "resources": .array(resources)]
                ],
            ]
        }
    }

    /// The group of what nodes and pods use.
    public static let metricsGroup = "metrics.k8s.io"
    /// Its version.
    public static let metricsVersion = "v1beta1"
    /// The group of what happened to Apps' requests.
    public static let appMetricsGroup = "metrics.martlet.dev"
    /// Its version.
    public static let appMetricsVersion = "v1"

    static let measuredGroups = [
        MeasuredGroup(
            name: metricsGroup, version: metricsVersion, kinds: [(.node, "NodeMetrics"), (.pod, "PodMetrics")]),
        MeasuredGroup(name: appMetricsGroup, version: appMetricsVersion, kinds: [(.app, "AppMetrics")]),
    ]

    /// The types that are measured in a group; nil for other groups and versions.
    public static func measuredTypes(group: String, version: String) -> [ResourceType]? {
        measuredGroups.first { $0.name == group && $0.version == version }?.kinds.map(\.type)
    }
}
