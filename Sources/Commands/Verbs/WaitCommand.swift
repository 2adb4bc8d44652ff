import Client
import Model

/// `martlet wait`: waits until objects are as asked.
enum WaitCommand {
    static let command = Command(
        path: ["wait"], summary: "Wait until objects are as asked",
        usage: "--for=condition=TYPE[=STATUS]|delete|create|jsonpath={PATH}=VALUE TYPE/NAME...",
        options: [
            .init(
                "for", .value("WHAT"), "condition=Ready, condition=Available=False, delete, create, or jsonpath={.a}=b"),
            .timeout,
            .selector, .allNamespaces,
        ],
        examples: [
            "martlet wait --for=condition=Available app/web",
            "martlet wait --for=delete pod/web-7d9fcb5c2x-abcde --timeout 60s",
            "martlet wait --for=jsonpath={.status.readyReplicas}=3 app/web",
        ],
        run: run)

    private enum Goal {
        case condition(type: String, status: String)
        case deleted
        case created
        case value(FieldQuery, String)
    }

    private static func run(_ call: Invocation) throws -> Int32 {
        let goal = try goal(call.value("for") ?? "")
        let timeout = try call.timeout(.seconds(30))
        let targets = try Targets(call.arguments)
        let api = try call.connect()
        let deadline = monotonicNow() + timeout
        var code: Int32 = 0
        for group in targets.groups {
            for name in try names(group, call, api) {
                let isMet = try Poll(limit: max(.zero, deadline - monotonicNow())).until { () -> Bool? in
                    let object = try api.find(group.type, namespace: api.namespace, name: name)
                    if object == nil, case .condition = goal { throw missing(group.type, name) }
                    return meets(goal, object) ? true : nil
                }
                if isMet == true {
                    call.context.print("\(group.type.singular)/\(name) condition met")
                } else {
                    call.context.note(
                        "error: \(group.type.singular)/\(name): not as asked after \(timeout): \(call.value("for") ?? "")"
                    )
                    code = 1
                }
            }
        }
        return code
    }

    private static func missing(_ type: ResourceType, _ name: String) -> ClientError {
        .status(code: 404, reason: "NotFound", message: "\(type.qualifiedName) \"\(name)\" not found", details: nil)
    }

    private static func names(_ group: Targets.Group, _ call: Invocation, _ api: ClusterAPI) throws -> [String] {
        if !group.names.isEmpty { return group.names }
        let objects = try api.list(group.type, namespace: api.namespace, labels: call.value("selector"))
        guard !objects.isEmpty else { throw CommandFailure(message: "no \(group.type.plural) to wait for") }
        return objects.compactMap { $0["metadata"]?["name"]?.string }
    }

    private static func goal(_ text: String) throws(UsageError) -> Goal {
        if text == "delete" { return .deleted }
        if text == "create" { return .created }
        if text.hasPrefix("condition=") {
            let parts = text.dropFirst("condition=".count).split(separator: "=", maxSplits: 1).map(String.init)
            if let type = parts.first { return .condition(type: type, status: parts.count > 1 ? parts[1] : "True") }
        }
        if text.hasPrefix("jsonpath="), let split = text.lastIndex(of: "="),
            split > text.index(text.startIndex, offsetBy: 8)
        {
            let path = text[..<split].dropFirst("jsonpath=".count).filter { $0 != "'" }
            return .value(try FieldQuery(path), String(text[text.index(after: split)...]))
        }
        throw UsageError(
            message: "say what to wait for: --for=condition=Ready, --for=delete, --for=create or --for=jsonpath={.a}=b",
            path: ["wait"])
    }

    private static func meets(_ goal: Goal, _ object: JSONValue?) -> Bool {
        switch goal {
        case .deleted: return object == nil
        case .created: return object != nil
        case .value(let query, let wanted): return object.map { query.text(in: $0) == wanted } ?? false
        case .condition(let type, let status):
            guard let object else { return false }
            let generation = object["metadata"]?["generation"]?.integer ?? 0
            if let observed = object["status"]?["observedGeneration"]?.integer, observed < generation { return false }
            let conditions = object["status"]?["conditions"]?.array ?? []
            return conditions.contains { condition in
                condition["type"]?.string?.lowercased() == type.lowercased()
                    && condition["status"]?.string?.lowercased() == status.lowercased()
            }
        }
    }
}
