import Manifest
import Model

/// How objects are printed.
enum OutputFormat: Sendable, Equatable {
    case table
    case wide
    case name
    case json
    case yaml
    /// The value at a path of every object: `-o jsonpath={.status.podIP}`.
    case path(FieldQuery)

    /// Reads the value of `-o`.
    init(_ text: String?) throws(UsageError) {
        switch text {
        case nil: self = .table
        case "wide": self = .wide
        case "name": self = .name
        case "json": self = .json
        case "yaml": self = .yaml
        case let text? where text.hasPrefix("jsonpath="):
            self = .path(try FieldQuery(String(text.dropFirst("jsonpath=".count))))
        case let text?:
            throw UsageError(
                message: "unknown output format \"\(text)\"; allowed: wide, name, json, yaml, jsonpath={.a.b}")
        }
    }

    /// Whether the server makes the table.
    var isTable: Bool { self == .table || self == .wide }

    /// Objects as text: one as it is, several as a `List`.
    func text(of objects: [JSONValue], asList: Bool) -> String {
        switch self {
        case .table, .wide: return ""
        case .name: return objects.map { objectName($0) + "\n" }.joined()
        case .json: return document(objects, asList).text(.indented) + "\n"
        case .yaml: return document(objects, asList).yaml
        case .path(let query):
            if asList && query.startsAtItems { return query.text(in: document(objects, asList)) }
            return objects.map { query.text(in: $0) }.joined(separator: "\n")
        }
    }

    private func document(_ objects: [JSONValue], _ asList: Bool) -> JSONValue {
        if !asList, let only = objects.first { return only }
        return ["apiVersion": "v1", "kind": "List", "metadata": [:], "items": .array(objects)]
    }
}

/// An object's name with its type: `app.martlet.dev/web`, `pod/web-1`.
func objectName(_ object: JSONValue) -> String {
    let apiVersion = object["apiVersion"]?.string ?? "v1"
    let kind = (object["kind"]?.string ?? "").lowercased()
    let group = apiVersion.split(separator: "/").dropLast().first.map { ".\($0)" } ?? ""
    return "\(kind)\(group)/\(object["metadata"]?["name"]?.string ?? "")"
}

/// A path into a document, the simple part of kubectl's JSONPath: `{.items[*].metadata.name}`, `{.spec.ports[0].port}`.
struct FieldQuery: Sendable, Equatable {
    private enum Step: Equatable {
        case member(String)
        case index(Int)
        case every
    }
    private var steps: [Step] = []

    /// Parses a path.
    init(_ text: String) throws(UsageError) {
        var rest = text[...]
        if rest.hasPrefix("{") && rest.hasSuffix("}") { rest = rest.dropFirst().dropLast() }
        if rest.hasPrefix("$") { rest = rest.dropFirst() }
        let failure = UsageError(
            message: "\"\(text)\" is not a path such as {.status.podIP} or {.items[*].metadata.name}")
        while let first = rest.first {
            rest = rest.dropFirst()
            if first == "." {
                var name = ""
                while let character = rest.first, character != ".", character != "[" {
                    rest = rest.dropFirst()
                    if character == "\\", let escaped = rest.popFirst() {
                        name.append(escaped)
                    } else {
                        name.append(character)
                    }
                }
                if !name.isEmpty { steps.append(.member(name)) }
            } else if first == "[", let end = rest.firstIndex(of: "]") {
                let inside = rest[..<end]
                rest = rest[rest.index(after: end)...]
                if inside == "*" {
                    steps.append(.every)
                } else if let index = Int(inside) {
                    steps.append(.index(index))
                } else if inside.hasPrefix("'"), inside.hasSuffix("'"), inside.count > 1 {
                    steps.append(.member(String(inside.dropFirst().dropLast())))
                } else {
                    throw failure
                }
            } else {
                throw failure
            }
        }
    }

    var startsAtItems: Bool { steps.first == .member("items") }

    /// The values at the path.
    func values(in document: JSONValue) -> [JSONValue] {
        steps.reduce([document]) { values, step in
            values.flatMap { value -> [JSONValue] in
                switch step {
                case .member(let name): value[name].map { [$0] } ?? []
                case .index(let index): value.array.flatMap { $0.indices.contains(index) ? [$0[index]] : nil } ?? []
                case .every: value.array ?? value.object?.members.map(\.value) ?? []
                }
            }
        }
    }

    /// The values at the path, separated by spaces; strings as they are, anything else as JSON.
    func text(in document: JSONValue) -> String {
        values(in: document).map { $0.string ?? $0.text() }.joined(separator: " ")
    }
}
