import Model
import Testing

@testable import Commands

private let apps = "/apis/martlet.dev/v1/namespaces/default/apps"
private let pods = "/api/v1/namespaces/default/pods"

private func app(_ status: JSONValue = [:]) -> JSONValue {
    [
        "apiVersion": "martlet.dev/v1", "kind": "App",
        "metadata": ["name": "web", "namespace": "default", "uid": "u1", "generation": 1, "resourceVersion": "5"],
        "spec": ["image": "a", "replicas": 2], "status": status,
    ]
}

private let available: JSONValue = [
    "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2,
    "conditions": [["type": "Progressing", "status": "True", "reason": "NewRevisionAvailable"]],
]
private let starting: JSONValue = ["observedGeneration": 1, "replicas": 2, "updatedReplicas": 2]

private func table(_ names: String...) -> JSONValue {
    [
        "kind": "Table", "columnDefinitions": [["name": "Name"], ["name": "Status"]],
        "rows": .array(names.map { ["cells": [.string($0), "Running"], "object": ["metadata": [:]]] }),
    ]
}

private func manifest(_ extra: String = "") throws -> TemporaryFile {
    try TemporaryFile("apiVersion: martlet.dev/v1\nkind: App\nmetadata: {name: web}\nspec: {image: a\(extra)}\n")
}

// MARK: - get

@Test func `get shows a table`() {
    let client = FakeAPIClient()
    client.on("GET", pods, table("web-1", "longer-name"))
    let run = CommandRun("get", "pods", client: client)
    #expect(run.code == 0)
    #expect(run.output == "NAME          STATUS\nweb-1         Running\nlonger-name   Running\n")
}

@Test func `get of several types puts the type before each name`() {
    let client = FakeAPIClient()
    client.on("GET", pods, table("web-1"))
    client.on("GET", apps, table("web"))
    let run = CommandRun("get", "apps,pods", "--no-headers", client: client)
    #expect(run.output == "app.martlet.dev/web   Running\n\npod/web-1   Running\n")
}

@Test func `get says when there is nothing and where it looked`() {
    let client = FakeAPIClient()
    client.on("GET", "/api/v1/namespaces/shop/pods", table())
    let run = CommandRun("get", "pods", "-n", "shop", client: client)
    #expect((run.code, run.output, run.errors) == (0, "", "no pods found in namespace shop\n"))
}

@Test(arguments: [[], ["-o", "yaml"]])
func `get shows what is there and fails for what is not`(options: [String]) {
    let client = FakeAPIClient()
    client.on(
        "GET", pods + "/web-1", options.isEmpty ? table("web-1") : ["kind": "Pod", "metadata": ["name": "web-1"]])
    let run = CommandRun(words: ["get", "pods", "nope", "web-1"] + options, client: client)
    #expect(run.code == 1)
    #expect(run.output.contains("web-1"))
    #expect(run.errors == "error: pods \"nope\" not found in namespace default\n")
    let ignoring = CommandRun(words: ["get", "pods", "nope", "--ignore-not-found"] + options, client: client)
    #expect((ignoring.code, ignoring.output, ignoring.errors) == (0, "", ""))
}

@Test func `a usage error names the command whose help is meant`() {
    let run = CommandRun("get", "pdos")
    #expect(run.code == 2)
    #expect(run.errors.contains("did you mean \"pods\"?"))
    #expect(run.errors.hasSuffix("Run `martlet get --help` for usage.\n"))
}

@Test func `watching goes on where the list ended`() {
    let client = FakeAPIClient()
    var list = table("web-1")
    list["metadata"] = ["resourceVersion": "42"]
    client.on("GET", pods, list)
    let event: JSONValue = ["type": "ADDED", "object": table("web-2")]
    client.onStream(pods, Array((event.text() + "\n").utf8))
    let run = CommandRun("get", "pods", "-w", client: client)
    #expect(run.output == "NAME    STATUS\nweb-1   Running\nweb-2   Running\n")
    #expect(client.requests.last?.path.contains("resourceVersion=42") == true)
}

// MARK: - apply

@Test func `apply makes what is not there, with the server's warnings`() throws {
    let client = FakeAPIClient()
    client.on("POST", apps, status: 201, warning: "spec.x is not in effect", app())
    let file = try manifest()
    let run = CommandRun("apply", "-f", file.path, client: client)
    #expect((run.code, run.output) == (0, "app.martlet.dev/web created\n"))
    #expect(run.errors == "warning: spec.x is not in effect\n")
    #expect(client.writes.first?.path.contains("fieldValidation=Strict") == true)
}

@Test func `applying the same again changes nothing`() throws {
    let client = FakeAPIClient()
    let file = try manifest()
    client.on("POST", apps, status: 201, app())
    _ = CommandRun("apply", "-f", file.path, client: client)
    var live = try #require(client.writes.first?.body)
    live[path: ["metadata", "uid"]] = "u1"
    client.on("GET", apps + "/web", live)
    let run = CommandRun("apply", "-f", file.path, client: client)
    #expect((run.code, run.output) == (0, "app.martlet.dev/web unchanged\n"))
    #expect(client.writes.count == 1)
}

