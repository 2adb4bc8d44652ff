import Client
import Model

/// `martlet scale`: sets how many pods an App runs.
enum ScaleCommand {
    static let command = Command(
        path: ["scale"], summary: "Set how many pods an App runs", usage: "APP... --replicas COUNT",
        options: [
            .init("replicas", .value("COUNT"), "How many pods"),
            .init("current-replicas", .value("COUNT"), "Only if it runs this many now"),
            .init("wait", .flag, "Wait until the App is available at that count"), .timeout,
        ],
        examples: ["martlet scale web --replicas 5", "martlet scale app/web --replicas 0"],
        run: run)

    private static func run(_ call: Invocation) throws -> Int32 {
        guard let text = call.value("replicas") else { throw UsageError(message: "say how many: --replicas COUNT") }
        guard let count = Int64(text), count >= 0 else {
            throw UsageError(message: "--replicas takes a whole number of 0 or more, not \"\(text)\"")
        }
        let names = try call.appNames()
        let api = try call.connect()
        var scaled: [JSONValue] = []
        for name in names {
            let path = ResourceType.app.path(namespace: api.namespace, name: escaped(name), subresource: "scale")
            if let expected = call.value("current-replicas") {
                let present = try api.request("GET", path).document["spec"]?["replicas"]?.integer ?? 0
                guard String(present) == expected else {
                    throw CommandFailure(message: "app \(name) runs \(present), not \(expected); nothing was changed")
                }
            }
            _ = try api.request(
                "PATCH", path, contentType: PatchType.merge.rawValue, body: ["spec": ["replicas": .integer(count)]])
            call.context.print("app.martlet.dev/\(name) scaled to \(count)")
            scaled.append(["kind": "App", "metadata": ["name": .string(name), "namespace": .string(api.namespace)]])
        }
        return call.flag("wait") ? try RolloutWait(call: call, api: api, timeout: call.timeout()).wait(for: scaled) : 0
    }
}

extension Invocation {
    /// The Apps that the words name: `web`, `app/web`, `apps web api`.
    func appNames() throws(UsageError) -> [String] {
        guard let first = arguments.first else { throw UsageError(message: "say which App", path: command.path) }
        if !first.contains("/"), arguments.count > 1, ResourceType.meant(by: first) == .app {
            return Array(arguments.dropFirst())
        }
        return try arguments.map { word throws(UsageError) in
            guard word.contains("/") else { return word }
            let group = try Targets([word]).groups[0]
            guard group.type == .app else {
                throw UsageError(message: "\(word) is no App", path: command.path)
            }
            return group.names[0]
        }
    }
}
