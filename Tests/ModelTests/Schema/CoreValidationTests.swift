import Model
import Testing

@Suite struct CoreValidationTests {
    private func errors(_ type: ResourceType, _ fields: JSONObject) -> [String] {
        var document: JSONObject = [
            "apiVersion": .string(type.apiVersion), "kind": .string(type.kind), "metadata": ["name": "x"],
        ]
        for member in fields.members { document[member.name] = member.value }
        return Validation.errors(in: .object(document), type: type, strict: true).map(\.description)
    }

    @Test(
        arguments: [
            (.configMap, ["data": ["a": 1]], ["data.a: expected a string, found 1; did you mean \"1\"?"]),
            (
                .configMap, ["data": ["a/b": "x"]],
                ["data[\"a/b\"]: the name must be a key of at most 253 letters, digits, '-', '_' and '.'"]
            ),
            (
                .configMap, ["data": ["..": "x", ".a": "x"]],
                ["data[\"..\"]: the name must be a key of at most 253 letters, digits, '-', '_' and '.'"]
            ),
            (.configMap, ["data": ["a": "x"], "binaryData": ["a": "eA=="]], ["binaryData.a: already used at data.a"]),
            (.configMap, ["binaryData": ["a": "x"]], ["binaryData.a: expected base64, found \"x\""]),
            (
                .configMap, ["immutable": "yes"],
                ["immutable: expected true or false, found \"yes\"; did you mean true?"]
            ),
            (
                .configMap, ["spec": [:]],
                ["spec: unknown field; known fields: apiVersion, kind, metadata, data, binaryData, immutable"]
            ),
            (.secret, ["data": ["password": "hunter2!"]], ["data.password: expected base64"]),
            (.secret, ["stringData": ["password": 1234]], ["stringData.password: expected a string"]),
            (.secret, ["data": ["a": "aHVudGVyMg=="], "type": "Opaque", "immutable": true], []),
            (.pod, ["spec": [:]], ["spec.containers: must be set"]),
            (.pod, ["spec": ["containers": []]], ["spec.containers: expected at least 1 element"]),
            (
                .pod,
                [
                    "spec": [
                        "containers": [["name": "a", "unknown": 1, "image": "x"], ["name": "a"]],
                        "dnsPolicy": "Default",
                    ]
                ], ["spec.containers[1].name: already used at spec.containers[0].name, found \"a\""]
            ),
            (
                .pod,
                [
                    "spec": [
                        "containers": [
                            [
                                "name": "a", "ports": [["containerPort": 0]],
                                "volumeMounts": [["name": "v", "mountPath": "/v"]],
                            ]
                        ]
                    ]
                ],
                [
                    "spec.containers[0].ports[0].containerPort: expected an integer from 1 to 65535, found 0",
                    "spec.containers[0].volumeMounts[0].name: expected a volume of the pod, which has none, found \"v\"",
                ]
            ),
            (
                .pod, ["spec": ["containers": [["name": "a"]], "terminationGracePeriodSeconds": .integer(.max)]],
                [
                    "spec.terminationGracePeriodSeconds: expected an integer from 0 to 315360000, found 9223372036854775807"
                ]
            ),
            (
                .pod, ["spec": ["containers": [["name": "a"]], "restartPolicy": "Sometimes"]],
                ["spec.restartPolicy: expected one of Always, OnFailure, Never, found \"Sometimes\""]
            ),
            (
                .node, ["spec": ["taints": [["key": "a", "effect": "NoSchedul"]]]],
                [
                    "spec.taints[0].effect: expected one of NoSchedule, PreferNoSchedule, NoExecute, found \"NoSchedul\"; did you mean \"NoSchedule\"?"
                ]
            ),
            (
                .node, ["status": ["capacity": ["cpu": "many"], "other": 1]],
                ["status.capacity.cpu: expected a quantity such as 250m or 128Mi, found \"many\""]
            ),
            (.event, [:], ["involvedObject: must be set"]),
            (
                .event, ["involvedObject": [:], "type": "Bad", "eventTime": nil],
                ["type: expected one of Normal, Warning, found \"Bad\""]
            ),
            (.revision, ["spec": ["revision": 1]], ["spec.templateHash: must be set", "spec.template: must be set"]),
            (.namespace, ["spec": ["finalizers": ["kubernetes"]]], []),
        ] as [(ResourceType, JSONObject, [String])])
    func `objects of the core are checked, and Kubernetes' further fields pass`(
        type: ResourceType, fields: JSONObject, expected: [String]
    ) {
        #expect(errors(type, fields) == expected)
    }

    @Test func `what a ConfigMap or Secret holds is bounded`() {
        let text = JSONValue.string(String(repeating: "x", count: 1 << 20))
        #expect(
            errors(.configMap, ["data": ["a": text]]) == ["data: expected at most 1048576 bytes in all, found 1048577"])
        #expect(errors(.secret, ["stringData": ["a": text]]) == ["data: expected at most 1048576 bytes in all"])
    }
}

@Suite struct UpdateTests {
    private func changed(_ type: ResourceType, _ old: JSONValue, _ new: JSONValue) -> [String] {
        Validation.errorsOnUpdate(old: old, new: new, type: type).map(\.description)
    }

    @Test(
        arguments: [
            (
                .app, ["metadata": ["name": "a", "uid": "1"]], ["metadata": ["name": "b", "uid": "2"]],
                ["metadata.name: cannot be changed; it is \"a\"", "metadata.uid: cannot be changed; it is \"1\""]
            ),
            (.app, ["metadata": ["name": "a", "uid": "1"]], ["metadata": ["name": "a"]], []),
            (
                .app, ["metadata": ["name": "a"], "spec": ["replicas": 1]],
                ["metadata": ["name": "a"], "spec": ["replicas": 2]], []
            ),
            (.revision, ["spec": ["revision": 1]], ["spec": ["revision": 2]], ["spec: cannot be changed"]),
            (.revision, ["spec": ["a": 1, "b": 2]], ["spec": ["b": 2, "a": 1], "status": ["replicas": 1]], []),
            (.configMap, ["data": ["a": "1"]], ["data": ["a": "2"]], []),
            (
                .configMap, ["data": ["a": "1"], "immutable": true], ["data": ["a": "2"], "immutable": true],
                ["data: cannot be changed"]
            ),
            (.configMap, ["data": ["a": "1"], "immutable": true], ["immutable": true], ["data: cannot be changed"]),
            (
                .configMap, ["immutable": true], ["binaryData": ["a": ""]],
                ["binaryData: cannot be changed", "immutable: cannot be unset once it is true"]
            ),
            (
                .secret, ["data": ["a": "eA=="], "type": "Opaque"], ["data": ["a": "eQ=="], "type": "Other"],
                ["type: cannot be changed"]
            ),
            (
                .secret, ["data": ["a": "eA=="], "immutable": true], ["data": ["a": "eQ=="], "immutable": true],
                ["data: cannot be changed"]
            ),
            (
                .pod, ["spec": ["nodeName": "one"]], ["spec": ["nodeName": "two"]],
                ["spec.nodeName: cannot be changed; it is \"one\""]
            ),
            (.pod, ["spec": [:]], ["spec": ["nodeName": "two"]], []),
        ] as [(ResourceType, JSONValue, JSONValue, [String])])
    func `what never changes cannot be changed`(type: ResourceType, old: JSONValue, new: JSONValue, expected: [String])
    {
        #expect(changed(type, old, new) == expected)
    }
}
