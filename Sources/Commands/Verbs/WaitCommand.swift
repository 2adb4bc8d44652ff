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

    private static func run(_ call: Invocation) throws -> Int32 {
        let goal = try WaitGoal(call.value("for") ?? "")
        let timeout = try call.timeout(.seconds(30))
        let targets = try Targets(call.arguments)
        let api = try call.connect()
        let poll = Poll(call.context.clock, limit: timeout)
        var code: Int32 = 0
        for group in targets.groups {
            for name in try names(group, call, api) {
                let title = "\(group.type.singular)/\(name)"
                var last = ""
                let isMet = try poll.until { () -> Bool? in
                    let object = try api.find(group.type, namespace: api.namespace, name: name)
                    if object == nil, goal.needsObject {
                        throw Missing(type: group.type, namespace: api.namespace, name: name)
                    }
                    last = goal.observed(in: object)
                    return goal.isMet(by: object) ? true : nil
                }
                if isMet == true {
                    call.context.print("\(title) \(goal.past)")
                } else {
                    call.context.note(
                        "error: \(title): \(call.value("for") ?? "") is not so after \(timeout): \(last)")
                    code = 1
                }
            }
        }
        return code
    }

    private static func names(_ group: Targets.Group, _ call: Invocation, _ api: ClusterAPI) throws -> [String] {
        if !group.names.isEmpty { return group.names }
        let objects = try api.list(group.type, namespace: api.namespace, labels: call.value("selector"))
        guard !objects.isEmpty else { throw CommandFailure(message: "no \(group.type.plural) to wait for") }
        return objects.compactMap { $0["metadata"]?["name"]?.string }
    }
}
