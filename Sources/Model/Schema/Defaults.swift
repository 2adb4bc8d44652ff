/// Fills in what a document leaves unset.
public enum Defaults {
    /// The document with the defaults of its type's schema.
    ///
    /// Applying them twice changes nothing more. Members that are null count as unset and are left out; the text of a
    /// Secret's `stringData` is moved into `data`. What does not fit the schema is left as it is, for validation to find.
    public static func applied(to document: JSONValue, type: ResourceType) -> JSONValue {
        let filled = filled(document, Schema.of(type))
        return type == .secret ? movingStringData(filled) : filled
    }

    /// The document as it is stored: with the defaults of its type's schema, but with lists as they were written where
    /// a patch replaces them whole.
    ///
    /// A client that compares what it applies with what is stored would take every default within such a list for a
    /// change. Whoever reads the document as a typed value applies the rest: `applied(stored(x))` is `applied(x)`.
    public static func stored(_ document: JSONValue, type: ResourceType) -> JSONValue {
        keepsLists(type) ? filled(document, Schema.of(type), entersLists: false) : applied(to: document, type: type)
    }

    /// A stored document with the defaults that `stored` left out.
    public static func completing(_ document: JSONValue, type: ResourceType) -> JSONValue {
        keepsLists(type) ? applied(to: document, type: type) : document
    }

    /// The lists of core types are merged by their elements' keys, so that what clients leave out is no change.
    private static func keepsLists(_ type: ResourceType) -> Bool { type.group == ResourceType.app.group }

    /// The document without the fields that its type's schema does not know, as a client that does not ask for strict
    /// field validation has them dropped.
    public static func pruned(_ document: JSONValue, type: ResourceType) -> JSONValue {
        pruned(document, Schema.of(type))
    }

    /// A value with the defaults of a schema.
    ///
    /// - Parameter entersLists: whether the elements of lists get theirs too.
    static func filled(_ value: JSONValue, _ schema: Schema, entersLists: Bool = true) -> JSONValue {
        switch (schema, value) {
        case (.object(let fields, _, _), .object(let object)):
            return .object(filled(object, fields, entersLists: entersLists))
        case (.map(let values, _), .object(let object)):
            return .object(object.mapValues { filled($0, values, entersLists: entersLists) })
        case (.array(let items, _, _, _), .array(let elements)) where entersLists:
            return .array(elements.map { filled($0, items) })
        case (.oneOf(let alternatives), _):
            guard let fitting = alternatives.first(where: { $0.acceptsKind(of: value) }) else { return value }
            return filled(value, fitting, entersLists: entersLists)
        default: return value
        }
    }

    private static func filled(_ object: JSONObject, _ fields: [Field], entersLists: Bool) -> JSONObject {
        var object = object
        for field in fields {
            if let value = object[field.name], !value.isNull {
                object[field.name] = filled(value, field.schema, entersLists: entersLists)
            } else if let value = field.default, !isSuspended(field, in: object) {
                object[field.name] = filled(value, field.schema, entersLists: entersLists)
            } else {
                object[field.name] = nil
            }
        }
        return object
    }

    private static func isSuspended(_ field: Field, in object: JSONObject) -> Bool {
        field.defaultUnless.flatMap { object[$0] }.map { !$0.isNull } ?? false
    }

    private static func movingStringData(_ document: JSONValue) -> JSONValue {
        guard case .object(var object) = document, let texts = object["stringData"]?.object else { return document }
        let names = Set(texts.keys)
        var data = JSONObject()
        for member in object["data"]?.object?.members ?? [] where !names.contains(member.name) {
            data.appendUnchecked(member.name, member.value)
        }
        for member in texts.members {
            guard let text = member.value.string else { return document }
            data.appendUnchecked(member.name, .string(Base64.encode(Array(text.utf8))))
        }
        object["stringData"] = nil
        if !data.isEmpty { object["data"] = .object(data) }
        return .object(object)
    }

    private static func pruned(_ value: JSONValue, _ schema: Schema) -> JSONValue {
        switch (schema, value) {
        case (.object(let fields, let additional, _), .object(let object)):
            var kept = JSONObject()
            for member in object.members {
                if let field = fields.first(where: { $0.name == member.name }) {
                    kept.appendUnchecked(member.name, pruned(member.value, field.schema))
                } else if additional == .any {
                    kept.appendUnchecked(member.name, member.value)
                }
            }
            return .object(kept)
        case (.map(let values, _), .object(let object)): return .object(object.mapValues { pruned($0, values) })
        case (.array(let items, _, _, _), .array(let elements)): return .array(elements.map { pruned($0, items) })
        case (.oneOf(let alternatives), _):
            guard let fitting = alternatives.first(where: { $0.acceptsKind(of: value) }) else { return value }
            return pruned(value, fitting)
        default: return value
        }
    }
}

extension JSONObject {
    /// The object with other values under the same names.
    func mapValues(_ transform: (JSONValue) -> JSONValue) -> JSONObject {
        var result = JSONObject()
        for member in members { result.appendUnchecked(member.name, transform(member.value)) }
        return result
    }
}
