import APIServer
import Model
import Synchronization
import Testing
import Wire

@Suite struct LogTests {
    let api: TestAPI
    init() throws { api = try TestAPI() }

    private func run(_ change: JSONValue = [:]) throws {
        let running: JSONValue = [
            "metadata": ["uid": "u"], "spec": ["nodeName": "node-1"],
            "status": [
                "phase": "Running",
                "containerStatuses": [["name": "web", "restartCount": 0, "state": ["running": [:]]]],
            ],
        ]
        try api.store(TestAPI.pod("p", MergePatch.apply(change, to: running)), .pod)
    }

    @Test func `a log is read from the pod's node`() throws {
        try run()
        let query = "?follow=true&tailLines=10&timestamps=true&sinceSeconds=100&limitBytes=500&container=web"
        let log = api.watch(TestAPI.pods + "/p/log" + query)
        #expect(log.wait().headers.contains { $0.name == "Content-Type" && $0.value.hasPrefix("text/plain") })
        #expect(log.body.waitForEnd())
        #expect(log.body.text == "first\nsecond\n")
        let request = api.bridge.requests.withLock { $0.last }
        #expect(request?.podUID == "u")
        #expect(request?.follow == true && request?.timestamps == true && request?.previous == false)
        #expect(request?.tailLines == 10 && request?.limitBytes == 500)
        #expect(request?.since == (api.clock.now + .seconds(-100)).nanoseconds)
    }

    @Test func `an empty log is an answer too`() throws {
        try run()
        api.bridge.lines.withLock { $0 = [] }
        let log = api.watch(TestAPI.pods + "/p/log")
        #expect(log.wait().status == 200)
        #expect(log.body.waitForEnd())
        #expect(log.body.text == "")
    }

    @Test(
        arguments: [
            ([:], "?container=db", "container db is not valid for pod p: it has web"),
            (
                [
                    "status": [
                        "containerStatuses": [["name": "web", "state": ["waiting": ["reason": "ImagePullFailed"]]]]
                    ]
                ], "",
                "container \"web\" in pod \"p\" is waiting to start: ImagePullFailed"
            ),
            (["status": nil], "", "container \"web\" in pod \"p\" is waiting to start: ContainerCreating"),
            (["spec": ["nodeName": nil], "status": nil], "", "pod p does not have a node assigned"),
            ([:], "?previous=true", "previous terminated container \"web\" in pod \"p\" not found"),
            ([:], "?tailLines=-1", "tailLines \"-1\" is no valid number"),
            ([:], "?sinceTime=yesterday", "sinceTime \"yesterday\" is no RFC 3339 time"),
        ] as [(JSONValue, String, String)])
    func `a log that cannot be there says why`(change: JSONValue, query: String, message: String) throws {
        try run(change)
        let answer = api.get(TestAPI.pods + "/p/log" + query)
        #expect(answer.status == 400)
        #expect(answer.json["message"]?.string == message)
    }

    @Test func `commands whose clients go before they begin leave room for others`() throws {
        try run()
        let headers = [
            "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
            "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-protocol": "v5.channel.k8s.io",
        ]
        // More than may run at a time. The test's responder never takes the connection over.
        for _ in 0..<300 {
            #expect(api.call("GET", TestAPI.pods + "/p/exec?command=ls", headers: headers).status == 101)
        }
    }

    @Test func `what the node says is passed on`() throws {
        try run()
        api.bridge.error.withLock { $0 = NodeBridgeError(status: 404, message: "the log was rotated away") }
        let answer = api.get(TestAPI.pods + "/p/log")
        #expect(answer.status == 404)
        #expect(answer.json["message"] == "the log was rotated away")
        try run(["spec": ["nodeName": "node-2"]])
        #expect(api.get(TestAPI.pods + "/p/log").status == 503)
        #expect(api.get(TestAPI.pods + "/none/log").status == 404)
    }
}
