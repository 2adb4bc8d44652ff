public import Model

/// OpenAPI v3 documents of the API: what `kubectl explain` reads, and what tells clients that the server checks
/// fields itself.
public enum OpenAPIDocument {
    /// The groups and versions that have a document, as their paths are written: `api/v1`, `apis/martlet.dev/v1`.
    public static let paths = ResourceType.all.reduce(into: [String]()) { paths, type in
        let path = String(type.apiRoot.dropFirst())
        if !paths.contains(path) { paths.append(path) }
    }

    /// `GET /openapi/v3`.
    ///
    /// - Parameter hash: the hash of the document at a path; part of its URL, so that it may be cached for ever.
    public static func index(hash: (String) -> String) -> JSONValue {
        var entries = JSONObject()
        for path in paths {
            entries[path] = ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(hash(path))")]
        }
        return ["paths": .object(entries)]
    }

    /// The document of one group and version; nil for one that is not served.
    ///
    /// - Parameter schema: the schema of a type's objects, complete in itself.
    public static func document(at path: String, schema: (ResourceType) -> JSONValue) -> JSONValue? {
        let types = ResourceType.all.filter { $0.apiRoot == "/\(path)" }
        guard !types.isEmpty else { return nil }
        var schemas = JSONObject()
        var operations = JSONObject()
        for type in types {
            var typeSchema = schema(type)
            typeSchema["x-kubernetes-group-version-kind"] = [groupVersionKind(type)]
            schemas[schemaName(type)] = typeSchema
            addPaths(type, to: &operations)
        }
        return [
            "openapi": "3.0.0", "info": ["title": "Martlet", "version": .string(Discovery.gitVersion)],
            "paths": .object(operations), "components": ["schemas": .object(schemas)],
        ]
    }

    private static func schemaName(_ type: ResourceType) -> String {
        let group = type.group.isEmpty ? "core" : type.group.split(separator: ".").reversed().joined(separator: ".")
        return "\(group).\(type.version).\(type.kind)"
    }

    private static func groupVersionKind(_ type: ResourceType) -> JSONValue {
        ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
    }

    private static func addPaths(_ type: ResourceType, to paths: inout JSONObject) {
        let collection = type.path(namespace: "{namespace}")
        paths[collection] = .object(
            operations(type, [("get", "list"), ("post", "post"), ("delete", "deletecollection")]))
        paths[collection + "/{name}"] = .object(
            operations(type, [("get", "get"), ("put", "put"), ("patch", "patch"), ("delete", "delete")]))
    }

    /// Operations without bodies: a body's media types would make clients compute patches from these schemas.
    private static func operations(_ type: ResourceType, _ verbs: [(method: String, action: String)]) -> JSONObject {
        let reference: JSONValue = ["$ref": .string("#/components/schemas/\(schemaName(type))")]
        var operations = JSONObject()
        for verb in verbs {
            var operation: JSONValue = [
                "operationId": .string("\(verb.action)\(type.kind)"),
                "x-kubernetes-action": .string(verb.action),
                "x-kubernetes-group-version-kind": groupVersionKind(type),
                "responses": ["200": ["description": "OK", "content": ["application/json": ["schema": reference]]]],
            ]
            if ["post", "put", "patch"].contains(verb.method) {
                operation["parameters"] = .array(
                    ["dryRun", "fieldManager", "fieldValidation"].map { name in
                        ["name": .string(name), "in": "query", "schema": ["type": "string"]]
                    })
            }
            operations[verb.method] = operation
        }
        return operations
    }
}
