import Model
import Testing

/// What validation says of an App with these fields in its spec.
private func errors(_ spec: JSONObject, strict: Bool = true) -> [String] {
    Validation.errors(in: smallestApp(spec), type: .app, strict: strict).map(\.description)
}

@Suite struct ValidationTests {
    @Test(
        arguments: [
            (["replica": 3], ["spec.replica: unknown field; did you mean \"replicas\"?"]),
            (
                ["readyness": [:]],
                [
                    "spec.readyness: unknown field; known fields: image, command, args, workingDir, env, ports, resources, volumes, security, initContainers, sidecars, replicas, placement, health, stop, rollout, autoscale, routes, traffic"
                ]
            ),
            (
                ["health": ["readyness": ["tcp": ["port": 1]]]],
                ["spec.health.readyness: unknown field; did you mean \"readiness\"?"]
            ),
            (["image": nil], ["spec.image: must be set"]),
            (
                ["image": ""],
                [
                    "spec.image: expected an image such as registry.example.com/web:1.4, oci:PATH, oci-archive:PATH, docker-archive:PATH or rootfs:PATH, found \"\""
                ]
            ),
            (["replicas": "3"], ["spec.replicas: expected an integer from 0 to 10000, found \"3\"; did you mean 3?"]),
            (["replicas": 1.5], ["spec.replicas: expected an integer from 0 to 10000, found 1.5"]),
            (["replicas": -1], ["spec.replicas: expected an integer from 0 to 10000, found -1"]),
            (["replicas": 10_001], ["spec.replicas: expected an integer from 0 to 10000, found 10001"]),
            (["command": "/web"], ["spec.command: expected a list, found \"/web\"; did you mean [\"/web\"]?"]),
            (["command": [1]], ["spec.command[0]: expected a string, found 1; did you mean \"1\"?"]),
            (["command": ["a\u{0}"]], ["spec.command[0]: expected a string that holds no NUL, found \"a\\u0000\""]),
            (["command": [nil]], ["spec.command[0]: expected a string, found nothing"]),
            (["workingDir": "srv"], ["spec.workingDir: expected an absolute path without '..', found \"srv\""]),
            (["ports": ["a": 1]], ["spec.ports: expected a list, found an object"]),
            (["stop": []], ["spec.stop: expected an object, found a list"]),
            (
                ["stop": ["signal": "KILL"]],
                ["spec.stop.signal: expected a signal such as SIGTERM, found \"KILL\"; did you mean \"SIGKILL\"?"]
            ),
            (
                ["stop": ["signal": "SIGRTMIN+31"]],
                ["spec.stop.signal: expected a signal such as SIGTERM, found \"SIGRTMIN+31\""]
            ),
            (
                ["stop": ["gracePeriod": "87601h"]],
                ["spec.stop.gracePeriod: expected a duration such as 10s or 1m30s, found \"87601h\""]
            ),
            (
                ["stop": ["gracePeriod": 30]],
                ["spec.stop.gracePeriod: expected a duration such as 10s or 1m30s, found 30"]
            ),
            (
                ["env": ["A": nil]],
                ["spec.env.A: expected a string, or an object with secret, config, key, field, found nothing"]
            ),
            (
                ["env": ["A": true]],
                [
                    "spec.env.A: expected a string, or an object with secret, config, key, field, found true; did you mean \"true\"?"
                ]
            ),
            (["env": ["A": ["field": "status.podIP", "key": "k"]]], ["spec.env.A.key: a field has no key"]),
            (
                ["env": ["A": ["secret": "s", "key": "a/b"]]],
                ["spec.env.A.key: expected a key of at most 253 letters, digits, '-', '_' and '.', found \"a/b\""]
            ),
            (
                ["env": ["A=B": "x"]],
                [
                    "spec.env[\"A=B\"]: the name must be a variable name of letters, digits, '_', '-' and '.' that starts with no digit"
                ]
            ),
        ] as [(JSONObject, [String])])
    func `a field that is wrong is said to be`(spec: JSONObject, expected: [String]) {
        #expect(errors(spec) == expected)
    }

