import Model

/// The group by which clients ask what nodes and pods use (Kubernetes' metrics API). Nothing of it is stored.
extension Discovery {
    /// The group's name.
    public static let metricsGroup = "metrics.k8s.io"
    /// The group's version.
    public static let metricsVersion = "v1beta1"

    private static let kinds = [(type: ResourceType.node, kind: "NodeMetrics"), (type: .pod, kind: "PodMetrics")]

    static var metricsGroupBody: JSONValue {
        let version: JSONValue = [
            "groupVersion": .string("\(metricsGroup)/\(metricsVersion)"), "version": .string(metricsVersion),
        ]
        return ["name": .string(metricsGroup), "versions": [version], "preferredVersion": version]
    }

    static var metricsResources: JSONValue {
        [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string("\(metricsGroup)/\(metricsVersion)"),
            "resources": .array(
                kinds.map { type, kind in
                    [
                        "name": .string(type.plural), "singularName": "", "namespaced": .bool(type.isNamespaced),
                        "kind": .string(kind), "verbs": ["get", "list"],
                    ]
                }),
        ]
    }

    static var aggregatedMetricsGroup: JSONValue {
        [
            "metadata": ["name": .string(metricsGroup)],
            "versions": [
                [
                    "version": .string(metricsVersion), "freshness": "Current",
                    "resources": .array(
                        kinds.map { type, kind in
                            [
                                "resource": .string(type.plural), "singularResource": "",
                                "scope": type.isNamespaced ? "Namespaced" : "Cluster", "verbs": ["get", "list"],
                                "responseKind": [
                                    "group": .string(metricsGroup), "version": .string(metricsVersion),
                                    "kind": .string(kind),
                                ],
                            ]
                        }),
                ]
            ],
        ]
    }
}
