/// Which fields of Apps are accepted and stored while nothing acts on them yet.
public enum FieldStatus {
    /// A field, and which of its values are concerned.
    struct Entry: Sendable {
        /// The field; `[]` stands for every element of a list.
        let field: String
        /// The values without effect; every value when empty.
        var values: [JSONValue] = []
    }

    /// Every such field. Removing a line is all it takes when the behaviour is there.
    static let table: [Entry] = [
        Entry(field: "spec.volumes[].persistent"),
        Entry(field: "spec.rollout.strategy", values: ["BlueGreen", "Canary"]),
        Entry(field: "spec.rollout.progressDeadline"),
        Entry(field: "spec.rollout.autoRollback"),
        Entry(field: "spec.rollout.steps"),
        Entry(field: "spec.rollout.blueGreen"),
        Entry(field: "spec.rollout.analysis"),
        Entry(field: "spec.autoscale"),
    ]

    /// The fields of a document that have no effect yet and that its user chose: those that differ from their defaults.
    public static func notYetInEffect(in document: JSONValue, type: ResourceType) -> [FieldPath] {
        var found: [FieldPath] = []
        collect(document, Schema.of(type), at: FieldPath(), into: &found)
        return found
    }

    private static func collect(
        _ value: JSONValue, _ schema: Schema, at path: FieldPath, into found: inout [FieldPath]
    ) {
        switch (schema, value) {
        case (.object(let fields, _, _), .object(let object)):
            for field in fields {
                guard let member = object[field.name], !member.isNull else { continue }
                let place = path.appending(field.name)
                if field.notYetInEffect {
                    if isChosen(member, field), concerns(member, at: place) { found.append(place) }
                } else {
                    collect(member, field.schema, at: place, into: &found)
                }
            }
        case (.array(let items, _, _, _), .array(let elements)):
            for (index, element) in elements.enumerated() {
                collect(element, items, at: path.appending(index), into: &found)
            }
        default: break
        }
    }

    private static func isChosen(_ value: JSONValue, _ field: Field) -> Bool {
        if let list = value.array, list.isEmpty { return false }
        guard let standard = field.default else { return true }
        return Defaults.filled(value, field.schema) != Defaults.filled(standard, field.schema)
    }

    private static func concerns(_ value: JSONValue, at path: FieldPath) -> Bool {
        let values = table.first { $0.field == pattern(of: path) }?.values ?? []
        return values.isEmpty || values.contains(value)
    }

    private static func pattern(of path: FieldPath) -> String {
        var text = ""
        for element in path.elements {
            switch element {
            case .index: text += "[]"
            case .name(let name): text += text.isEmpty ? name : ".\(name)"
            }
        }
        return text
    }

    /// The schema with `notYetInEffect` set on the fields of the table.
    static func marking(_ schema: Schema) -> Schema { marking(schema, at: "") }

    private static func marking(_ schema: Schema, at path: String) -> Schema {
        switch schema {
        case .object(let fields, let additional, let rules):
            let marked = fields.map { field in
                var field = field
                let place = path.isEmpty ? field.name : "\(path).\(field.name)"
                field.notYetInEffect = table.contains { $0.field == place }
                field.schema = marking(field.schema, at: place)
                return field
            }
            return .object(fields: marked, additional: additional, rules: rules)
        case .array(let items, let minItems, let key, let unique):
            return .array(items: marking(items, at: path + "[]"), minItems: minItems, key: key, unique: unique)
        default: return schema
        }
    }

    /// What the reference says of a field's effect; nil when all of it is there.
    static func note(on field: String) -> String? {
        guard let entry = table.first(where: { $0.field == field }) else { return nil }
        if entry.values.isEmpty { return "not yet in effect" }
        return entry.values.compactMap(\.string).joined(separator: " and ") + " not yet in effect"
    }
}
