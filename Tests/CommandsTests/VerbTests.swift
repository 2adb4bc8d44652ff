import Model
import Testing

@testable import Commands

private let apps = "/apis/martlet.dev/v1/namespaces/default/apps"
private let pods = "/api/v1/namespaces/default/pods"
private let app: JSONValue = [
    "apiVersion": "martlet.dev/v1", "kind": "App",
    "metadata": ["name": "web", "namespace": "default", "uid": "u1", "generation": 1],
    "spec": ["image": "a", "replicas": 2],
]
private let podObject: JSONValue = [
    "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "web-1", "namespace": "default", "uid": "p1"],
    "spec": ["containers": [["name": "web", "image": "a"], ["name": "side", "image": "b"]]],
]
private let missing: JSONValue = ["kind": "Status", "code": 404, "message": "none"]

// MARK: - delete

@Test func `delete waits and says for what`() {
    let client = FakeAPIClient()
    client.on("GET", apps + "/web", app, app, replaced(app))
    client.on("GET", pods, ["items": [podObject]])
    client.on("DELETE", apps + "/web", app)
    let run = CommandRun("delete", "app", "web", client: client)
    #expect((run.code, run.output) == (0, "app.martlet.dev/web deleted\n"))
    #expect(run.errors == "waiting for app/web: 1 pod stopping\n")
}

/// An object of the same name that is another one: the first is gone.
private func replaced(_ object: JSONValue) -> JSONValue {
    var other = object
    other[path: ["metadata", "uid"]] = "other"
    return other
}

@Test func `delete gives up after its time`() {
    let client = FakeAPIClient()
    client.on("GET", pods + "/web-1", podObject)
    client.on("DELETE", pods + "/web-1", podObject)
    let run = CommandRun("delete", "pod/web-1", "--timeout", "3s", "--grace-period", "7", client: client)
    #expect(run.code == 1)
    #expect(run.errors.hasSuffix("error: pod/web-1 is still there after 3s; it is being removed\n"))
    #expect(client.writes.first?.body?["gracePeriodSeconds"] == 7)
    #expect(CommandRun("delete", "pod/web-1", "--wait=false", client: client).code == 0)
}

@Test(
    arguments: [
        (["delete"], 2, "say what"), (["delete", "app"], 2, "say which apps: by name, with -l, or --all"),
        (["delete", "app", "nope"], 1, "apps.martlet.dev \"nope\" not found in namespace default"),
        (["delete", "app", "nope", "--ignore-not-found"], 0, ""),
        (["delete", "app", "web", "--grace-period", "x"], 2, "--grace-period takes a number of seconds"),
        (["scale", "web"], 2, "say how many: --replicas COUNT"),
        (["scale", "web", "--replicas=-1"], 2, "--replicas takes a whole number of 0 or more, not \"-1\""),
        (["scale", "--replicas=1"], 2, "say which App"), (["scale", "pod/x", "--replicas=1"], 2, "pod/x is no App"),
        (["describe"], 2, "say what"),
        (["describe", "pod", "nope"], 1, "pods \"nope\" not found in namespace default"),
        (["exec", "web"], 2, "say what to run: martlet exec web -- COMMAND"), (["exec"], 2, "say in which pod or App"),
        (["exec", "nope", "ls"], 1, "there is no pod and no App \"nope\" in namespace default"),
        (["logs"], 2, "say which App or pod"),
        (["logs", "web-1", "-c", "x"], 1, "pod web-1 has no container \"x\"; it has web, side"),
        (["logs", "web-1", "--tail", "x"], 2, "--tail takes a number of lines"),
        (["logs", "web-1", "--since", "x"], 2, "--since takes a duration such as 10m"),
        (["wait", "app/web"], 2, "say what to wait for"),
        (["wait", "--for=condition=Ready", "app/nope"], 1, "apps.martlet.dev \"nope\" not found in namespace default"),
        (["wait", "--for=delete", "app/web", "--timeout", "soon"], 2, "--timeout takes a duration such as 30s or 5m"),
        (["apply"], 2, "say which manifest: -f FILE"), (["apply", "web.yaml"], 2, "say which manifest: -f FILE"),
        (["get", "app/web", "-A"], 2, "an object cannot be named across all namespaces"),
        (["get", "apps,pods", "-w"], 2, "only one type can be watched at a time"),
        (["completion"], 2, "say for which shell"), (["completion", "tcsh"], 2, "unknown shell \"tcsh\""),
        (["up", "x"], 2, "unexpected argument \"x\""), (["up", "--listen", "x"], 2, "--listen takes ADDRESS:PORT"),
        (["image", "import"], 2, "say which image"), (["events", "--for", "app"], 2, "--for takes TYPE/NAME"),
    ] as [([String], Int32, String)])
func `a call that cannot be carried out says why and exits with its code`(
    words: [String], code: Int32, message: String
) {
    let client = FakeAPIClient()
    client.on("GET", pods + "/web-1", podObject)
    client.on("GET", apps + "/web", app)
    client.on("GET", pods + "/web", status: 404, missing)
    let run = CommandRun(words: words, client: client)
    #expect(run.code == code)
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(client.writes.isEmpty)
}

