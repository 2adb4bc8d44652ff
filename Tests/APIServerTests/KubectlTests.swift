import APIServer
import Model
import Store
import Synchronization
import Testing
import Wire

/// What people type, with the real program.
@Suite(.serialized, .enabled(if: KubectlCluster.kubectl != nil, KubectlCluster.skipReason))
struct KubectlTests {
    let cluster: KubectlCluster
    init() throws { cluster = try KubectlCluster() }

    private static func manifest(image: String = "oci:/images/web", extra: String = "") -> String {
        """
        apiVersion: martlet.dev/v1
        kind: App
        metadata:
          name: web
        spec:
          image: \(image)
        \(extra)
        """
    }

    @Test func `apply creates, says unchanged, and changes`() throws {
        #expect(try cluster.run(["apply", "-f", "-"], input: Self.manifest()).out == "app.martlet.dev/web created\n")
        #expect(try cluster.run(["apply", "-f", "-"], input: Self.manifest()).out == "app.martlet.dev/web unchanged\n")
        let changed = Self.manifest(extra: "  env: {A: b}\n")
        // Older clients dry-run on the server only where a document of version 2 says that it can.
        if cluster.readsSchemas {
            let difference = try cluster.run(["diff", "-f", "-"], input: changed)
            #expect(difference.code == 1)
            #expect(difference.out.contains("+    A: b"))
        }
        #expect(try cluster.run(["get", "app", "web", "-o", "jsonpath={.spec.env}"]).out == "")
        #expect(try cluster.run(["apply", "-f", "-"], input: changed).out == "app.martlet.dev/web configured\n")
        if cluster.readsSchemas { #expect(try cluster.run(["diff", "-f", "-"], input: changed).code == 0) }
        #expect(try cluster.run(["get", "app", "web", "-o", "jsonpath={.spec.env.A}"]).out == "b")
        #expect(try cluster.run(["apply", "-f", "-"], input: Self.manifest()).out.hasSuffix("configured\n"))
        #expect(try cluster.run(["get", "app", "web", "-o", "jsonpath={.spec.env}"]).out == "")
    }

    @Test(arguments: ["web", "worker", "config", "full"])
    func `a manifest that is applied again changes nothing`(name: String) throws {
        let folder = "\(#filePath)".split(separator: "/").dropLast(3).joined(separator: "/")
        let manifest = "/\(folder)/manifests/\(name).yaml"
        let first = try cluster.run(["apply", "-f", manifest])
        #expect(first.code == 0, "\(first.all)")
        let revision = cluster.store.revision
        let lines = try cluster.run(["apply", "-f", manifest]).out.split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines {
            // Any cluster has a Secret's `stringData` in `data`, so kubectl always sends it again.
            #expect(line == "secret/greeter configured" || line.hasSuffix(" unchanged"))
        }
        #expect(cluster.store.revision == revision)
    }

    @Test func `apply on the server's side`() throws {
        let applied = try cluster.run(["apply", "--server-side", "-f", "-"], input: Self.manifest())
        #expect(applied.out == "app.martlet.dev/web serverside-applied\n", "\(applied.all)")
        #expect(applied.err.contains("does not track field ownership"))
    }

    @Test func `a mistake in a manifest is named`() throws {
        let unknown = try cluster.run(["create", "-f", "-"], input: Self.manifest(extra: "  bogus: 1\n"))
        #expect(unknown.err.contains("unknown field \"spec.bogus\""))
        let wrong = try cluster.run(["create", "-f", "-"], input: Self.manifest(extra: "  replicas: -1\n"))
        #expect(wrong.code == 1)
        #expect(wrong.err.hasPrefix("The App \"web\" is invalid: spec.replicas: Invalid value: -1:"))
    }

    @Test func `get shows a table`() throws {
        _ = try cluster.run(["apply", "-f", "-"], input: Self.manifest())
        let table = try cluster.run(["get", "apps"]).out.split(separator: "\n").map(String.init)
        #expect(
            table.first?.split(separator: " ").joined(separator: " ") == "NAME READY UP-TO-DATE AVAILABLE STATUS AGE")
        #expect(table.last?.hasPrefix("web    0/1     0            0           Pending") == true)
        #expect(try cluster.run(["get", "apps", "-o", "wide"]).out.contains("oci:/images/web"))
        #expect(try cluster.run(["get", "apps", "-A"]).out.hasPrefix("NAMESPACE   NAME"))
        #expect(try cluster.run(["get", "all"]).out.contains("app.martlet.dev/web"))
        #expect(try cluster.run(["get", "apps", "-o", "name"]).out == "app.martlet.dev/web\n")
        #expect(try cluster.run(["get", "app", "none"]).err.contains("apps.martlet.dev \"none\" not found"))
        #expect(try cluster.run(["get", "apps", "-n", "none"]).all.contains("No resources found"))
        #expect(try cluster.run(["get", "ns"]).out.contains("default   Active"))
    }

