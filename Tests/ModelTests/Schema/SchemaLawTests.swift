import Model
import Testing

/// The smallest App that is valid.
func smallestApp(_ spec: JSONObject = JSONObject()) -> JSONValue {
    var whole: JSONObject = ["image": "registry.example.com/web:1.0"]
    for member in spec.members { whole[member.name] = member.value }
    return ["apiVersion": "martlet.dev/v1", "kind": "App", "metadata": ["name": "web"], "spec": .object(whole)]
}

@Suite struct SchemaLawTests {
    /// A valid document of every type.
    static let valid: [(type: ResourceType, document: JSONValue)] = [
        (.app, smallestApp()),
        (.app, smallestApp(["autoscale": ["max": 3, "metrics": [["type": "CPU", "target": "70%"]]]])),
        (
            .revision,
            [
                "apiVersion": "martlet.dev/v1", "kind": "Revision", "metadata": ["name": "web-abc"],
                "spec": ["revision": 1, "templateHash": "abc", "template": ["spec": ["containers": []]]],
            ]
        ),
        (
            .pod,
            [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "web-abc-1"],
                "spec": ["containers": [["name": "web", "image": "web:1"]], "dnsPolicy": "ClusterFirst"],
            ]
        ),
        (.node, ["apiVersion": "v1", "kind": "Node", "metadata": ["name": "one"], "status": ["capacity": ["cpu": 2]]]),
        (.namespace, ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "shop"]]),
        (.configMap, ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "data": ["a.txt": "b"]]),
        (.secret, ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"], "stringData": ["a": "b"]]),
        (
            .event,
            [
                "apiVersion": "v1", "kind": "Event", "metadata": ["name": "e"], "involvedObject": ["kind": "Pod"],
                "reason": "Started",
            ]
        ),
    ]

    @Test(arguments: valid)
    func `a valid document has no errors before and after its defaults`(type: ResourceType, document: JSONValue) {
        #expect(Validation.errors(in: document, type: type, strict: true).map(\.description) == [])
        let defaulted = Defaults.applied(to: document, type: type)
        #expect(Validation.errors(in: defaulted, type: type, strict: true).map(\.description) == [])
    }

    @Test(arguments: valid)
    func `defaults applied twice are as applied once`(type: ResourceType, document: JSONValue) {
        let once = Defaults.applied(to: document, type: type)
        #expect(Defaults.applied(to: once, type: type).text() == once.text())
    }

    @Test(arguments: valid)
    func `what is stored has the same defaults in the end`(type: ResourceType, document: JSONValue) {
        let stored = Defaults.stored(document, type: type)
        #expect(Defaults.stored(stored, type: type).text() == stored.text())
        #expect(Defaults.applied(to: stored, type: type).text() == Defaults.applied(to: document, type: type).text())
        #expect(
            Defaults.completing(stored, type: type).text() == Defaults.applied(to: document, type: type).text())
        #expect(Validation.errors(in: stored, type: type, strict: true).map(\.description) == [])
    }

    @Test(arguments: ResourceType.all)
    func `every type has a schema, an OpenAPI component and a reference`(type: ResourceType) {
        guard case .object(let fields, _, _) = Schema.of(type) else {
            Issue.record("\(type.kind) has no object schema")
            return
        }
        #expect(fields.prefix(3).map(\.name) == ["apiVersion", "kind", "metadata"])
        let component = Schema.openAPI(for: type)
        #expect(component["x-kubernetes-group-version-kind"]?.array?.first?["kind"]?.string == type.kind)
        #expect(component["properties"]?["metadata"]?["type"]?.string == "object")
        #expect(Schema.reference(for: type).contains("| `metadata.name` |"))
    }
}
