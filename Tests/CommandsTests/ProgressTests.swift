import Model
import Testing

@testable import Commands

private func app(_ status: JSONValue, generation: Int64 = 2) throws -> App {
    try App(json: [
        "metadata": ["name": "web", "generation": .integer(generation)], "spec": ["image": "a", "replicas": 3],
        "status": status,
    ])
}

private let complete: JSONValue = [
    "observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3,
    "conditions": [["type": "Progressing", "status": "True", "reason": "NewRevisionAvailable"]],
]

@Test func `a rollout is done when every pod is new and available and no other is left`() throws {
    #expect(try RolloutProgress(of: app(complete)).isDone)
    for (field, value) in [("replicas", 4), ("updatedReplicas", 2), ("availableReplicas", 2)] as [(String, JSONValue)] {
        var status = complete
        status[field] = value
        #expect(try !RolloutProgress(of: app(status)).isDone, "\(field)")
    }
}

@Test func `a status of an older spec says nothing about this one`() throws {
    let progress = try RolloutProgress(of: app(complete, generation: 3))
    #expect(!progress.isDone)
    #expect(progress.text == "waiting for the control plane to see generation 3")
}

@Test func `a rollout that missed its deadline has failed, with what the control plane says`() throws {
    let progress = try RolloutProgress(
        of: app([
            "observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 0,
            "conditions": [
                [
                    "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                    "message": "no progress for 10m",
                ]
            ],
        ]))
    #expect(progress.isFailed && !progress.isDone)
    #expect(progress.text == "1 of 3 pods updated, 0 available, 1 old stopping")
    #expect(progress.detail == "no progress for 10m")
}

private let troubles: [(JSONValue, String)] = [
    ([:], "waiting for the agent"),
    (
        ["conditions": [["type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"]]],
        "Unschedulable: no node"
    ),
    (["reason": "Failed", "message": "disk full"], "Failed: disk full"),
    (["reason": "Evicted"], "Evicted"),
    (
        [
            "containerStatuses": [
                [
                    "name": "web", "ready": false, "restartCount": 0, "image": "a", "imageID": "",
                    "state": ["waiting": ["reason": "ImagePullBackOff", "message": "no such image"]],
                ]
            ]
        ], "web: ImagePullBackOff: no such image"
    ),
    (
        [
            "containerStatuses": [
                [
                    "name": "web", "ready": false, "restartCount": 0, "image": "a", "imageID": "",
                    "state": ["waiting": ["reason": "CrashLoopBackOff"]],
                    "lastState": ["terminated": ["exitCode": 3]],
                ]
            ]
        ], "web: CrashLoopBackOff: last exit code 3"
    ),
    (
        [
            "initContainerStatuses": [
                [
                    "name": "setup", "ready": false, "restartCount": 0, "image": "a", "imageID": "",
                    "state": ["terminated": ["exitCode": 1]],
                ]
            ]
        ],
        "setup: ended with exit code 1"
    ),
    (
        [
            "initContainerStatuses": [
                [
                    "name": "setup", "ready": false, "restartCount": 0, "image": "a", "imageID": "",
                    "state": ["terminated": ["exitCode": 0]],
                ]
            ],
            "conditions": [["type": "Ready", "status": "False", "message": "probe fails"]],
        ], "probe fails"
    ),
]

@Test(arguments: troubles)
func `a pod that is not ready has a reason`(status: JSONValue, text: String) throws {
    let pod = try Pod(json: ["metadata": ["name": "web-1"], "spec": [:], "status": status])
    #expect(PodTrouble(pod).text == text)
}

private let goals: [(String, WaitGoal)] = [
    ("delete", .deleted), ("create", .created), ("condition=Ready", .condition(type: "Ready", status: "True")),
    ("condition=Ready=False", .condition(type: "Ready", status: "False")),
]

@Test(arguments: goals)
func `what is waited for is read`(text: String, goal: WaitGoal) throws {
    #expect(try WaitGoal(text) == goal)
}

@Test(arguments: ["{.status.phase}=Running", "'{.status.phase}'=Running"])
func `a value is waited for with and without quotes`(text: String) throws {
    #expect(try WaitGoal("jsonpath=" + text) == .value(FieldQuery("{.status.phase}"), "Running"))
}

@Test(arguments: ["", "condition=", "jsonpath={.a}", "gone"])
func `what cannot be waited for is refused`(text: String) {
    #expect(throws: UsageError.self) { try WaitGoal(text) }
}

private let object: JSONValue = [
    "metadata": ["generation": 2],
    "status": ["observedGeneration": 2, "phase": "Running", "conditions": [["type": "Ready", "status": "True"]]],
]

@Test(arguments: [
    ("condition=ready", true), ("condition=Ready=true", true), ("condition=Ready=False", false),
    ("condition=Other", false), ("jsonpath={.status.phase}=Running", true), ("jsonpath={.status.phase}=Failed", false),
    ("delete", false), ("create", true),
])
func `an object is as asked or not`(goal: String, isMet: Bool) throws {
    #expect(try WaitGoal(goal).isMet(by: object) == isMet)
    #expect(try WaitGoal(goal).isMet(by: nil) == (goal == "delete"))
}

@Test func `a condition of an older spec does not count`() throws {
    var older = object
    older[path: ["metadata", "generation"]] = 3
    #expect(try !WaitGoal("condition=Ready").isMet(by: older))
}