    @Test func `get with a small chunk size reads every page`() throws {
        for index in 0..<7 { try cluster.store(Self.configMap("c\(index)"), .configMap) }
        let names = try cluster.run(["get", "cm", "--chunk-size=3", "-o", "name"]).out
        #expect(names.split(separator: "\n").count == 7)
    }

    private static func configMap(_ name: String) -> JSONValue {
        [
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "namespace": "default"],
            "data": [:],
        ]
    }

    @Test func `get -w follows changes`() throws {
        _ = try cluster.run(["apply", "-f", "-"], input: Self.manifest())
        let watch = try cluster.start(["get", "app", "web", "-w", "-o", "name", "--request-timeout=20s"])
        #expect(try watch.waitForLines(1))
        _ = try cluster.run(["label", "app", "web", "tier=front"])
        #expect(try watch.waitForLines(2))
        cluster.api.stop()
        #expect(watch.wait().out == "app.martlet.dev/web\napp.martlet.dev/web\n")
    }

    @Test func `label, annotate, patch and scale change an App`() throws {
        _ = try cluster.run(["apply", "-f", "-"], input: Self.manifest())
        #expect(try cluster.run(["label", "app", "web", "tier=front"]).out.contains("web labeled"))
        #expect(try cluster.run(["get", "apps", "-l", "tier=front", "-o", "name"]).out == "app.martlet.dev/web\n")
        #expect(try cluster.run(["get", "apps", "-l", "tier!=front", "-o", "name"]).out == "")
        #expect(try cluster.run(["annotate", "app", "web", "note=x y"]).code == 0)
        #expect(
            try cluster.run(["patch", "app", "web", "--type=merge", "-p", "{\"spec\":{\"args\":[\"a\"]}}"]).code == 0)
        let json = "[{\"op\":\"add\",\"path\":\"/spec/args/-\",\"value\":\"b\"}]"
        #expect(try cluster.run(["patch", "app", "web", "--type=json", "-p", json]).code == 0)
        #expect(try cluster.run(["patch", "app", "web", "-p", "{\"spec\":{\"workingDir\":\"/srv\"}}"]).code == 0)
        #expect(try cluster.run(["scale", "app", "web", "--replicas=4"]).out.contains("scaled"))
        #expect(
            try cluster.run(["scale", "app", "web", "--current-replicas=4", "--replicas=5"]).out.contains("scaled"))
        let path = "jsonpath={.spec.replicas} {.spec.args} {.spec.workingDir} {.metadata.annotations.note}"
        #expect(try cluster.run(["get", "app", "web", "-o", path]).out == "5 [\"a\",\"b\"] /srv x y")
    }

    @Test func `replace needs the object as it is`() throws {
        _ = try cluster.run(["create", "-f", "-"], input: Self.manifest())
        let old = try cluster.run(["get", "app", "web", "-o", "json"]).out
        #expect(try cluster.run(["replace", "-f", "-"], input: Self.manifest(image: "oci:/y")).code == 0)
        let stale = try cluster.run(["replace", "-f", "-"], input: old)
        #expect(stale.err.contains("the object has been modified"))
    }

    @Test func `delete waits until the object is gone`() throws {
        _ = try cluster.run(["create", "-f", "-"], input: Self.manifest())
        if cluster.readsSchemas {
            #expect(try cluster.run(["delete", "app", "web", "--dry-run=server"]).code == 0)
        }
        #expect(try cluster.run(["get", "app", "web"]).code == 0)
        let gone = try cluster.run(["delete", "app", "web", "--timeout=20s"])
        #expect(gone.out == "app.martlet.dev \"web\" deleted\n")
        #expect(try cluster.run(["get", "app", "web"]).code == 1)
        #expect(try cluster.run(["delete", "ns", "default"]).err.contains("this namespace may not be deleted"))
    }

    @Test func `wait sees a condition`() throws {
        _ = try cluster.run(["create", "-f", "-"], input: Self.manifest())
        let wait = try cluster.start(["wait", "--for=condition=Available", "app/web", "--timeout=30s"])
        var app = try JSONValue(parsing: try cluster.run(["get", "app", "web", "-o", "json"]).out)
        app["status"] = ["observedGeneration": 1, "conditions": [["type": "Available", "status": "True"]]]
        try cluster.store(app, .app)
        let result = wait.wait()
        #expect(result.code == 0, "\(result.all)")
        #expect(result.out == "app.martlet.dev/web condition met\n")
    }

    @Test func `describe shows an object and what happened to it`() throws {
        _ = try cluster.run(["create", "-f", "-"], input: Self.manifest())
        let uid = try cluster.run(["get", "app", "web", "-o", "jsonpath={.metadata.uid}"]).out
        try cluster.store(
            [
                "apiVersion": "v1", "kind": "Event", "metadata": ["name": "web.1", "namespace": "default"],
                "involvedObject": [
                    "apiVersion": "martlet.dev/v1", "kind": "App", "name": "web", "namespace": "default",
                    "uid": .string(uid),
                ], "reason": "Scaled", "message": "from 1 to 2 pods", "type": "Normal",
                "lastTimestamp": "2024-01-01T00:00:00Z", "firstTimestamp": "2024-01-01T00:00:00Z", "count": 1,
            ], .event)
        let text = try cluster.run(["describe", "app", "web"])
        #expect(text.out.contains("Image:") && text.out.contains("oci:/images/web"))
        #expect(text.out.contains("Scaled") && text.out.contains("from 1 to 2 pods"))
        #expect(try cluster.run(["get", "events"]).out.contains("app/web"))
    }

    @Test func `describe shows pods and nodes`() throws {
        try runPod()
        try cluster.store(
            [
                "apiVersion": "v1", "kind": "Node", "metadata": ["name": "node-1", "namespace": ""],
                "status": [
                    "conditions": [["type": "Ready", "status": "True"]], "capacity": ["cpu": "2"],
                    "nodeInfo": ["kubeletVersion": "v1"],
                ],
            ], .node)
        let pod = try cluster.run(["describe", "pod", "p"])
        #expect(pod.out.contains("10.0.0.9"), "\(pod.all)")
        let node = try cluster.run(["describe", "node", "node-1"])
        #expect(node.out.contains("Non-terminated Pods:"), "\(node.all)")
        #expect(try cluster.run(["get", "pods", "-o", "wide"]).out.contains("node-1"))
        #expect(try cluster.run(["get", "nodes"]).out.contains("Ready"))
    }

    @Test func `what is served is listed and explained`() throws {
        let resources = try cluster.run(["api-resources"]).out
        for name in ["apps", "revisions", "pods", "nodes", "namespaces", "configmaps", "secrets", "events"] {
            #expect(resources.contains("\n\(name) "), "\(name)")
        }
        #expect(
            try cluster.run(["api-versions"]).out
                == "martlet.dev/v1\nmetrics.k8s.io/v1beta1\nmetrics.martlet.dev/v1\nv1\n")
        #expect(try cluster.run(["version", "-o", "json"]).out.contains("v1.32.0+martlet.1"))
        // Older clients explain from documents of version 2 only, which the server has none of.
        guard cluster.readsSchemas else { return }
        let text = try cluster.run(["explain", "app.spec.replicas", "--api-version=martlet.dev/v1"])
        #expect(text.out.contains("How many pods run"), "\(text.all)")
        #expect(try cluster.run(["explain", "app.spec.rollout", "--recursive"]).out.contains("maxSurge"))
    }

    @Test func `the server's measurements are in the Prometheus text format`() throws {
        _ = try cluster.run(["get", "apps"])
        let metrics = try cluster.run(["get", "--raw", "/metrics"])
        let lines = metrics.out.split(separator: "\n").map(String.init)
        #expect(lines.contains("# TYPE martlet_apiserver_requests_total counter"), "\(metrics.all)")
        let name = /[a-z][a-z0-9_]*/
        let sample = /([a-z][a-z0-9_]*)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.]+/
        var declared: Set<Substring> = []
        for line in lines {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") { continue }
            if line.hasPrefix("# TYPE ") {
                #expect(words.count == 4 && words[2].wholeMatch(of: name) != nil)
                #expect(words[3] == "gauge" || words[3] == "counter" && words[2].hasSuffix("_total"))
                #expect(declared.insert(words[2]).inserted)
            } else {
                let match = try #require(line.wholeMatch(of: sample), "\(line)")
                #expect(declared.contains(match.1))
            }
        }
        #expect(lines.contains { $0.hasPrefix("martlet_apiserver_requests_total{verb=\"list\",resource=\"apps\",") })
    }

    @Test func `objects of core types are made without a file`() throws {
        #expect(try cluster.run(["create", "configmap", "c", "--from-literal=k=v"]).out == "configmap/c created\n")
        #expect(try cluster.run(["get", "cm", "c", "-o", "jsonpath={.data.k}"]).out == "v")
        #expect(
            try cluster.run(["create", "secret", "generic", "s", "--from-literal=k=v"]).out == "secret/s created\n")
        #expect(try cluster.run(["get", "secret", "s", "-o", "jsonpath={.data.k} {.type}"]).out == "dg== Opaque")
        #expect(try cluster.run(["create", "namespace", "mine"]).out == "namespace/mine created\n")
    }

    private func runPod() throws {
        try cluster.store(
            [
                "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p", "namespace": "default", "uid": "u"],
                "spec": [
                    "nodeName": "node-1",
                    "containers": [["name": "web", "image": "x"], ["name": "side", "image": "y"]],
                ],
                "status": [
                    "phase": "Running", "podIP": "10.0.0.9",
                    "containerStatuses": [
                        [
                            "name": "web", "ready": true, "restartCount": 0, "image": "x", "imageID": "",
                            "state": ["running": ["startedAt": "2024-01-01T00:00:00Z"]],
                        ]
                    ],
                ],
            ], .pod)
    }

    @Test func `logs are shown`() throws {
        try runPod()
        #expect(try cluster.run(["logs", "p", "-c", "web"]).out == "first\nsecond\n")
        #expect(try cluster.run(["logs", "-f", "p", "-c", "web", "--tail=5"]).out == "first\nsecond\n")
        let other = try cluster.run(["logs", "p", "-c", "side"])
        #expect(other.err.contains("container \"side\" in pod \"p\" is waiting to start: ContainerCreating"))
    }

    @Test func `a command runs in a container`() throws {
        try runPod()
        let echoed = try cluster.run(["exec", "-i", "p", "-c", "web", "--", "cat", "-"], input: "hello")
        guard cluster.minor >= 30 else {
            #expect(echoed.err.contains("use kubectl 1.30 or newer"), "\(echoed.all)")
            return
        }
        #expect(echoed.out == "cat -\nhello", "\(echoed.all)")
        #expect(echoed.err.contains("to web"))
        let failed = try cluster.run(["exec", "p", "-c", "web", "--", "exit", "3"])
        #expect(failed.code == 3)
        #expect(failed.err.contains("command terminated with exit code 3"))
        cluster.bridge.error.withLock { $0 = .init(status: 500, message: "the supervisor is gone") }
        #expect(try cluster.run(["exec", "p", "-c", "web", "--", "ls"]).err.contains("the supervisor is gone"))
        #expect(try cluster.run(["exec", "p", "-c", "side", "--", "ls"]).err.contains("is not running"))
    }
}
