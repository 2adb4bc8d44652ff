extension Schema {
    /// The name of a type's component schema in an OpenAPI document: `dev.martlet.v1.App`.
    public static func openAPIName(for type: ResourceType) -> String {
        let group =
            type.group.isEmpty
            ? ["io", "k8s", "api", "core"] : type.group.split(separator: ".").reversed().map(String.init)
        return (group + [type.version, type.kind]).joined(separator: ".")
    }

    /// The component schema of a type for an OpenAPI 3.0 document, as `kubectl explain` reads it.
    public static func openAPI(for type: ResourceType) -> JSONValue {
        guard case .object(var schema) = of(type).openAPI else { return [:] }
        schema["x-kubernetes-group-version-kind"] = [
            ["group": .string(type.group), "version": .string(type.version), "kind": .string(type.kind)]
        ]
        return .object(schema)
    }

    /// This schema in OpenAPI 3.0.
    var openAPI: JSONValue {
        switch self {
        case .object(let fields, let additional, _): return Self.openAPI(fields, additional)
        case .map(let values, _): return ["type": "object", "additionalProperties": values.openAPI]
        case .array(let items, let minItems, let key, let unique):
            return Self.openAPI(items: items, minItems: minItems, key: key, unique: unique)
        case .string(let format): return format.openAPI
        case .integer(let min, let max):
            var schema: JSONObject = ["type": "integer", "format": "int64"]
            if min != .min { schema["minimum"] = .integer(min) }
            if max != .max { schema["maximum"] = .integer(max) }
            return .object(schema)
        case .number(let min, let max):
            var schema: JSONObject = ["type": "number"]
            if min.isFinite { schema["minimum"] = .number(min) }
            if max.isFinite { schema["maximum"] = .number(max) }
            return .object(schema)
        case .boolean: return ["type": "boolean"]
        case .intOrPercent:
            return ["x-kubernetes-int-or-string": true, "oneOf": [["type": "integer"], ["type": "string"]]]
        case .any: return ["x-kubernetes-preserve-unknown-fields": true]
        case .oneOf(let alternatives): return ["oneOf": .array(alternatives.map(\.openAPI))]
        }
    }

    private static func openAPI(_ fields: [Field], _ additional: Additional) -> JSONValue {
        var schema: JSONObject = ["type": "object"]
        var properties = JSONObject()
        for field in fields { properties.appendUnchecked(field.name, field.openAPI) }
        if !fields.isEmpty { schema["properties"] = .object(properties) }
        let required = fields.filter(\.required).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema["required"] = .array(required) }
        if additional == .any { schema["x-kubernetes-preserve-unknown-fields"] = true }
        return .object(schema)
    }

    private static func openAPI(items: Schema, minItems: Int, key: String?, unique: Bool) -> JSONValue {
        var schema: JSONObject = ["type": "array", "items": items.openAPI]
        if minItems > 0 { schema["minItems"] = .integer(Int64(minItems)) }
        if let key {
            schema["x-kubernetes-list-type"] = "map"
            schema["x-kubernetes-list-map-keys"] = [.string(key)]
        } else {
            schema["x-kubernetes-list-type"] = unique ? "set" : "atomic"
        }
        return .object(schema)
    }
}

extension Field {
    fileprivate var openAPI: JSONValue {
        guard case .object(var schema) = schema.openAPI else { return [:] }
        schema["description"] = .string(description + (notYetInEffect ? " (not yet in effect)" : ""))
        if let value = self.default { schema["default"] = value }
        return .object(schema)
    }
}

extension StringFormat {
    fileprivate var openAPI: JSONValue {
        var schema: JSONObject = ["type": "string"]
        if name == "enum" {
            schema["enum"] = .array(allowed.map { .string($0) })
        } else if name != "text" {
            schema["format"] = .string(name)
        }
        if acceptsNumbers {
            schema["x-kubernetes-int-or-string"] = true
            schema["type"] = nil
            schema["oneOf"] = [["type": "string"], ["type": "number"]]
        }
        return .object(schema)
    }
}
