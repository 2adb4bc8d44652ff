import Model
import Testing
import Wire

@Suite struct TableTests {
    private let now = Timestamp(seconds: 1000)

    @Test(arguments: ResourceType.all)
    func `every row has a cell for each column`(type: ResourceType) {
        #expect(TableColumns.cells([:], type: type, now: now).count == TableColumns.for(type).count)
        #expect(TableColumns.for(type).contains { $0.name == "Name" && $0.format == "name" })
    }

    private func cell(_ column: String, _ type: ResourceType, _ document: JSONValue) -> JSONValue? {
        let index = TableColumns.for(type).firstIndex { $0.name == column }
        return index.map { TableColumns.cells(document, type: type, now: now)[$0] }
    }

    @Test(arguments: podCases)
    func `a pod's status says what holds it up`(pod: String, status: String) throws {
        #expect(cell("Status", .pod, try JSONValue(parsing: pod)) == .string(status))
    }

    private static let podCases: [(String, String)] = [
        (#"{"status":{"phase":"Pending"}}"#, "Pending"),
        (
            #"{"status":{"phase":"Running","containerStatuses":[{"ready":true,"state":{"running":{}}}]}}"#,
            "Running"
        ),
        (
            #"{"status":{"containerStatuses":[{"state":{"waiting":{"reason":"ImagePullFailed"}}}]}}"#,
            "ImagePullFailed"
        ),
        (#"{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":3}}}]}}"#, "ExitCode:3"),
        (#"{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":137,"signal":9}}}]}}"#, "Signal:9"),
        (
            #"{"status":{"containerStatuses":[{"state":{"terminated":{"exitCode":0,"reason":"Completed"}}}]}}"#,
            "Completed"
        ),
        (#"{"status":{"phase":"Failed","reason":"Evicted"}}"#, "Evicted"),
        (
            #"{"status":{"phase":"Running","conditions":[{"type":"LimitReached","status":"True","reason":"#
                + #""ProcessLimitReached"}],"containerStatuses":[{"ready":true,"state":{"running":{}}}]}}"#,
            "ProcessLimitReached"
        ),
        (
            #"{"status":{"phase":"Running","conditions":[{"type":"LimitReached","status":"False","reason":"#
                + #""WithinLimits"}],"containerStatuses":[{"ready":true,"state":{"running":{}}}]}}"#,
            "Running"
        ),
        (
            #"{"metadata":{"deletionTimestamp":"1970-01-01T00:00:00Z"},"status":{"phase":"Running"}}"#,
            "Terminating"
        ),
        (
            #"{"spec":{"initContainers":[{"name":"a"},{"name":"b"}]},"status":{"initContainerStatuses":[{"name":"a","#
                + #""state":{"terminated":{"exitCode":0}}},{"name":"b","state":{"running":{}}}]}}"#,
            "Init:1/2"
        ),
        (
            #"{"spec":{"initContainers":[{"name":"a"}]},"status":{"initContainerStatuses":[{"name":"a","#
                + #""state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}"#,
            "Init:CrashLoopBackOff"
        ),
    ]

    @Test func `a pod's row counts its containers and restarts`() {
        let pod: JSONValue = [
            "spec": ["containers": [["name": "a"], ["name": "b"]], "nodeName": "n1"],
            "metadata": [
                "creationTimestamp": "1970-01-01T00:00:00Z",
                "ownerReferences": [["kind": "Revision", "name": "web-1"]],
            ],
            "status": [
                "phase": "Running", "podIP": "10.0.0.1",
                "containerStatuses": [
                    [
                        "name": "a", "ready": true, "restartCount": 2, "state": ["running": [:]],
                        "lastState": ["terminated": ["finishedAt": "1970-01-01T00:11:40Z"]],
                    ],
                    ["name": "b", "ready": false, "restartCount": 1, "state": ["running": [:]]],
                ],
            ],
        ]
        #expect(cell("Ready", .pod, pod) == "1/2")
        #expect(cell("Restarts", .pod, pod) == "3 (5m ago)")
        #expect(cell("Age", .pod, pod) == "16m")
        #expect(cell("Revision", .pod, pod) == "web-1")
        #expect(cell("IP", .pod, pod) == "10.0.0.1")
    }

    @Test(arguments: appCases)
    func `an App's status is the condition that tells most`(status: String, text: String) throws {
        var app: JSONValue = ["metadata": ["generation": 1], "spec": ["replicas": 3]]
        app["status"] = MergePatch.apply(try JSONValue(parsing: status), to: ["observedGeneration": 1])
        #expect(cell("Status", .app, app) == .string(text))
        app["metadata"]?["deletionTimestamp"] = "1970-01-01T00:00:00Z"
        #expect(cell("Status", .app, app) == "Terminating")
    }

    private static let appCases: [(String, String)] = [
        ("{}", "Pending"), (#"{"observedGeneration":0}"#, "Pending"),
        (
            #"{"stableRevision":"a","currentRevision":"a","conditions":[{"type":"Available","status":"True"}]}"#,
            "Available"
        ),
        (
            #"{"stableRevision":"a","currentRevision":"b","conditions":[{"type":"Available","status":"True"},"#
                + #"{"type":"Progressing","status":"True","reason":"RollingOut"}]}"#, "RollingOut"
        ),
        (#"{"conditions":[{"type":"Available","status":"False","reason":"ImagePullFailed"}]}"#, "ImagePullFailed"),
        (
            #"{"conditions":[{"type":"Available","status":"True"},"#
                + #"{"type":"Progressing","status":"False","reason":"RolledBack"}]}"#, "RolledBack"
        ),
    ]

    @Test func `a table carries what was asked for besides the cells`() {
        let object: JSONValue = ["metadata": ["name": "a"], "data": ["k": "v"]]
        func row(_ policy: TableObjectPolicy) -> JSONValue? {
            Table.document(of: [object], type: .configMap, metadata: [:], policy: policy, now: now)["rows"]?.array?
                .first
        }
        #expect(row(.none)?["object"] == nil)
        #expect(row(.metadata)?["object"]?["kind"] == "PartialObjectMetadata")
        #expect(row(.metadata)?["object"]?["data"] == nil)
        #expect(row(.object)?["object"] == object)
        #expect(row(.none)?["cells"] == ["a", 1, "<unknown>"])
    }

    @Test func `a node says whether it takes pods and what it is for`() {
        let node: JSONValue = [
            "metadata": ["labels": ["node-role.kubernetes.io/server": ""]], "spec": ["unschedulable": true],
            "status": ["conditions": [["type": "Ready", "status": "True"]], "nodeInfo": ["kubeletVersion": "v1"]],
        ]
        #expect(cell("Status", .node, node) == "Ready,SchedulingDisabled")
        #expect(cell("Roles", .node, node) == "server")
        #expect(cell("Version", .node, node) == "v1")
    }
}