    @Test(
        arguments: [
            (
                ["replicas": 2, "autoscale": ["max": 3, "metrics": [["type": "CPU", "target": "70%"]]]],
                [
                    "spec.replicas: only one of replicas and autoscale may be set; with autoscale the server owns the count"
                ]
            ),
            (["autoscale": ["max": 3]], ["spec.autoscale.metrics: must be set"]),
            (
                [
                    "autoscale": [
                        "min": 4, "max": 3,
                        "metrics": [["type": "CPU", "target": 70], ["type": "Concurrency", "target": "70%"]],
                    ]
                ],
                [
                    "spec.autoscale.metrics[0].target: expected a percentage such as 70% for CPU, found 70",
                    "spec.autoscale.metrics[1].target: expected a number per pod for Concurrency, found \"70%\"",
                    "spec.autoscale.min: expected at most max, which is 3, found 4",
                ]
            ),
            (
                [
                    "autoscale": [
                        "max": 3, "metrics": [["type": "CPU", "target": "1%"], ["type": "CPU", "target": "2%"]],
                    ]
                ], ["spec.autoscale.metrics[1].type: already used at spec.autoscale.metrics[0].type, found \"CPU\""]
            ),
            (
                [
                    "autoscale": [
                        "max": 3, "metrics": [],
                        "schedules": [["name": "s", "start": "0 8 * *", "end": "0 18 * * fri"]],
                    ]
                ],
                [
                    "spec.autoscale.metrics: expected at least 1 element",
                    "spec.autoscale.schedules[0].start: expected five cron fields such as \"0 8 * * 1-5\", found \"0 8 * *\"",
                    "spec.autoscale.schedules[0]: min or max must be set",
                ]
            ),
            (
                ["ports": [["name": "a", "port": 1], ["name": "b", "port": 1]]],
                ["spec.ports[1].port: already used at spec.ports[0].port, found 1"]
            ),
            (["ports": [["name": "a", "port": 1, "protocol": "UDP"], ["name": "b", "port": 1]]], []),
            (
                [
                    "ports": [["name": "a", "port": 1]],
                    "sidecars": [["name": "s", "ports": [["name": "a", "port": 1]]]],
                ],
                [
                    "spec.sidecars[0].ports[0].name: already used at spec.ports[0].name, found \"a\"",
                    "spec.sidecars[0].ports[0].port: already used at spec.ports[0].port, found 1",
                ]
            ),
            (
                ["initContainers": [["name": "x"]], "sidecars": [["name": "x"], ["name": "x"]]],
                [
                    "spec.sidecars[1].name: already used at spec.sidecars[0].name, found \"x\"",
                    "spec.sidecars[0].name: already used at spec.initContainers[0].name, found \"x\"",
                    "spec.sidecars[1].name: already used at spec.initContainers[0].name, found \"x\"",
                ]
            ),
            (
                ["initContainers": [["name": "x", "health": ["liveness": ["tcp": ["port": 1]]]]]],
                ["spec.initContainers[0].health: containers that run to completion have no health"]
            ),
            (
                ["health": ["liveness": ["tcp": ["port": 1], "successThreshold": 2]]],
                ["spec.health.liveness.successThreshold: expected an integer from 1 to 1, found 2"]
            ),
            (["health": ["readiness": ["tcp": ["port": 1], "successThreshold": 2]]], []),
            (
                ["health": ["readiness": ["http": ["port": "web"]]]],
                ["spec.health.readiness.http.port: expected a port of the container, which has none, found \"web\""]
            ),
            (
                ["health": ["readiness": ["tcp": ["port": 0], "period": "0s", "timeout": "1us"]]],
                [
                    "spec.health.readiness.tcp.port: expected an integer from 1 to 65535, found 0",
                    "spec.health.readiness.period: expected a duration of at least 1ms, such as 10s, found \"0s\"",
                    "spec.health.readiness.timeout: expected a duration of at least 1ms, such as 10s, found \"1us\"",
                ]
            ),
            (
                ["sidecars": [["name": "s", "health": ["liveness": ["http": ["port": "x"]]]]]],
                [
                    "spec.sidecars[0].health.liveness.http.port: expected a port of the container, which has none, found \"x\""
                ]
            ),
            (
                ["volumes": [["name": "v", "mountPath": "/a/../b", "emptyDir": [:]]]],
                ["spec.volumes[0].mountPath: expected an absolute path without '..', found \"/a/../b\""]
            ),
            (
                [
                    "volumes": [
                        ["name": "v", "mountPath": "/a", "emptyDir": [:]],
                        ["name": "w", "mountPath": "//a/./", "emptyDir": [:]],
                    ]
                ], ["spec.volumes[1].mountPath: already used at spec.volumes[0].mountPath, found \"//a/./\""]
            ),
            (
                [
                    "volumes": [
                        [
                            "name": "v",
                            "config": [
                                "name": "c", "items": [["key": "a", "path": "../x"], ["key": "b", "path": "/x"]],
                            ],
                        ]
                    ]
                ],
                [
                    "spec.volumes[0].config.items[0].path: expected a relative path without '..', found \"../x\"",
                    "spec.volumes[0].config.items[1].path: expected a relative path without '..', found \"/x\"",
                ]
            ),
            (
                ["volumes": [["name": "v", "config": ["name": "c", "mode": 512]]]],
                ["spec.volumes[0].config.mode: expected an integer from 0 to 511, found 512"]
            ),
            (
                ["sidecars": [["name": "s", "volumeMounts": [["name": "v", "mountPath": "/a"]]]]],
                ["spec.sidecars[0].volumeMounts[0].name: expected a volume of the App, which has none, found \"v\""]
            ),
            (
                [
                    "resources": [
                        "requests": ["memory": "2Gi", "cpu": "1"], "limits": ["memory": "1Gi", "cpu": "1000m"],
                    ]
                ], ["spec.resources.requests.memory: expected at most limits.memory, which is 1Gi, found \"2Gi\""]
            ),
            (
                ["resources": ["limits": ["pids": "0.5"]]],
                ["spec.resources.limits.pids: expected a whole quantity of at least 1, found \"0.5\""]
            ),
            (
                ["rollout": ["maxSurge": 0]],
                [
                    "spec.rollout.maxSurge: maxSurge and maxUnavailable may not both be 0, for no pod could then be replaced"
                ]
            ),
            (
                ["rollout": ["maxSurge": "0%", "maxUnavailable": "0%"]],
                [
                    "spec.rollout.maxSurge: maxSurge and maxUnavailable may not both be 0, for no pod could then be replaced"
                ]
            ),
            (["rollout": ["maxSurge": 0, "strategy": "Recreate"]], []),
            (["rollout": ["maxSurge": 0, "maxUnavailable": 1]], []),
            (
                ["rollout": ["maxSurge": "101%", "maxUnavailable": -1]],
                [
                    "spec.rollout.maxSurge: expected a count or a percentage such as 25%, found \"101%\"",
                    "spec.rollout.maxUnavailable: expected a count or a percentage such as 25%, found -1",
                ]
            ),
            (
                ["rollout": ["strategy": "BlueGreen", "steps": [["setWeight": 1]]]],
                ["spec.rollout.steps: only strategy Canary takes steps, and the strategy is BlueGreen"]
            ),
            (
                [
                    "rollout": [
                        "strategy": "Canary",
                        "steps": [["setWeight": 0], ["setWeight": 100], ["pause": [:]], ["pause": "1s"]],
                    ]
                ], []
            ),
            (
                ["rollout": ["strategy": "Canary", "steps": [["pause": ["duration": "1s"]]]]],
                ["spec.rollout.steps[0].pause.duration: unknown field"]
            ),
            (
                [
                    "rollout": [
                        "analysis": [
                            "metrics": [
                                ["name": "a", "source": "ErrorRate"], ["name": "b", "source": "Prometheus", "max": 1],
                                ["name": "c", "source": "ErrorRate", "max": "1%", "url": "http://x"],
                            ]
                        ]
                    ]
                ],
                [
                    "spec.rollout.analysis.metrics[0]: one of min, max, maxTimesStable must be set",
                    "spec.rollout.analysis.metrics[1].url: must be set for source Prometheus",
                    "spec.rollout.analysis.metrics[1].query: must be set for source Prometheus",
                    "spec.rollout.analysis.metrics[2].url: only source Prometheus takes it",
                ]
            ),
            (
                ["placement": ["spread": ["zone", "zone"], "nodeSelector": ["a b": "c d"]]],
                [
                    "spec.placement.nodeSelector[\"a b\"]: the name must be a key such as app or example.com/app of letters, digits, '-', '_' and '.'",
                    "spec.placement.nodeSelector[\"a b\"]: expected at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, found \"c d\"",
                    "spec.placement.spread[1]: already used at spec.placement.spread[0], found \"zone\"",
                ]
            ),
            (
                ["placement": ["tolerations": [["operator": "Exists", "value": "x"], [:], ["operator": "Exists"]]]],
                [
                    "spec.placement.tolerations[0].value: operator Exists takes no value",
                    "spec.placement.tolerations[1].key: must be set unless operator is Exists",
                ]
            ),
            (
                ["routes": [["host": "a.example.com", "port": "http"]]],
                ["spec.routes[0].port: expected a port of the App, which has none, found \"http\""]
            ),
            (["routes": [["path": "/"]]], ["spec.routes[0].port: a route needs an App with ports"]),
            (
                ["security": ["capabilities": ["drop": ["ALL", "ALL"]]]],
                [
                    "spec.security.capabilities.drop[1]: already used at spec.security.capabilities.drop[0], found \"ALL\""
                ]
            ),
        ] as [(JSONObject, [String])])
    func `fields must go together`(spec: JSONObject, expected: [String]) {
        #expect(errors(spec) == expected)
    }

