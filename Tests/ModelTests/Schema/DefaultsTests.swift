import Model
import TestSupport
import Testing

@Suite struct DefaultsTests {
    private func spec(_ fields: JSONObject) -> JSONValue {
        Defaults.applied(to: smallestApp(fields), type: .app)["spec"] ?? nil
    }

    @Test func `the smallest App gets every default`() {
        #expect(
            Defaults.applied(to: smallestApp(), type: .app) == [
                "apiVersion": "martlet.dev/v1", "kind": "App", "metadata": ["name": "web", "namespace": "default"],
                "spec": [
                    "image": "registry.example.com/web:1.0", "replicas": 1,
                    "resources": ["limits": ["pids": "1024"]],
                    "security": [
                        "readOnlyRootFilesystem": false, "allowPrivilegeEscalation": false, "seccomp": "Default",
                        "userNamespace": true,
                    ],
                    "stop": ["signal": "SIGTERM", "drain": "10s", "gracePeriod": "30s"],
                    "rollout": [
                        "strategy": "Rolling", "maxSurge": "25%", "maxUnavailable": 0, "minReady": "0s",
                        "progressDeadline": "10m", "autoRollback": true, "historyLimit": 10,
                    ],
                ],
            ])
    }

    @Test func `what is set stays and what is null counts as unset`() {
        let spec = spec(["replicas": 0, "stop": ["drain": "1s", "signal": nil], "rollout": nil, "command": nil])
        #expect(spec["replicas"] == 0)
        #expect(spec["stop"] == ["signal": "SIGTERM", "drain": "1s", "gracePeriod": "30s"])
        #expect(spec["rollout"]?["strategy"] == "Rolling")
        #expect(spec["command"] == nil)
    }

    @Test func `replicas has no default beside autoscale`() {
        let spec = spec(["autoscale": ["max": 3, "metrics": [["type": "CPU", "target": "70%"]]]])
        #expect(spec["replicas"] == nil)
        #expect(spec["autoscale"]?["min"] == 1)
        #expect(spec["autoscale"]?["scaleDown"]?["stabilizationWindow"] == "5m")
        #expect(self.spec(["autoscale": nil])["replicas"] == 1)
    }

    @Test func `probes, ports, mounts and containers get theirs`() {
        let spec = spec([
            "ports": [["name": "http", "port": 80]], "health": ["readiness": ["http": ["port": "http"]]],
            "volumes": [["name": "v", "config": ["name": "c"]]], "sidecars": [["name": "s"]],
        ])
        #expect(spec["ports"] == [["name": "http", "port": 80, "protocol": "HTTP"]])
        #expect(
            spec["health"] == [
                "readiness": [
                    "http": ["port": "http", "path": "/"], "initialDelay": "0s", "period": "10s", "timeout": "1s",
                    "failureThreshold": 3, "successThreshold": 1,
                ]
            ])
        #expect(
            spec["volumes"] == [
                ["name": "v", "readOnly": false, "config": ["name": "c", "mode": 420, "optional": false]]
            ])
        #expect(spec["sidecars"]?.array?.first?["resources"]?["limits"]?["pids"] == "1024")
    }

    @Test func `a Secret's text becomes base64 and wins over data`() {
        let secret: JSONValue = [
            "metadata": ["name": "s"], "data": ["a": "b2xk", "k": "eA=="], "stringData": ["a": "new", "e": ""],
        ]
        let applied = Defaults.applied(to: secret, type: .secret)
        #expect(applied["stringData"] == nil)
        #expect(applied["data"] == ["a": "bmV3", "k": "eA==", "e": ""])
        #expect(applied["type"] == "Opaque")
        #expect(Defaults.applied(to: applied, type: .secret) == applied)
    }

    @Test(
        arguments: [
            nil, 1, "x", [], ["spec": 1], ["spec": ["ports": 1, "stop": [], "env": [1]]],
            ["spec": ["ports": [1, nil]]], ["stringData": ["a": 1]],
        ] as [JSONValue])
    func `what fits no schema is left for validation`(document: JSONValue) {
        for type in ResourceType.all {
            let once = Defaults.applied(to: document, type: type)
            #expect(Defaults.applied(to: once, type: type) == once)
            #expect(!Validation.errors(in: document, type: type, strict: true).isEmpty)
        }
    }

    @Test func `random documents never stop the defaults or the validation`() {
        for seed in UInt64(0)..<500 {
            var generator = SplitMix64(seed: seed)
            var document = smallestApp()
            guard case .object(let fields, _, _) = Schema.of(.app),
                case .object(let specFields, _, _)? = fields.first(where: { $0.name == "spec" })?.schema
            else { return }
            for field in specFields where Bool.random(using: &generator) {
                document[path: ["spec", field.name]] = .random(depth: 4, using: &generator)
            }
            let once = Defaults.applied(to: document, type: .app)
            #expect(Defaults.applied(to: once, type: .app).text() == once.text(), "seed \(seed)")
            let stored = Defaults.stored(document, type: .app)
            #expect(Defaults.stored(stored, type: .app).text() == stored.text(), "seed \(seed)")
            #expect(Defaults.applied(to: stored, type: .app).text() == once.text(), "seed \(seed)")
            let before = Validation.errors(in: document, type: .app, strict: true)
            let after = Validation.errors(in: once, type: .app, strict: true)
            #expect(before == after, "seed \(seed)")
            if after.isEmpty { #expect(throws: Never.self) { try App(json: once) } }
        }
    }

    @Test func `an App is stored with its lists as they were written, and with every other default`() {
        let ports: JSONValue = [["name": "http", "port": 80]]
        let stored = Defaults.stored(smallestApp(["ports": ports]), type: .app)
        #expect(stored["spec"]?["ports"] == ports)
        #expect(stored["spec"]?["replicas"] == 1)
        #expect(Defaults.completing(stored, type: .app)["spec"]?["ports"]?.array?.first?["protocol"] == "HTTP")
        let pod: JSONValue = ["spec": ["containers": [["name": "a", "image": "b", "ports": [["containerPort": 80]]]]]]
        #expect(Defaults.stored(pod, type: .pod) == Defaults.applied(to: pod, type: .pod))
    }

    @Test func `defaulted Apps decode, and their decoded form is valid`() throws {
        let document = Defaults.applied(
            to: smallestApp([
                "health": ["liveness": ["exec": ["command": ["true"]]]],
                "env": ["A": "b", "C": ["field": "status.podIP"]],
            ]), type: .app)
        let app = try App(json: document)
        #expect(app.spec.rollout?.maxSurge == .percent(25))
        #expect(app.spec.stop?.drain == .seconds(10))
        #expect(app.spec.resources?.limits["pids"]?.whole == 1024)
        #expect(Validation.errors(in: app.document, type: .app, strict: true).map(\.description) == [])
        #expect(Defaults.applied(to: app.document, type: .app) == document)
    }
}

