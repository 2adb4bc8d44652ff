public import Model

/// Which columns tables of each type have, and what is in their cells. Pure: the same document and moment give the
/// same text on the server and in a client.
public enum TableColumns {
    /// The columns of a type's tables.
    public static func `for`(_ type: ResourceType) -> [TableColumn] {
        let name = TableColumn("Name", "The object's name")
        let age = TableColumn("Age", "How long ago the object was made")
        switch type {
        case .app: return [name] + app + [age] + appWide
        case .revision: return [name] + revision + [age, TableColumn("Image", "The main container's image")]
        case .pod: return [name] + pod + [age] + podWide
        case .node: return [name] + node + [age, TableColumn("Version", "The agent's version")] + nodeWide
        case .namespace: return [name, TableColumn("Status", "Active or Terminating"), age]
        case .configMap: return [name, TableColumn("Data", "How many keys there are", type: "integer"), age]
        case .secret:
            return [
                name, TableColumn("Type", "What the secret is for"),
                TableColumn("Data", "How many keys there are", type: "integer"), age,
            ]
        // An event's name says nothing; it comes last, for wide output.
        case .event: return event + [TableColumn("Name", "The object's name", wide: true)]
        default: return [name, age]
        }
    }

    /// The cells of an object's row: one a column, in their order.
    public static func cells(_ document: JSONValue, type: ResourceType, now: Timestamp) -> [JSONValue] {
        let name = JSONValue.string(document["metadata"]?["name"]?.string ?? "")
        let age = JSONValue.string(
            HumanDuration.age(since: document["metadata"]?["creationTimestamp"]?.string, now: now))
        switch type {
        case .app: return [name] + appCells(document) + [age] + appWideCells(document)
        case .revision: return [name] + revisionCells(document) + [age] + [mainImage(document)]
        case .pod: return [name] + podCells(document, now: now) + [age] + podWideCells(document)
        case .node: return [name] + nodeCells(document) + [age] + nodeTailCells(document)
        case .namespace:
            let isGoing = document["metadata"]?["deletionTimestamp"] != nil
            let phase = document["status"]?["phase"]?.string ?? (isGoing ? "Terminating" : "Active")
            return [name, .string(phase), age]
        case .configMap: return [name, count(document, "data", "binaryData"), age]
        case .secret:
            return [name, .string(document["type"]?.string ?? "Opaque"), count(document, "data"), age]
        case .event: return eventCells(document, now: now) + [name]
        default: return [name, age]
        }
    }

    private static func count(_ document: JSONValue, _ members: String...) -> JSONValue {
        .integer(Int64(members.reduce(0) { $0 + (document[$1]?.object?.count ?? 0) }))
    }

    private static let event = [
        TableColumn("Last Seen", "When it happened last"), TableColumn("Type", "Normal or Warning"),
        TableColumn("Reason", "What happened, in a word"), TableColumn("Object", "What it happened to"),
        TableColumn("Subobject", "The part of the object", wide: true),
        TableColumn("Source", "Who says so", wide: true), TableColumn("Message", "What happened"),
        TableColumn("First Seen", "When it happened first", wide: true),
        TableColumn("Count", "How often it happened", wide: true, type: "integer"),
    ]

    private static func eventCells(_ document: JSONValue, now: Timestamp) -> [JSONValue] {
        func text(_ path: String...) -> String { document[path: path]?.string ?? "" }
        func age(_ member: String) -> JSONValue {
            let time = document[member]?.string ?? document["metadata"]?["creationTimestamp"]?.string
            return .string(HumanDuration.age(since: time, now: now))
        }
        let object = "\(text("involvedObject", "kind").lowercased())/\(text("involvedObject", "name"))"
        let source = [text("source", "component"), text("source", "host")].filter { !$0.isEmpty }
        return [
            age("lastTimestamp"), .string(text("type")), .string(text("reason")), .string(object),
            .string(text("involvedObject", "fieldPath")), .string(source.joined(separator: ", ")),
            .string(text("message")), age("firstTimestamp"), .integer(document["count"]?.integer ?? 1),
        ]
    }
}

extension TableColumns {
    /// A condition of an object.
    static func condition(_ document: JSONValue, _ type: String) -> JSONValue? {
        document["status"]?["conditions"]?.array?.first { $0["type"]?.string == type }
    }

    /// `status` of a condition.
    static func conditionStatus(_ document: JSONValue, _ type: String) -> String? {
        condition(document, type)?["status"]?.string
    }

    /// A cell's text, `<none>` where there is nothing to show.
    static func cell(_ text: String?) -> JSONValue {
        guard let text, !text.isEmpty else { return "<none>" }
        return .string(text)
    }
}