    @Test(arguments: ["sidecars", "initContainers"])
    func `no other container is called like the App`(list: String) {
        #expect(
            errors([list: [["name": "web"]]]) == [
                "spec.\(list)[0].name: the main container has the App's name, found \"web\""
            ])
        #expect(errors([list: [["name": "web-1"]]]) == [])
    }

    @Test func `all that is wrong is said at once`() {
        let found = errors(["replicas": -1, "image": 7, "stop": ["drain": "x"], "oops": 1])
        #expect(found.count == 4)
    }

    @Test func `unknown fields pass where validation is not strict`() {
        #expect(errors(["oops": 1, "rollout": ["more": [:]]], strict: false) == [])
        #expect(errors(["oops": 1, "replicas": -1], strict: false).count == 1)
        let pruned = Defaults.pruned(smallestApp(["oops": 1, "rollout": ["more": 1, "maxSurge": 1]]), type: .app)
        #expect(pruned == smallestApp(["rollout": ["maxSurge": 1]]))
    }

    @Test func `a very long value is cut short in messages`() {
        let found = errors(["workingDir": .string(String(repeating: "x", count: 10_000))])
        #expect(found.count == 1)
        #expect(found[0].count < 150)
    }
}

@Suite struct MetadataValidationTests {
    private func errors(_ metadata: JSONValue, type: ResourceType = .namespace) -> [String] {
        let document: JSONValue = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "metadata": metadata,
        ]
        return Validation.errors(in: document, type: type, strict: true).map(\.description)
    }

    @Test(
        arguments: [
            ([:], ["metadata.name: must be set"]), (["generateName": "a-"], []), (["name": "a"], []),
            (
                ["generateName": "A"],
                [
                    "metadata.generateName: expected the start of a name, of at most 57 lower-case letters, digits and '-', found \"A\""
                ]
            ),
            (
                ["name": "a", "namespace": "b"],
                [
                    "metadata.namespace: unknown field; known fields: name, generateName, labels, annotations, uid, resourceVersion, generation, "
                        + "creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, ownerReferences, finalizers, managedFields, selfLink"
                ]
            ),
            (["name": "a", "labels": ["example.com/app": "web", "a": ""]], []),
            (
                ["name": "a", "labels": ["a": 1]],
                [
                    "metadata.labels.a: expected at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, found 1; did you mean \"1\"?"
                ]
            ),
            (
                ["name": "a", "annotations": ["a/b/c": "x"]],
                [
                    "metadata.annotations[\"a/b/c\"]: the name must be a key such as app or example.com/app of letters, digits, '-', '_' and '.'"
                ]
            ),
            (["name": "a", "creationTimestamp": nil], []),
            (
                ["name": "a", "creationTimestamp": "today"],
                ["metadata.creationTimestamp: expected a time such as 2026-01-31T08:00:00Z, found \"today\""]
            ),
            (["name": "a", "lables": [:]], ["metadata.lables: unknown field; did you mean \"labels\"?"]),
            (
                ["name": "a", "ownerReferences": [["name": "x"]]],
                [
                    "metadata.ownerReferences[0].apiVersion: must be set",
                    "metadata.ownerReferences[0].kind: must be set",
                    "metadata.ownerReferences[0].uid: must be set",
                ]
            ),
        ] as [(JSONValue, [String])])
    func `metadata is checked`(metadata: JSONValue, expected: [String]) {
        #expect(errors(metadata) == expected)
    }

    @Test func `annotations are bounded together`() {
        let text = JSONValue.string(String(repeating: "x", count: 200_000))
        #expect(errors(["name": "a", "annotations": ["a": text]]) == [])
        #expect(
            errors(["name": "a", "annotations": ["a": text, "b": text]]) == [
                "metadata.annotations: expected at most 262144 bytes in all, found 400002"
            ])
    }

    @Test func `an App's name leaves room for its pods' names`() {
        let name = String(repeating: "a", count: 46)
        var app = smallestApp()
        app[path: ["metadata", "name"]] = .string(name)
        #expect(Validation.errors(in: app, type: .app, strict: true) == [])
        app[path: ["metadata", "name"]] = .string(name + "a")
        #expect(Validation.errors(in: app, type: .app, strict: true).map(\.path.description) == ["metadata.name"])
        #expect("\(name)-0123456789-xxxxx".count == 63)
    }

    @Test func `the kind must be the type's`() {
        let found = Validation.errors(in: smallestApp(), type: .pod, strict: true).map(\.path.description)
        #expect(found.contains("apiVersion"))
        #expect(found.contains("kind"))
        #expect(
            Validation.errors(in: 7, type: .app, strict: true).map(\.description) == ["expected an object, found 7"])
    }
}
