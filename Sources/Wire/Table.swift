public import Model

/// One column of a table.
public struct TableColumn: Hashable, Sendable {
    /// The heading.
    public var name: String
    /// `string` or `integer`.
    public var type: String
    /// `name` for the column that names the row's object, else empty.
    public var format: String
    /// What the column shows.
    public var description: String
    /// 0 for a column that is always shown, 1 for one that only wide output shows.
    public var priority: Int

    /// Makes a column of text.
    public init(_ name: String, _ description: String, wide: Bool = false, type: String = "string") {
        self.name = name
        self.type = type
        self.format = name == "Name" ? "name" : ""
        self.description = description
        priority = wide ? 1 : 0
    }

    /// The column as a `Table` describes it.
    public var document: JSONValue {
        [
            "name": .string(name), "type": .string(type), "format": .string(format),
            "description": .string(description), "priority": .integer(Int64(priority)),
        ]
    }
}

/// What a table's rows carry besides their cells (`includeObject`).
public enum TableObjectPolicy: String, Sendable {
    /// Nothing.
    case none = "None"
    /// `PartialObjectMetadata`.
    case metadata = "Metadata"
    /// The whole object.
    case object = "Object"
}

/// Tables for people, made by the server (Kubernetes API concepts, "Receiving resources as Tables").
public enum Table {
    /// A `Table` of objects of one type.
    ///
    /// - Parameters:
    ///   - metadata: the list's metadata: `resourceVersion`, and `continue` where there is more.
    ///   - now: the present moment, for ages.
    public static func document(
        of documents: [JSONValue], type: ResourceType, metadata: JSONValue, policy: TableObjectPolicy, now: Timestamp
    ) -> JSONValue {
        let columns = TableColumns.for(type)
        return [
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "columnDefinitions": .array(columns.map(\.document)),
            "rows": .array(documents.map { row(of: $0, type: type, policy: policy, now: now) }),
        ]
    }

    private static func row(
        of document: JSONValue, type: ResourceType, policy: TableObjectPolicy, now: Timestamp
    ) -> JSONValue {
        var row: JSONValue = ["cells": .array(TableColumns.cells(document, type: type, now: now))]
        switch policy {
        case .none: break
        case .metadata: row["object"] = partialMetadata(of: document)
        case .object: row["object"] = document
        }
        return row
    }

    /// The `PartialObjectMetadata` of an object.
    public static func partialMetadata(of document: JSONValue) -> JSONValue {
        [
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
            "metadata": document["metadata"] ?? [:],
        ]
    }
}
