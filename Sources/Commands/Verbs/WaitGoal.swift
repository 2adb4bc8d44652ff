import Model

/// What `martlet wait --for` waits for.
enum WaitGoal: Equatable {
    case condition(type: String, status: String)
    case deleted
    case created
    case value(FieldQuery, String)

    /// Reads the value of `--for`.
    init(_ text: String) throws(UsageError) {
        if text == "delete" {
            self = .deleted
        } else if text == "create" {
            self = .created
        } else if text.hasPrefix("condition="), text.count > "condition=".count {
            let parts = text.dropFirst("condition=".count).split(separator: "=", maxSplits: 1).map(String.init)
            self = .condition(type: parts.first ?? "", status: parts.count > 1 ? parts[1] : "True")
        } else if text.hasPrefix("jsonpath="), let goal = try Self.value(text.dropFirst("jsonpath=".count)) {
            self = goal
        } else {
            throw UsageError(
                message:
                    "say what to wait for: --for=condition=Ready, --for=delete, --for=create or --for=jsonpath={.a}=b")
        }
    }

    /// `{.a}=b`, with quotes around the path as in kubectl's examples.
    private static func value(_ text: Substring) throws(UsageError) -> WaitGoal? {
        let path = text.prefix { $0 != "}" } + "}"
        let rest = text.dropFirst(path.count).drop { $0 == "'" }
        guard rest.first == "=" else { return nil }
        return .value(try FieldQuery(path.filter { $0 != "'" }), String(rest.dropFirst()))
    }

    /// Whether the object must be there while it is waited for.
    var needsObject: Bool {
        switch self {
        case .condition, .value: true
        case .deleted, .created: false
        }
    }

    /// What is said once it is so.
    var past: String {
        switch self {
        case .deleted: "deleted"
        case .created: "created"
        case .condition, .value: "condition met"
        }
    }

    /// Whether an object, nil when there is none, is as asked.
    func isMet(by object: JSONValue?) -> Bool {
        switch self {
        case .deleted: return object == nil
        case .created: return object != nil
        case .value(let query, let wanted): return object.map { query.text(in: $0) == wanted } ?? false
        case .condition(let type, let status):
            guard let object else { return false }
            // A status of an older spec says nothing about this one.
            let generation = object["metadata"]?["generation"]?.integer ?? 0
            if let observed = object["status"]?["observedGeneration"]?.integer, observed < generation { return false }
            return condition(type, in: object)?["status"]?.string?.lowercased() == status.lowercased()
        }
    }

    /// What is so instead, for an error.
    func observed(in object: JSONValue?) -> String {
        guard let object else { return "it is not there" }
        switch self {
        case .deleted, .created: return "it is there"
        case .value(let query, _): return "the value is \"\(query.text(in: object))\""
        case .condition(let type, _):
            guard let found = condition(type, in: object) else {
                let types = (object["status"]?["conditions"]?.array ?? []).compactMap { $0["type"]?.string }
                return types.isEmpty ? "it has no conditions" : "it has the conditions \(types.joined(separator: ", "))"
            }
            let parts = [found["status"], found["reason"], found["message"]].compactMap { $0?.string }
            return "it is " + parts.filter { !$0.isEmpty }.joined(separator: ": ")
        }
    }

    private func condition(_ type: String, in object: JSONValue) -> JSONValue? {
        (object["status"]?["conditions"]?.array ?? []).first { $0["type"]?.string?.lowercased() == type.lowercased() }
    }
}
