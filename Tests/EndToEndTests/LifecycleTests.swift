import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// An App from its manifest to its end.
    @Suite struct Lifecycle {
        @Test func `the example web App runs, serves, is restarted in place and leaves nothing`() throws {
            let cluster = try EndToEnd.cluster()
            let text = try readText("\(Cluster.repository)/manifests/web.yaml", limit: 1 << 20)
            let place = "oci:/tmp/martlet-demo/web:1.0"
            let parts = text.split(separator: place, omittingEmptySubsequences: false)
            try #require(parts.count == 2, "the manifest's image is \(place)")
            let manifest = parts.joined(separator: cluster.image())
            let applied = try cluster.martlet("apply", "-f", "-", "--wait", "--timeout", "30s", input: manifest)
            try #require(applied.code == 0, "\(applied)")
            #expect(applied.lines.contains("app.martlet.dev/web created"))

            let pods = try cluster.pods("web")
            #expect(pods.count == 3 && pods.allSatisfy(\.isReady))
            #expect(Set(pods.map(\.address)).count == 3)
            let table = try cluster.martlet("get", "apps", "web")
            #expect(table.lines.count == 2 && table.lines[1].hasPrefix("web "), "\(table)")
            #expect(table.lines[1].contains("3/3"), "\(table)")
            for pod in pods {
                let page = try cluster.run([
                    "curl", "--fail", "--silent", "--max-time", "5", "http://\(pod.address):8080/cgi-bin/hostname",
                ])
                #expect(page.out == "\(pod.name) 1.0\n", "\(page)")
            }

            let victim = pods[0]
            let first = try cluster.firstProcess(of: victim.uid, "web")
            kill(first.pid, SIGKILL)
            let restarted = try eventually("the restart of \(victim.name)") {
                try cluster.pods("web").first {
                    $0.uid == victim.uid && $0.container("web").restarts == 1 && $0.isReady
                }
            }
            let end = try #require(restarted.container("web").document["lastState"]?["terminated"])
            #expect(end["exitCode"]?.integer == 137 && end["signal"]?.integer == 9, "\(end.text())")
            #expect(end["reason"]?.string == "Error")
            #expect(restarted.address == victim.address)
            #expect(try cluster.firstProcess(of: victim.uid, "web").pid != first.pid)

            let deleted = try cluster.martlet("delete", "-f", "-", "--timeout", "30s", input: manifest)
            #expect(deleted.code == 0, "\(deleted)")
            try eventually("nothing left", last: { "\(cluster.leftovers())" }) {
                cluster.leftovers().isEmpty ? true : nil
            }
            #expect(try cluster.pods("web").isEmpty)
        }

        @Test func `an App is scaled up, to nothing, and back`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("elastic") }
            try cluster.run("elastic", "replicas: 1")
            for count in [3, 0, 2] {
                let output = try cluster.martlet("scale", "elastic", "--replicas", "\(count)", "--wait")
                #expect(output.code == 0, "\(output)")
                let ready = try cluster.app("elastic")["status"]?["readyReplicas"]?.integer ?? 0
                #expect(ready == Int64(count))
                try eventually("\(count) pods") { try cluster.pods("elastic").count == count ? true : nil }
            }
            let wrong = try cluster.martlet("scale", "elastic", "--replicas", "5", "--current-replicas", "4")
            #expect(wrong.code == 1)
            #expect(try cluster.pods("elastic").count == 2)
        }

        @Test func `a change replaces pods one by one and never has fewer ready than desired`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("rolling") }
            let spec = """
                replicas: 3
                ports: [{name: http, port: 8080}]
                health: {readiness: {http: {path: /, port: http}, period: 1s}}
                rollout: {maxSurge: 1, maxUnavailable: 0}
                """
            try cluster.run("rolling", spec)
            let watch = try cluster.start(["kubectl", "get", "app", "rolling", "-w", "-o", "json"])
            try watch.awaitOutput("the first object") { $0.out.contains("readyReplicas") }
            let pods = try cluster.start([
                "kubectl", "get", "pods", "-l", "martlet.dev/app=rolling", "--output-watch-events", "-w", "-o",
                "custom-columns=E:.type,N:.object.metadata.name,R:.object.status.conditions[?(@.type==\"Ready\")].status",
            ])
            try cluster.run("rolling", spec, tag: "2.0")
            let app = try cluster.awaitApp("rolling", "3 updated pods and no other") {
                $0["status"]?["updatedReplicas"]?.integer == 3 && $0["status"]?["replicas"]?.integer == 3
            }
            let revision = try #require(app["status"]?["currentRevision"]?.string)
            try watch.awaitOutput("the last change") { $0.out.contains(revision) }
            watch.kill(SIGTERM)
            pods.kill(SIGTERM)
            _ = try watch.awaitEnd()
            let seen = Self.values(of: "readyReplicas", in: watch.out)
            #expect(!seen.isEmpty && seen.allSatisfy { $0 >= 3 }, "ready replicas over time: \(seen)")
            let totals = Self.values(of: "replicas", in: watch.out)
            #expect(totals.allSatisfy { $0 <= 4 }, "replicas over time: \(totals)")
            for pod in try cluster.pods("rolling") where !pod.isStopping {
                let page = try cluster.run([
                    "curl", "--fail", "--silent", "--max-time", "5", "http://\(pod.address):8080/",
                ])
                #expect(page.out == "web 2.0\n", "\(page)")
            }
        }

        /// The numbers that a member had in a stream of indented JSON.
        private static func values(of name: String, in text: String) -> [Int] {
            text.split(separator: "\n").compactMap { line in
                let parts = line.split(separator: ":")
                guard parts.count == 2, parts[0].contains("\"\(name)\"") else { return nil }
                return Int(parts[1].filter(\.isNumber))
            }
        }

        @Test(arguments: [
            ("image: oci:/nowhere/at/all:1.0", "/nowhere/at/all"),
            ("command: [sh, -c, 'echo broken; exit 7']\nrollout: {minReady: 2s}", "exit code 7"),
            ("command: [/no/such/program]", "/no/such/program"),
        ])
        func `a broken change leaves the old pods serving, says why, and is mended by the next`(
            change: String, why: String
        ) throws {
            let cluster = try EndToEnd.cluster()
            defer { try? cluster.deleteAndWait("fragile") }
            try cluster.run("fragile", "replicas: 2")
            let before = try cluster.pods("fragile").map(\.uid)
            try cluster.apply(cluster.manifest("fragile", "replicas: 2\n\(change)"))
            try eventually(
                "describe to say why", last: { (try? cluster.martlet("describe", "app", "fragile").out) ?? "" }
            ) {
                try cluster.martlet("describe", "app", "fragile").out.contains(why) ? true : nil
            }
            let serving = try cluster.pods("fragile").filter { before.contains($0.uid) && $0.isReady && !$0.isStopping }
            #expect(serving.count == 2)
            try cluster.run("fragile", "replicas: 2\nenv: {FIXED: \"1\"}")
            try eventually("only new pods") {
                let pods = try cluster.pods("fragile")
                return pods.count == 2 && pods.allSatisfy { !before.contains($0.uid) && $0.isReady } ? true : nil
            }
        }
    }
}
