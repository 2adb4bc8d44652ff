import Model
import Testing

extension EndToEnd {
    @Suite struct Probes {
        @Test func `every kind of probe makes a healthy pod ready`() throws {
            let cluster = try EndToEnd.cluster()
            defer { for kind in ["http", "tcp", "exec"] { cluster.delete("probe-\(kind)") } }
            let checks = [
                "http": "{path: /, port: http}", "tcp": "{port: 8080}", "exec": "{command: [test, -f, /etc/version]}",
            ]
            for (kind, check) in checks {
                try cluster.apply(
                    cluster.manifest(
                        "probe-\(kind)",
                        """
                        ports: [{name: http, port: 8080}]
                        health:
                          startup: {\(kind): \(check), period: 1s}
                          readiness: {\(kind): \(check), period: 1s}
                          liveness: {\(kind): \(check), period: 1s}
                        """))
            }
            for kind in checks.keys {
                try cluster.awaitPod("probe-\(kind)", "ready") { $0.isReady }
                #expect(try cluster.pod("probe-\(kind)").container("probe-\(kind)").restarts == 0)
            }
        }

        @Test func `a startup probe holds the other probes back`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("starting") }
            try cluster.apply(
                cluster.manifest(
                    "starting",
                    """
                    volumes: [{name: shared, mountPath: /shared, emptyDir: {}}]
                    command: [sh, -c, 'exec sleep 1000']
                    health:
                      startup: {exec: {command: [test, -f, /shared/started]}, period: 1s, failureThreshold: 60}
                      readiness: {exec: {command: [sh, -c, 'echo ready >> /shared/checks']}, period: 1s}
                      liveness: {exec: {command: [sh, -c, 'echo live >> /shared/checks']}, period: 1s}
                    """))
            let waiting = try cluster.awaitPod("starting", "a failed startup probe") {
                $0.condition("Ready")?["message"]?.string?.contains("startup probe failed") == true
            }
            #expect(waiting.container("starting").document["started"]?.bool == false)
            #expect(try cluster.exec("starting", "ls", "/shared") == "")
            _ = try cluster.exec("starting", "touch", "/shared/started")
            let ready = try cluster.awaitPod("starting", "ready") { $0.isReady }
            #expect(ready.container("starting").document["started"]?.bool == true)
            try eventually("both probes") {
                let checks = try cluster.exec("starting", "cat", "/shared/checks")
                return checks.contains("live") && checks.contains("ready") ? true : nil
            }
        }

        @Test func `a failed liveness probe restarts the container and says why`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("mortal") }
            try cluster.run(
                "mortal",
                """
                command: [sh, -c, 'trap "exit 3" TERM; touch /tmp/alive; while :; do sleep 0.1; done']
                health: {liveness: {exec: {command: [test, -f, /tmp/alive]}, period: 1s, failureThreshold: 2}}
                """)
            let before = try cluster.pod("mortal")
            _ = try cluster.exec("mortal", "rm", "/tmp/alive")
            let after = try cluster.awaitPod("mortal", "restarted") {
                $0.container("mortal").restarts == 1 && $0.isReady
            }
            #expect(after.uid == before.uid)
            let end = try #require(after.container("mortal").document["lastState"]?["terminated"])
            #expect(end["reason"]?.string == "LivenessFailed" && end["exitCode"]?.integer == 3, "\(end.text())")
            #expect(end["message"]?.string?.contains("failed 2 times") == true, "\(end.text())")
        }

        @Test func `a failed readiness probe makes the pod unready and restarts nothing`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("moody") }
            try cluster.run(
                "moody",
                """
                command: [sh, -c, 'touch /tmp/ready; exec sleep 1000']
                health: {readiness: {exec: {command: [test, -f, /tmp/ready]}, period: 1s, failureThreshold: 1}}
                """)
            let first = try cluster.firstProcess(of: cluster.pod("moody").uid, "moody")
            _ = try cluster.exec("moody", "rm", "/tmp/ready")
            let unready = try cluster.awaitPod("moody", "unready") { !$0.isReady }
            #expect(unready.condition("Ready")?["message"]?.string?.contains("readiness probe failed") == true)
            try cluster.awaitApp("moody", "no ready replicas") { ($0["status"]?["readyReplicas"]?.integer ?? 0) == 0 }
            _ = try cluster.exec("moody", "touch", "/tmp/ready")
            let ready = try cluster.awaitPod("moody", "ready again") { $0.isReady }
            #expect(ready.container("moody").restarts == 0)
            #expect(try cluster.firstProcess(of: ready.uid, "moody") == first)
        }
    }
}
