import Client
import HTTP
import Model
import Store

/// The users of the cluster: do what the plan says at its times, try again when nobody answers, and remember the answers.
final class Users {
    private unowned let world: World
    private let clients: [SimulatedClient]

    init(_ world: World) {
        self.world = world
        clients = (0..<3).map { SimulatedClient(world, name: "user-\($0)", groups: ["system:masters"]) }
    }

    func begin() {
        for operation in world.plan.operations {
            world.after(operation.time) { [unowned self] in perform(operation) }
        }
    }

    private func perform(_ operation: UserOperation) {
        guard world.isFaulty else { return }
        world.note("user", "operation \(operation.number): \(operation.action) in \(operation.namespace)")
        let client = clients[operation.number % clients.count]
        if case .deletePod(let app, let isForced) = operation.action {
            return deletePod(of: app, in: operation.namespace, isForced, client)
        }
        if case .replace(let app, let value) = operation.action {
            return replace(ObjectKey(.app, namespace: operation.namespace, name: app), value, client)
        }
        guard let wish = Wish(operation) else { return }
        send(wish, client, tries: 3)
    }

    private func send(
        _ wish: Wish, _ client: SimulatedClient, tries: Int, _ then: @escaping (APIAnswer) -> Void = { _ in }
    ) {
        let since = world.history.acknowledged
        var headers: [(name: String, value: String)] = [("Accept", "application/json")]
        if wish.body != nil { headers.append(("Content-Type", wish.contentType)) }
        let request = client.request(wish.method, wish.path, headers: headers, body: wish.body?.serialized())
        client.send(request) { [unowned self] answer in
            guard let answer else {
                if tries > 1 { send(wish, client, tries: tries - 1, then) }
                return
            }
            let document = (try? JSONValue(parsing: answer.body)) ?? .null
            world.note("answer", "\(client.name): \(wish.method) \(wish.path) -> \(answer.status)")
            world.observe(
                .answered(
                    Answer(
                        client: client.name, method: wish.method, key: SimulatedClient.key(of: request), body: nil,
                        status: answer.status, document: document, since: since, before: nil)))
            then(answer)
        }
    }

    /// Deletes the first pod that an App has.
    private func deletePod(of app: String, in namespace: String, _ isForced: Bool, _ client: SimulatedClient) {
        let pods = world.history.objects(of: .pod).filter {
            $0.key.namespace == namespace && $0.document["metadata"]?["labels"]?["martlet.dev/app"]?.string == app
        }
        guard let pod = pods.first else { return }
        let path = ResourceType.pod.path(namespace: namespace, name: pod.key.name)
        send(Wish("DELETE", path + (isForced ? "?gracePeriodSeconds=0" : "")), client, tries: 2)
    }

    /// Reads, changes, and writes with the version that was read.
    private func replace(_ key: ObjectKey, _ value: Int, _ client: SimulatedClient) {
        let path = key.type.path(namespace: key.namespace, name: key.name)
        send(Wish("GET", path), client, tries: 1) { [unowned self] answer in
            guard answer.status == 200, var document = try? JSONValue(parsing: answer.body) else { return }
            document["spec"]?["replicas"] = .integer(Int64(value))
            let wait = world.draw("users") { $0.span(.zero...(.seconds(3))) }
            world.after(wait) { [unowned self] in send(Wish("PUT", path, document), client, tries: 1) }
        }
    }

    /// Puts right what would keep the cluster from ever coming to rest: images that do not exist or do not run, settings
    /// that are missing, and more than the nodes can take.
    func repair() {
        for wait in [0, 30, 60, 90] { world.after(.seconds(Int64(wait))) { [unowned self] in repairOnce() } }
    }

    private func repairOnce() {
        guard world.server.process != nil else { return }
        let client = clients[0]
        for node in world.history.objects(of: .node) where node.document["spec"]?["unschedulable"]?.bool == true {
            _ = now(client, Wish("PATCH", node.key.path, ["spec": ["unschedulable": .null]], type: Wish.merge))
        }
        for namespace in UserOperation.namespaces {
            let path = ResourceType.configMap.path(namespace: namespace)
            let key = ObjectKey(.configMap, namespace: namespace, name: UserOperation.config)
            if world.history.objects[key] == nil {
                _ = now(client, Wish("POST", path, Wish.settings(0, in: namespace)))
            }
        }
        for app in world.history.objects(of: .app) where app.document["metadata"]?["deletionTimestamp"] == nil {
            let spec = Self.repair(of: app.document["spec"])
            if !spec.isEmpty { _ = now(client, Wish("PATCH", app.key.path, ["spec": .object(spec)], type: Wish.merge)) }
        }
    }

