import Model
import Testing

extension EndToEnd {
    /// Stock kubectl as the client.
    @Suite struct Kubectl {
        @Test func `kubectl applies, shows, watches, changes, waits for and deletes an App`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("stock") }
            let manifest = cluster.manifest("stock", "replicas: 1\ncommand: [sh, -c, 'echo hello; exec sleep 1000']")
            let watch = try cluster.start(["kubectl", "get", "apps", "-w", "--field-selector", "metadata.name=stock"])

            let created = try cluster.kubectl("apply", "-f", "-", input: manifest)
            #expect(created.code == 0 && created.out == "app.martlet.dev/stock created\n", "\(created)")
            let unchanged = try cluster.kubectl("apply", "-f", "-", input: manifest)
            #expect(unchanged.out == "app.martlet.dev/stock unchanged\n", "\(unchanged)")
            let ours = try cluster.martlet("apply", "-f", "-", input: manifest)
            #expect(ours.out == "app.martlet.dev/stock unchanged\n", "\(ours)")
            let waited = try cluster.kubectl("wait", "--for=condition=Available", "app/stock", "--timeout=20s")
            #expect(waited.code == 0, "\(waited)")
            try watch.awaitOutput("the App as available") { $0.out.contains("1/1") }
            watch.kill(2)
            _ = try watch.awaitEnd()

            let changed = cluster.manifest(
                "stock", "replicas: 2\ncommand: [sh, -c, 'echo hello; exec sleep 1000']")
            let diff = try cluster.kubectl("diff", "-f", "-", input: changed)
            #expect(diff.code == 1 && diff.out.contains("+  replicas: 2"), "\(diff)")
            #expect(try cluster.kubectl("diff", "-f", "-", input: manifest).code == 0)
            let configured = try cluster.kubectl("apply", "-f", "-", input: changed)
            #expect(configured.out == "app.martlet.dev/stock configured\n", "\(configured)")
            try cluster.awaitApp("stock", "2 available") { $0["status"]?["availableReplicas"]?.integer == 2 }

            let described = try cluster.kubectl("describe", "app", "stock")
            #expect(described.code == 0 && described.out.contains("RolloutComplete"), "\(described)")
            let pod = try cluster.pods("stock")[0].name
            let describedPod = try cluster.kubectl("describe", "pod", pod)
            #expect(describedPod.code == 0 && describedPod.out.contains("Started"), "\(describedPod)")
            let logs = try cluster.kubectl("logs", pod)
            #expect(logs.code == 0 && logs.out == "hello\n", "\(logs)")
            let labelled = try cluster.kubectl("label", "app", "stock", "team=a")
            #expect(labelled.out == "app.martlet.dev/stock labeled\n", "\(labelled)")
            #expect(try cluster.kubectl("get", "apps", "-l", "team=a", "-o", "name").out == "app.martlet.dev/stock\n")
            let scaled = try cluster.kubectl("scale", "app", "stock", "--replicas=1")
            #expect(scaled.code == 0 && scaled.out == "app.martlet.dev/stock scaled\n", "\(scaled)")
            try eventually("one pod") { try cluster.pods("stock").count == 1 ? true : nil }
            let table = try cluster.kubectl("get", "pods", "-l", "martlet.dev/app=stock", "-o", "wide")
            #expect(table.lines.count == 2 && table.lines[1].contains("Running"), "\(table)")
            let deleted = try cluster.kubectl("delete", "app", "stock", "--timeout=30s")
            #expect(deleted.code == 0 && deleted.out.contains("\"stock\" deleted"), "\(deleted)")
            #expect(try cluster.kubectl("get", "app", "stock").code == 1)
        }

        @Test func `kubectl makes and removes ConfigMaps, Secrets and namespaces`() throws {
            let cluster = try EndToEnd.cluster()
            for words in [
                ["create", "namespace", "shop"], ["create", "configmap", "c", "--from-literal=a=b", "-n", "shop"],
                ["create", "secret", "generic", "s", "--from-literal=k=v", "-n", "shop"],
            ] {
                let output = try cluster.run(["kubectl"] + words)
                #expect(output.code == 0 && output.out.contains("created"), "\(output)")
            }
            let value = try cluster.kubectl("get", "secret", "s", "-n", "shop", "-o", "jsonpath={.data.k}")
            #expect(value.out == "dg==", "\(value)")
            let deleted = try cluster.kubectl("delete", "namespace", "shop", "--timeout=20s")
            #expect(deleted.code == 0, "\(deleted)")
            #expect(try cluster.kubectl("get", "configmap", "c", "-n", "shop").code == 1)
        }
    }
}