@Suite struct FieldStatusTests {
    private func paths(_ spec: JSONObject) -> [String] {
        let document = smallestApp(spec)
        let found = FieldStatus.notYetInEffect(in: document, type: .app).map(\.description)
        let defaulted = Defaults.applied(to: document, type: .app)
        #expect(FieldStatus.notYetInEffect(in: defaulted, type: .app).map(\.description).sorted() == found.sorted())
        return found
    }

    @Test(
        arguments: [
            ([:], []), (["stop": ["drain": "10s"], "rollout": ["autoRollback": true, "strategy": "Rolling"]], []),
            (["stop": ["drain": "5s"]], []),
            (["rollout": ["strategy": "Recreate"]], []),
            (["rollout": ["strategy": "Canary", "steps": []]], ["spec.rollout.strategy"]),
            (
                ["rollout": ["strategy": "Canary", "steps": [["setWeight": 1]]]],
                ["spec.rollout.strategy", "spec.rollout.steps"]
            ),
            (
                ["rollout": ["progressDeadline": "1m", "autoRollback": false]],
                ["spec.rollout.progressDeadline", "spec.rollout.autoRollback"]
            ),
            (
                ["volumes": [["name": "a"], ["name": "b", "persistent": [:]]]],
                ["spec.volumes[1].persistent"]
            ),
            (["volumes": [["name": "v", "persistent": [:]]]], ["spec.volumes[0].persistent"]),
            (["routes": [["host": "a.b"]], "traffic": ["balance": "Random"]], []),
            (["security": ["userNamespace": false]], []),
            (["autoscale": ["max": 2, "metrics": [["type": "CPU", "target": "70%"]]]], ["spec.autoscale"]),
        ] as [(JSONObject, [String])])
    func `chosen fields without effect are told, defaults are not`(spec: JSONObject, expected: [String]) {
        #expect(paths(spec) == expected)
    }

    @Test func `the reference says which fields have no effect`() {
        let reference = Schema.reference(for: .app)
        for line in reference.split(separator: "\n")
        where line.hasPrefix("| `spec.autoscale` |") || line.hasPrefix("| `spec.rollout.steps` |") {
            #expect(line.contains("(not yet in effect)"))
        }
        #expect(reference.contains("(BlueGreen and Canary not yet in effect)"))
        #expect(FieldStatus.notYetInEffect(in: ["spec": ["autoscale": [:]]], type: .pod) == [])
    }
}
