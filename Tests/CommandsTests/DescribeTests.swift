import Model
import Testing

@testable import Commands

@Test func `an App's page shows its rollout, its pods with their reasons, and its events`() {
    let client = FakeAPIClient()
    client.on(
        "GET", "/apis/martlet.dev/v1/namespaces/default/apps/web",
        [
            "apiVersion": "martlet.dev/v1", "kind": "App",
            "metadata": ["name": "web", "namespace": "default", "uid": "u1", "labels": ["tier": "front"]],
            "spec": ["image": "a:1", "replicas": 2, "ports": [["name": "http", "port": 80]]],
            "status": [
                "currentRevision": "web-2", "stableRevision": "web-1", "replicas": 2, "updatedReplicas": 1,
                "readyReplicas": 1, "availableReplicas": 1,
                "conditions": [["type": "Available", "status": "False", "reason": "Few", "message": "1 of 2"]],
            ],
        ])
    client.on(
        "GET", "/api/v1/namespaces/default/pods",
        [
            "items": [
                [
                    "metadata": ["name": "web-2-b", "labels": ["martlet.dev/revision": "web-2"]], "spec": [:],
                    "status": ["reason": "Failed", "message": "no such image"],
                ]
            ]
        ])
    client.on(
        "GET", "/api/v1/namespaces/default/events",
        [
            "items": [
                [
                    "metadata": ["name": "e"], "reason": "ScalingUp", "message": "made 1 pod",
                    "lastTimestamp": "2026-01-02T03:04:00Z", "involvedObject": ["kind": "App", "name": "web"],
                ]
            ]
        ])
    let run = CommandRun("describe", "app", "web", client: client)
    #expect(run.code == 0)
    let lines = run.output.split(separator: "\n").map { line in
        line.split(separator: " ").joined(separator: " ")
    }
    #expect(
        lines == [
            "Name: web", "Namespace: default", "Labels: tier=front", "Image: a:1",
            "Replicas: 2 desired, 1 updated, 2 total, 1 ready, 1 available", "Revision: web-2",
            "Stable revision: web-1", "Strategy: Rolling, at most 25% more and 0 fewer than desired",
            "Ports: http 80/HTTP", "Conditions:", "CONDITION STATUS SINCE REASON MESSAGE",
            "Available False Few 1 of 2", "Pods:", "POD REVISION READY RESTARTS IP WHY NOT READY",
            "web-2-b web-2 False 0 <none> Failed: no such image", "Events:", "LAST SEEN TYPE REASON MESSAGE",
            "5s Normal ScalingUp made 1 pod",
        ])
}

@Test func `a Secret's page shows sizes and never values`() {
    let client = FakeAPIClient()
    client.on(
        "GET", "/api/v1/namespaces/default/secrets/db",
        ["apiVersion": "v1", "kind": "Secret", "metadata": ["name": "db"], "data": ["password": "aHVudGVyMg=="]])
    let run = CommandRun("describe", "secret/db", client: client)
    #expect(run.output.contains("password: 7 bytes"))
    #expect(!run.output.contains("aHVudGVyMg") && !run.output.contains("hunter2"))
}

@Test func `a page is written in columns and indented blocks`() {
    var inner = DescriptionPage()
    inner.field("Image", "a")
    var page = DescriptionPage()
    page.field("Name", "web")
    page.field("A name longer than the column", "x")
    page.block("Containers", inner.text)
    #expect(
        page.text
            == "Name:             web\nA name longer than the column: x\nContainers:\n  Image:            a\n")
}