// MARK: - scale, wait, logs, events

@Test func `scale patches the scale`() {
    let client = FakeAPIClient()
    client.on("PATCH", apps + "/web/scale", ["kind": "Scale"])
    client.on("GET", apps + "/web/scale", ["spec": ["replicas": 2]])
    let run = CommandRun("scale", "app/web", "--replicas", "5", client: client)
    #expect((run.code, run.output) == (0, "app.martlet.dev/web scaled to 5\n"))
    #expect(client.writes.map(\.body) == [["spec": ["replicas": 5]]])
    let refused = CommandRun("scale", "web", "--replicas", "5", "--current-replicas", "3", client: client)
    #expect((refused.code, refused.errors) == (1, "error: app web runs 2, not 3; nothing was changed\n"))
    #expect(client.writes.count == 1)
}

@Test func `wait says what is so instead when it gives up`() {
    let client = FakeAPIClient()
    var waiting = app
    waiting["status"] = ["conditions": [["type": "Available", "status": "False", "message": "0 of 2"]]]
    client.on("GET", apps + "/web", waiting)
    let run = CommandRun("wait", "--for=condition=Available", "app/web", "--timeout", "1s", client: client)
    #expect(run.code == 1)
    #expect(run.errors == "error: app/web: condition=Available is not so after 1s: it is False: 0 of 2\n")
    #expect(CommandRun("wait", "--for=delete", "app/nope", client: client).output == "app/nope deleted\n")
}

@Test func `logs are passed on byte by byte`() {
    let client = FakeAPIClient()
    client.on("GET", pods + "/web-1", podObject)
    client.onStream(pods + "/web-1/log", Array("héllo\n".utf8))
    let run = CommandRun("logs", "web-1", "--tail", "3", client: client)
    #expect((run.code, run.output) == (0, "héllo\n"))
    #expect(client.requests.last?.path == pods + "/web-1/log?container=web&tailLines=3")
    client.onStream(pods + "/web-1/log", Array("one\ntwo".utf8))
    let prefixed = CommandRun("logs", "pod", "web-1", "-c", "side", "--prefix", client: client)
    #expect(prefixed.output == "[web-1/side] one\n[web-1/side] two\n")
}

@Test func `events are shown by age with what they happened to`() {
    let client = FakeAPIClient()
    let event: JSONValue = [
        "metadata": ["name": "e"], "type": "Warning", "reason": "BackOff", "message": "again", "count": 3,
        "lastTimestamp": "2026-01-02T03:03:35Z", "involvedObject": ["kind": "Pod", "name": "web-1"],
    ]
    client.on("GET", "/api/v1/namespaces/default/events", ["items": [event]])
    #expect(
        CommandRun("events", "--for", "pod/web-1", client: client).output == """
            LAST SEEN   TYPE      REASON    OBJECT      MESSAGE
            30s (x3)    Warning   BackOff   pod/web-1   again

            """)
    #expect(CommandRun("events", "--types", "Normal", client: client).output.isEmpty)
}

// MARK: - exec

@Test(
    arguments: [
        (#"{"status":"Success"}"#, 0),
        (
            #"{"status":"Failure","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"7"}]}}"#,
            7
        ),
    ] as [(String, Int32)])
func `the exit code of a command is that of exec`(status: String, code: Int32) throws {
    #expect(try ExecSessionClient.exitCode(Array(status.utf8)) == code)
}

@Test(
    arguments: [
        (#"{"status":"Failure","message":"no such file: nope"}"#, "no such file: nope", 126),
        ("plain text", "plain text", 1),
    ] as [(String, String, Int32)])
func `a command that could not be run fails with the reason`(status: String, message: String, code: Int32) {
    #expect {
        try ExecSessionClient.exitCode(Array(status.utf8))
    } throws: {
        let failure = $0 as? CommandFailure
        return failure?.message == message && failure?.code == code
    }
}

// MARK: - completion

@Test(arguments: [
    (["ge"], ["get"]), (["image", ""], ["ls", "import", "rm", "gc"]), (["get", "po"], ["pods"]),
    (["get", "pods", ""], ["pods-1"]), (["get", "--no-h"], ["--no-headers"]), (["scale", ""], ["apps-1"]),
    (["logs", ""], ["apps-1", "pods-1"]), (["completion", "b"], ["bash"]), (["zzz", ""], []),
])
func `the last word is completed`(words: [String], completions: [String]) {
    #expect(CompletionCommand.completions(of: words) { ["\($0.plural)-1"] } == completions)
}

@Test(arguments: ["bash", "zsh", "fish"])
func `there is a completion script for each shell`(shell: String) {
    let run = CommandRun("completion", shell)
    #expect(run.code == 0)
    #expect(run.output.contains("martlet internal-complete --"))
}
