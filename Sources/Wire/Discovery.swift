public import Model

/// What the API serves, in the words clients ask for (Kubernetes API concepts, "API Discovery").
public enum Discovery {
    /// The version that clients choose their behaviour by: the Kubernetes minor version whose API conventions are
    /// followed, and Martlet's own behind the plus sign.
    public static let gitVersion = "v1.32.0+martlet.1"
    /// The media type of aggregated discovery.
    public static let aggregatedMediaType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

    /// `GET /version`.
    public static let version: JSONValue = [
        "major": "1", "minor": "32", "gitVersion": .string(gitVersion), "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "swiftc", "platform": "linux/amd64",
    ]

    /// `GET /api`.
    public static let coreVersions: JSONValue = [
        "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [],
    ]

    /// `GET /apis`.
    public static var groups: JSONValue {
        [
            "kind": "APIGroupList", "apiVersion": "v1",
            "groups": .array(groupNames.map { groupBody($0) } + measuredGroups.map(\.body)),
        ]
    }

    /// `GET /apis/GROUP`; nil for a group that is not served.
    public static func group(_ name: String) -> JSONValue? {
        let measured = measuredGroups.first { $0.name == name }
        guard groupNames.contains(name) || measured != nil else { return nil }
        var group: JSONValue = ["kind": "APIGroup", "apiVersion": "v1"]
        let body = measured?.body ?? groupBody(name)
        for member in body.object?.members ?? [] { group[member.name] = member.value }
        return group
    }

    /// `GET /api/v1` and `GET /apis/GROUP/VERSION`; nil for a version that is not served.
    public static func resources(group: String, version: String) -> JSONValue? {
        if let measured = measuredGroups.first(where: { $0.name == group }) {
            return version == measured.version ? measured.resources : nil
        }
        let types = types(group: group).filter { $0.version == version }
        guard let first = types.first else { return nil }
        return [
            "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": .string(first.apiVersion),
            "resources": .array(types.flatMap { resourceEntries($0) }),
        ]
    }

    /// `GET /api` (core) and `GET /apis` (the other groups) for clients that accept `aggregatedMediaType`.
    public static func aggregated(core: Bool) -> JSONValue {
        let names = core ? [""] : groupNames
        return [
            "kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": [:],
            "items": .array(names.map { aggregatedGroup($0) } + (core ? [] : measuredGroups.map(\.aggregated))),
        ]
    }

    /// The verbs of every stored type.
    public static let verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

    /// The verbs of a subresource.
    public static func verbs(of subresource: String) -> [String] {
        switch subresource {
        case "log": ["get"]
        case "exec": ["create", "get"]
        default: ["get", "patch", "update"]
        }
    }

    private static let groupNames = ResourceType.all.reduce(into: [String]()) { names, type in
        if !type.group.isEmpty, !names.contains(type.group) { names.append(type.group) }
    }

    private static func types(group: String) -> [ResourceType] { ResourceType.all.filter { $0.group == group } }

    private static func groupBody(_ name: String) -> JSONValue {
        let version: JSONValue = ["groupVersion": .string("\(name)/v1"), "version": "v1"]
        return ["name": .string(name), "versions": [version], "preferredVersion": version]
    }

    /// Whose kind a subresource's objects are of.
    private static func kind(
        of subresource: String, _ type: ResourceType
    ) -> (group: String, version: String, kind: String) {
        switch subresource {
        case "scale": ("autoscaling", "v1", "Scale")
        case "exec": ("", "v1", "PodExecOptions")
        default: (type.group, type.version, type.kind)
        }
    }

    private static func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }

    private static func resourceEntries(_ type: ResourceType) -> [JSONValue] {
        var entry: JSONValue = [
            "name": .string(type.plural), "singularName": .string(type.singular),
            "namespaced": .bool(type.isNamespaced), "kind": .string(type.kind), "verbs": strings(verbs),
        ]
        if !type.shortNames.isEmpty { entry["shortNames"] = strings(type.shortNames) }
        if !type.categories.isEmpty { entry["categories"] = strings(type.categories) }
        return [entry]
            + type.subresources.map { subresource in
                let kind = kind(of: subresource, type)
                var entry: JSONValue = [
                    "name": .string("\(type.plural)/\(subresource)"), "singularName": "",
                    "namespaced": .bool(type.isNamespaced), "kind": .string(kind.kind),
                    "verbs": strings(verbs(of: subresource)),
                ]
                if kind.group != type.group {
                    entry["group"] = .string(kind.group)
                    entry["version"] = .string(kind.version)
                }
                return entry
            }
    }

    private static func aggregatedGroup(_ name: String) -> JSONValue {
        [
            "metadata": name.isEmpty ? [:] : ["name": .string(name)],
            "versions": [
                [
                    "version": "v1", "freshness": "Current",
                    "resources": .array(types(group: name).map { aggregatedResource($0) }),
                ]
            ],
        ]
    }

    private static func aggregatedResource(_ type: ResourceType) -> JSONValue {
        func responseKind(_ kind: (group: String, version: String, kind: String)) -> JSONValue {
            ["group": .string(kind.group), "version": .string(kind.version), "kind": .string(kind.kind)]
        }
        var entry: JSONValue = [
            "resource": .string(type.plural), "responseKind": responseKind((type.group, type.version, type.kind)),
            "scope": type.isNamespaced ? "Namespaced" : "Cluster", "singularResource": .string(type.singular),
            "verbs": strings(verbs),
        ]
        if !type.shortNames.isEmpty { entry["shortNames"] = strings(type.shortNames) }
        if !type.categories.isEmpty { entry["categories"] = strings(type.categories) }
        if !type.subresources.isEmpty {
            entry["subresources"] = .array(
                type.subresources.map { subresource in
                    [
                        "subresource": .string(subresource), "responseKind": responseKind(kind(of: subresource, type)),
                        "verbs": strings(verbs(of: subresource)),
                    ]
                })
        }
        return entry
    }
}
