import Model
import Testing

@Suite struct ConditionTests {
    private let noon = Timestamp(seconds: 1_000)
    private let later = Timestamp(seconds: 2_000)

    @Test func `the time of a condition is that of its last change`() {
        var conditions: [Condition] = []
        conditions.set(Condition("Ready", true, reason: "A", message: "a"), now: noon)
        conditions.set(Condition("Ready", true, reason: "B", message: "b"), now: later)
        #expect(conditions["Ready"]?.lastTransitionTime == noon)
        #expect(conditions["Ready"]?.reason == "B")
        conditions.set(Condition("Ready", nil, reason: "C", message: "c"), now: later)
        #expect(conditions["Ready"]?.status == "Unknown")
        #expect(conditions["Ready"]?.lastTransitionTime == later)
        #expect(conditions.count == 1)
        #expect(conditions["Available"] == nil)
    }
}

@Suite struct ResourceTypeTests {
    @Test(
        arguments: [
            ("app", .app), ("apps", .app), ("App", .app), ("APPS", .app), ("apps.martlet.dev", .app), ("po", .pod),
            ("cm", .configMap),
            ("rev", .revision), ("ns", .namespace), ("secret", .secret), ("pods.v1", nil), ("pods.", nil),
            ("deployments", nil), ("", nil),
        ] as [(String, ResourceType?)])
    func `a type is known by its names`(word: String, type: ResourceType?) {
        #expect(ResourceType.meant(by: word) == type)
    }

    @Test func `paths follow the API conventions`() {
        #expect(
            ResourceType.app.path(namespace: "shop", name: "web", subresource: "scale")
                == "/apis/martlet.dev/v1/namespaces/shop/apps/web/scale")
        #expect(ResourceType.pod.path(namespace: nil) == "/api/v1/pods")
        #expect(ResourceType.node.path(namespace: "shop", name: "one") == "/api/v1/nodes/one")
        #expect(ResourceType.named(apiVersion: "v1", kind: "Pod") == .pod)
        #expect(ResourceType.named(apiVersion: "martlet.dev/v1", kind: "Pod") == nil)
    }

    @Test func `no two types share a name`() {
        let names = ResourceType.all.flatMap { [$0.plural, $0.singular] + $0.shortNames }
        #expect(Set(names).count == names.count)
    }

    @Test func `keys order by type, namespace and name`() {
        let keys = [
            ObjectKey(.pod, namespace: "b", name: "a"), ObjectKey(.pod, namespace: "a", name: "b"),
            ObjectKey(.app, namespace: "z", name: "z"),
        ]
        #expect(keys.sorted().map(\.description) == ["apps.martlet.dev/z/z", "pods/a/b", "pods/b/a"])
        #expect(ObjectKey(.node, namespace: "x", name: "one").description == "nodes/one")
    }
}

@Suite struct CodingTests {
    @Test func `an App survives being encoded and decoded`() throws {
        let app = App {
            $0.metadata.name = "web"
            $0.metadata.labels = ["b": "1", "a": "2"]
            $0.spec.image = "web:1"
            $0.spec.env = [
                "A": .value("x"), "B": .secret(name: "s", key: "k"), "C": .config(name: "c", key: "k"),
                "D": .field("status.podIP"),
            ]
            $0.spec.health = Health { $0.liveness = AppProbe { $0.http = HTTPCheck { $0.port = .name("http") } } }
            $0.spec.rollout = RolloutSpec {
                $0.maxSurge = .percent(25); $0.maxUnavailable = .count(0)
            }
        }
        let document = app.document
        #expect(try App(json: document) == app)
        #expect(document.object?.keys.prefix(2) == ["apiVersion", "kind"])
        #expect(document["metadata"]?["labels"]?.text() == "{\"a\":\"2\",\"b\":\"1\"}")
        #expect(document["spec"]?["ports"] == nil)
        #expect(document["spec"]?["env"]?["B"] == ["secret": "s", "key": "k"])
    }

    @Test(
        arguments: [
            (["spec": ["ports": [["name": "a", "port": "x"]]]], "spec.ports.0.port"),
            (["spec": ["stop": ["drain": "soon"]]], "spec.stop.drain"),
            (["spec": ["env": ["A": ["secret": "s"]]]], "spec.env.A"), (["spec": []], "spec"),
            (["spec": ["replicas": 1.5]], "spec.replicas"),
        ] as [(JSONValue, String)])
    func `a value that does not fit is named by its path`(document: JSONValue, path: String) {
        var whole = document
        whole["metadata"] = [:]
        if whole["spec"]?.object != nil { whole[path: ["spec", "image"]] = "x" }
        let error = #expect(throws: DecodingError.self) { try App(json: whole) }
        switch error {
        case .typeMismatch(_, let context), .dataCorrupted(let context), .valueNotFound(_, let context):
            #expect(context.codingPath.map(\.stringValue).joined(separator: ".") == path)
        default: Issue.record("unexpected \(String(describing: error))")
        }
    }

    @Test func `absent and null lists decode as empty`() throws {
        let app = try App(json: ["metadata": ["labels": nil], "spec": ["image": "x", "command": nil]])
        #expect(app.metadata.labels == [:])
        #expect(app.spec.command == [])
        #expect(app.spec.ports == [])
    }
}
