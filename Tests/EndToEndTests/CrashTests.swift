import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// What becomes of containers when parts of Martlet end. Each test has a Martlet of its own.
    @Suite struct Crashes {
        /// Runs a test with a Martlet of its own and checks that it leaves nothing.
        private func withCluster(_ body: (Cluster) throws -> Void) throws {
            let cluster = try Cluster(images: EndToEnd.cluster().images)
            let result = Result { try body(cluster) }
            let left = try cluster.cleanUp()
            #expect(left.isEmpty, "nothing is left on the machine")
            try result.get()
        }

        @Test func `containers outlive a killed server, which takes them over with what happened meanwhile`() throws {
            try withCluster { cluster in
                try cluster.run("steady", "replicas: 2")
                try cluster.run(
                    "short",
                    "command: [sh, -c, 'trap \"exit 23\" TERM; echo run; while :; do sleep 0.05; done']")
                let pods = try cluster.pods("steady")
                let before = try pods.map { try cluster.firstProcess(of: $0.uid, "steady") }
                let short = try cluster.pod("short")
                let ending = try cluster.firstProcess(of: short.uid, "short")

                #expect(try cluster.stop(SIGKILL) == 128 + SIGKILL)
                kill(ending.pid, SIGTERM)
                try eventually("the end of a container without a server") {
                    processStartTime(ending.pid) == ending.started ? nil : true
                }
                let after = try pods.map { try cluster.firstProcess(of: $0.uid, "steady") }
                #expect(before.map(\.pid) == after.map(\.pid) && before.map(\.started) == after.map(\.started))

                try cluster.start()
                let restarted = try cluster.awaitPod("short", "restarted in place") {
                    $0.container("short").restarts == 1 && $0.isReady
                }
                #expect(restarted.uid == short.uid)
                let end = restarted.container("short").document["lastState"]?["terminated"]
                #expect(end?["exitCode"]?.integer == 23, "\(end?.text() ?? "none")")
                let kept = try cluster.pods("steady")
                #expect(kept.map(\.uid) == pods.map(\.uid))
                #expect(kept.allSatisfy { $0.isReady && $0.container("steady").restarts == 0 })
                let adopted = try kept.map { try cluster.firstProcess(of: $0.uid, "steady") }
                #expect(before.map(\.pid) == adopted.map(\.pid) && before.map(\.started) == adopted.map(\.started))

                for name in ["steady", "short"] { try cluster.deleteAndWait(name) }
                try eventually("nothing left", last: { "\(cluster.leftovers())" }) {
                    cluster.leftovers().isEmpty ? true : nil
                }
            }
        }

        @Test func `a server that is asked to stop ends with 0, containers go on, and a second one is refused`() throws
        {
            try withCluster { cluster in
                try cluster.run("steady", "replicas: 1")
                let pod = try cluster.pod("steady")
                let before = try cluster.firstProcess(of: pod.uid, "steady")

                let second = try cluster.startUp()
                #expect(try second.awaitEnd(seconds: 20) == 1)
                let pid = try #require(cluster.server?.pid)
                #expect(second.err.contains("pid \(pid)") && second.err.contains(cluster.data), "\(second.err)")
                let cleanup = try cluster.martlet("cleanup")
                #expect(cleanup.code == 1 && cleanup.err.contains("pid \(pid)"), "\(cleanup)")

                for signal in [SIGTERM, SIGINT] {
                    #expect(try cluster.stop(signal) == 0)
                    #expect(try cluster.firstProcess(of: pod.uid, "steady") == before)
                    let get = try cluster.martlet("get", "pods")
                    #expect(get.code == 1 && get.err.contains("127.0.0.1"), "\(get)")
                    try cluster.start()
                    try cluster.awaitPod("steady", "ready") { $0.isReady }
                    #expect(try cluster.firstProcess(of: pod.uid, "steady") == before)
                }
            }
        }

        @Test func `what was kept ready for pods ends when the server is killed`() throws {
            try withCluster { cluster in
                try eventually("sandboxes that are ready") { cluster.parked.count >= 2 ? true : nil }
                let waiting = cluster.parked.map { (pid: $0, started: processStartTime($0)) }
                try cluster.stop(SIGKILL)
                // One to which nobody had come yet waits half a minute.
                try eventually("the end of what was ready", within: 60) {
                    waiting.allSatisfy { processStartTime($0.pid) != $0.started } ? true : nil
                }
                try cluster.start()
            }
        }

        @Test func `a pod whose supervisor is killed is made anew`() throws {
            try withCluster { cluster in
                try cluster.run("owned", "sidecars: [{name: helper, command: [sh, -c, 'exec sleep 1000']}]")
                let pod = try cluster.pod("owned")
                let first = try cluster.firstProcess(of: pod.uid, "owned")
                kill(try #require(cluster.supervisor(of: pod.uid)), SIGKILL)
                try eventually("the end of the container") {
                    processStartTime(first.pid) == first.started ? nil : true
                }
                try cluster.awaitApp("owned", "available again") {
                    $0["status"]?["availableReplicas"]?.integer == 1
                }
                let after = try cluster.awaitPod("owned", "ready with new containers") {
                    $0.isReady && ($0.uid != pod.uid || $0.container("owned").restarts > 0)
                }
                let page = try cluster.run([
                    "curl", "--fail", "--silent", "--retry", "5", "--retry-connrefused", "--max-time", "10",
                    "http://\(after.address):8080/",
                ])
                #expect(page.out == "web 1.0\n", "\(page)")
                #expect(cluster.supervisors.count == 1)
            }
        }

        @Test func `a server that is killed again and again amid changes loses and leaves nothing`() throws {
            try withCluster { cluster in
                let server = try #require(cluster.server)
                // The moment of the end differs from round to round: after the first, the second, ... line of the log of changes.
                for round in 1...6 {
                    let watch = try cluster.start(["martlet", "get", "pods", "-w", "--no-headers"])
                    try cluster.apply(cluster.manifest("web", "replicas: \(round % 3 * 2)\nenv: {ROUND: \"\(round)\"}"))
                    if round % 2 == 0 { cluster.delete("web") }
                    try? watch.awaitOutput("changes", seconds: 2) { child in
                        child.out.split(separator: "\n").count >= round
                    }
                    try cluster.stop(SIGKILL)
                    try cluster.start()
                }
                #expect(cluster.server?.pid != server.pid)
                cluster.delete("web")
                try eventually("the end of all pods") { try cluster.pods("web").isEmpty ? true : nil }
                try eventually("nothing left", last: { "\(cluster.leftovers())" }) {
                    cluster.leftovers().isEmpty ? true : nil
                }
                try cluster.run("web", "replicas: 2")
            }
        }

        @Test func `after a cleanup the next server makes the pods again`() throws {
            try withCluster { cluster in
                try cluster.run("steady", "replicas: 2")
                let pods = try cluster.pods("steady")
                let first = try cluster.firstProcess(of: pods[0].uid, "steady")
                try cluster.stop()
                let cleanup = try cluster.martlet("cleanup")
                #expect(cleanup.code == 0 && cleanup.out.contains("ended 2 pods"), "\(cleanup)")
                #expect(processStartTime(first.pid) != first.started)
                #expect(cluster.leftovers().isEmpty)
                try cluster.start()
                try eventually("both pods ready again") {
                    let pods = try cluster.pods("steady")
                    return pods.count == 2 && pods.allSatisfy(\.isReady) && cluster.supervisors.count == 2 ? true : nil
                }
            }
        }

        @Test func `an App that is deleted while there is no agent is gone after the next start`() throws {
            try withCluster { cluster in
                try cluster.run("doomed", "replicas: 2")
                cluster.delete("doomed")
                try cluster.stop(SIGKILL)
                try cluster.start()
                try eventually("the end of its pods") { try cluster.pods("doomed").isEmpty ? true : nil }
                try eventually("nothing left", last: { "\(cluster.leftovers())" }) {
                    cluster.leftovers().isEmpty ? true : nil
                }
            }
        }
    }
}