@Test func `an App that is being deleted is waited for and then made anew`() throws {
    let client = FakeAPIClient()
    let file = try manifest()
    var dying = app()
    dying[path: ["metadata", "deletionTimestamp"]] = "2026-01-01T00:00:00Z"
    client.on("GET", apps + "/web", dying)
    let given = CommandRun("apply", "-f", file.path, "--timeout", "1s", client: client)
    #expect(given.code == 1)
    #expect(given.errors.contains("app web is being deleted; waiting until it is gone"))
    #expect(given.errors.contains("still being deleted after 1s"))
    #expect(client.writes.isEmpty)
}

@Test func `a dry run asks the server to change nothing, or does not ask at all`() throws {
    let client = FakeAPIClient()
    client.on("POST", apps, status: 201, app())
    let file = try manifest()
    #expect(
        CommandRun("apply", "-f", file.path, "--dry-run", client: client).output
            == "app.martlet.dev/web created (server dry run)\n")
    #expect(client.writes.allSatisfy { $0.path.contains("dryRun=All") })
    let count = client.requests.count
    #expect(CommandRun("apply", "-f", file.path, "--dry-run=client", client: client).code == 0)
    #expect(client.requests.count == count)
}

@Test func `a bad manifest changes nothing, and every error has its place`() throws {
    let client = FakeAPIClient()
    let good = try manifest()
    let bad = try manifest(", replica: 2")
    let run = CommandRun("apply", "-f", good.path, "-f", bad.path, client: client)
    #expect(run.code == 1)
    #expect(run.errors.contains("\(bad.path):4:"))
    #expect(run.errors.contains("did you mean \"replicas\"?"))
    #expect(run.errors.hasSuffix("in the manifests; nothing was changed\n"))
    #expect(client.requests.isEmpty)
}

@Test func `an answer of the server has the place of the manifest it is about`() throws {
    let client = FakeAPIClient()
    client.on("POST", apps, status: 403, ["kind": "Status", "code": 403, "message": "apps is forbidden"])
    let file = try manifest()
    let run = CommandRun("apply", "-f", file.path, client: client)
    #expect((run.code, run.errors) == (1, "error: \(file.path):1: apps is forbidden\n"))
}

@Test func `apply with --wait says what it waits for until the App is available`() throws {
    let client = FakeAPIClient()
    client.on("POST", apps, status: 201, app())
    let file = try manifest()
    // The first reading is that of apply itself: the App is not there yet.
    client.on("GET", apps + "/web", app(starting), app(starting), app(available))
    client.on("PATCH", apps + "/web", app())
    let run = CommandRun("apply", "-f", file.path, "--wait", client: client)
    #expect(run.code == 0)
    #expect(run.errors == "app web: 2 of 2 pods updated, 0 available\n")
    #expect(run.output.hasSuffix("app web is available\n"))
}

@Test func `apply with --wait gives up with the reason of every pod`() throws {
    let client = FakeAPIClient()
    client.on("GET", apps + "/web", app(starting))
    client.on("PATCH", apps + "/web", app())
    let waiting: JSONValue = ["waiting": ["reason": "ImagePullBackOff", "message": "no such image"]]
    client.on(
        "GET", pods,
        [
            "items": [
                [
                    "metadata": ["name": "web-1"], "spec": [:],
                    "status": [
                        "containerStatuses": [
                            [
                                "name": "web", "ready": false, "restartCount": 0, "image": "a", "imageID": "",
                                "state": waiting,
                            ]
                        ]
                    ],
                ]
            ]
        ])
    let file = try manifest()
    let run = CommandRun("apply", "-f", file.path, "--wait", "--timeout", "2s", client: client)
    #expect(run.code == 1)
    #expect(
        run.errors.hasSuffix(
            """
            error: app web: not available after 2s: 2 of 2 pods updated, 0 available
              pod web-1: web: ImagePullBackOff: no such image
              see: martlet describe app web -n default

            """))
}

// MARK: - diff

@Test func `diff exits with 1 and shows the change, or 0 and shows nothing`() throws {
    let client = FakeAPIClient()
    let file = try manifest()
    client.on("GET", apps + "/web", app())
    var changed = app()
    changed[path: ["spec", "image"]] = "b"
    client.on("PATCH", apps + "/web", changed)
    let run = CommandRun("diff", "-f", file.path, client: client)
    #expect(run.code == 1)
    #expect(run.output.contains("-  image: a\n+  image: b\n"))
    client.on("PATCH", apps + "/web", app())
    let same = CommandRun("diff", "-f", file.path, client: client)
    #expect((same.code, same.output) == (0, ""))
    #expect(client.writes.allSatisfy { $0.path.contains("dryRun=All") })
    #expect(CommandRun("diff", "-f", "/nonexistent.yaml", client: client).code == 2)
}