    /// What of an App's spec is to be changed.
    private static func repair(of spec: JSONValue?) -> JSONObject {
        var changes = JSONObject()
        let small: JSONValue = "1m"
        if spec?["resources"]?["requests"]?["cpu"] != small { changes["resources"] = ["requests": ["cpu": small]] }
        if !Image(spec?["image"]?.string ?? "").isSettling { changes["image"] = "oci:/images/good:9" }
        return changes
    }

    private func now(_ client: SimulatedClient, _ wish: Wish) -> Int? {
        let headers: [(name: String, value: String)] = [("Content-Type", wish.contentType)]
        return try? client.send(wish.method, wish.path, headers: headers, body: wish.body?.serialized()).status
    }
}

extension ObjectKey {
    /// The path of the object in the API.
    var path: String { type.path(namespace: namespace, name: name) }
}

/// A request that a user makes.
struct Wish {
    static let merge = "application/merge-patch+json"
    let method: String
    let path: String
    let body: JSONValue?
    let contentType: String

    init(_ method: String, _ path: String, _ body: JSONValue? = nil, type: String = "application/json") {
        self.method = method
        self.path = path
        self.body = body
        contentType = type
    }

    /// The request of an operation that is one request.
    init?(_ operation: UserOperation) {
        let namespace = operation.namespace
        func app(_ name: String, _ subresource: String? = nil) -> String {
            ResourceType.app.path(namespace: namespace, name: name, subresource: subresource)
        }
        func patch(_ name: String, _ body: JSONValue) -> Wish { Wish("PATCH", app(name), body, type: Wish.merge) }
        let configMaps = ResourceType.configMap.path(namespace: namespace)
        switch operation.action {
        case .apply(let name, let image, let replicas, let cpu, let config):
            let body = Self.manifest(name, in: namespace, image: image, replicas: replicas, cpu: cpu, config: config)
            self.init("PATCH", app(name) + "?fieldManager=user", body, type: "application/apply-patch+yaml")
        case .scale(let name, let replicas):
            self.init("PATCH", app(name, "scale"), ["spec": ["replicas": .integer(Int64(replicas))]], type: Self.merge)
        case .setImage(let name, let image): self = patch(name, ["spec": ["image": .string(image)]])
        case .setEnvironment(let name, let value): self = patch(name, ["spec": ["env": ["MODE": .string("\(value)")]]])
        case .setLabel(let name, let value): self = patch(name, ["metadata": ["labels": ["tier": .string("\(value)")]]])
        case .setConfig(let value):
            self.init(
                "PATCH", configMaps + "/settings?fieldManager=user", Self.settings(value, in: namespace),
                type: "application/apply-patch+yaml")
        case .deleteConfig: self.init("DELETE", configMaps + "/settings")
        case .deleteApp(let name): self.init("DELETE", app(name))
        case .deleteNamespace: self.init("DELETE", ResourceType.namespace.path(namespace: nil, name: "shop"))
        case .createNamespace:
            self.init(
                "POST", ResourceType.namespace.path(namespace: nil),
                ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]])
        case .read(let name): self.init("GET", app(name))
        case .cordon(let node, let isCordoned):
            let name = "node-\(node < 9 ? "0" : "")\(node + 1)"
            self.init(
                "PATCH", ResourceType.node.path(namespace: nil, name: name),
                ["spec": ["unschedulable": .bool(isCordoned)]], type: Self.merge)
        case .deletePod, .replace: return nil
        }
    }

    static func settings(_ value: Int, in namespace: String) -> JSONValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": ["name": .string(UserOperation.config), "namespace": .string(namespace)],
            "data": ["mode": .string("\(value)")],
        ]
    }

    static func manifest(
        _ name: String, in namespace: String, image: String, replicas: Int, cpu: Int64, config: Bool
    ) -> JSONValue {
        var spec: JSONValue = [
            "image": .string(image), "replicas": .integer(Int64(replicas)),
            "resources": ["requests": ["cpu": .string("\(cpu)m")]],
            "volumes": [["name": "scratch", "mountPath": "/scratch", "emptyDir": [:]]],
            "stop": ["gracePeriod": "5s"],
        ]
        if config { spec["env"] = ["SETTING": ["config": .string(UserOperation.config), "key": "mode"]] }
        if name == "web" {
            spec["ports"] = [["name": "http", "port": 8080]]
            spec["health"] = ["readiness": ["tcp": ["port": "http"], "period": "10s"]]
        }
        return [
            "apiVersion": "martlet.dev/v1", "kind": "App",
            "metadata": ["name": .string(name), "namespace": .string(namespace)], "spec": spec,
        ]
    }
}
