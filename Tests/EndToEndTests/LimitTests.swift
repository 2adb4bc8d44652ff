import Model
import Testing

extension EndToEnd {
    /// What containers may use, who they are, and how they end.
    @Suite struct Limits {
        @Test func `a container that needs too much memory is OOMKilled`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("greedy") }
            try cluster.applyWithLittleMemory("greedy", "exec tail /dev/zero")
            let pod = try cluster.awaitPod("greedy", "an end") { $0.container("greedy").exitCode != nil }
            #expect(pod.container("greedy").endReason == "OOMKilled")
            #expect(pod.container("greedy").exitCode == 137)
            try eventually("describe to say so") {
                try cluster.martlet("describe", "app", "greedy").out.contains("memory limit") ? true : nil
            }
        }

        @Test(arguments: [("exit 0", Int64(0), "Completed"), ("exit 42", 42, "Error")])
        func `exit codes are reported and the container is restarted with a growing wait`(
            script: String, code: Int64, reason: String
        ) throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("ending") }
            try cluster.apply(cluster.manifest("ending", "command: [sh, -c, '\(script)']"))
            let pod = try cluster.awaitPod("ending", "a second attempt") { $0.container("ending").restarts >= 1 }
            #expect(pod.container("ending").exitCode == code)
            #expect(pod.container("ending").endReason == reason)
            let waiting = try cluster.awaitPod("ending", "a wait") {
                $0.container("ending").waitingReason == "CrashLoopBackOff"
            }
            #expect(waiting.container("ending").waitingMessage.contains("in a row"))
            try cluster.deleteAndWait("ending")
        }

        @Test func `limits, the user and the read-only root are what the container sees`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("confined") }
            try cluster.run(
                "confined",
                """
                command: [sh, -c, 'exec sleep 1000']
                resources: {limits: {memory: 32Mi, pids: 6}}
                security: {runAsUser: 4321, runAsGroup: 1234, readOnlyRootFilesystem: true}
                """)
            let script = """
                echo $(id -u) $(id -g)
                touch /tmp/x 2>/dev/null || echo read-only
                grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t' ' '
                hostname; echo $$ > /dev/null
                """
            let lines = try cluster.exec("confined", "sh", "-c", script).split(separator: "\n").map(String.init)
            #expect(
                lines == [
                    "4321 1234", "read-only", "CapEff: 0000000000000000", "NoNewPrivs: 1", "Seccomp: 2",
                    try cluster.pod("confined").name,
                ])
            let bomb = try cluster.martlet(
                "exec", "confined", "--", "sh", "-c", "for i in 1 2 3 4 5 6 7 8; do sleep 30 & done; wait")
            #expect(bomb.code != 0 && bomb.text.contains("fork"), "\(bomb)")
        }

        @Test func `a pod is asked to stop with its signal, and killed after its grace period`() throws {
            let cluster = try EndToEnd.cluster()
            try cluster.run(
                "polite",
                """
                command: [sh, -c, 'trap "echo asked; exit 0" INT; trap "echo wrong" TERM; echo up; while :; do sleep 0.05; done']
                stop: {signal: SIGINT, gracePeriod: 20s, drain: 0s}
                """)
            try cluster.run(
                "stubborn",
                """
                command: [sh, -c, 'trap "echo asked" TERM; echo up; while :; do sleep 0.05; done']
                stop: {gracePeriod: 2s, drain: 0s}
                """)
            for (name, ends) in [("polite", true), ("stubborn", false)] {
                try eventually("\(name) to be up") { try cluster.logs(name) == "up\n" ? true : nil }
                let follow = try cluster.start(["martlet", "logs", "-f", name])
                try follow.awaitOutput("the log") { $0.out.contains("up") }
                let start = ContinuousClock.now
                try cluster.deleteAndWait(name)
                let took = ContinuousClock.now - start
                #expect(try follow.awaitEnd(seconds: 10) == 0)
                #expect(follow.out == "up\nasked\n", "\(follow.out)")
                #expect(ends || took >= .seconds(2), "the grace period was waited for")
            }
        }

        @Test func `what does not fit waits and says what is missing, and is placed when there is room`() throws {
            let cluster = try EndToEnd.cluster()
            defer {
                cluster.delete("big")
                cluster.delete("small")
            }
            let nodes = try cluster.martlet("get", "nodes", "-o", "json")
            let node = try JSONValue(parsing: nodes.out)["items"]?.array?.first
            let text = try #require(node?["status"]?["allocatable"]?["cpu"]?.string)
            let cpus = try #require(Double(text.hasSuffix("m") ? String(text.dropLast()) : text))
            let milli = Int(text.hasSuffix("m") ? cpus : cpus * 1000)
            let most = "resources: {requests: {cpu: \(milli * 3 / 4)m}}"
            try cluster.run("small", most)
            try cluster.apply(cluster.manifest("big", most))
            let waiting = try cluster.awaitPod("big", "unschedulable") {
                $0.condition("PodScheduled")?["reason"]?.string == "Unschedulable"
            }
            #expect(waiting.phase == "Pending")
            #expect(waiting.condition("PodScheduled")?["message"]?.string?.contains("cpu") == true)
            let scaled = try cluster.martlet("scale", "small", "--replicas", "0")
            #expect(scaled.code == 0)
            try cluster.awaitPod("big", "placed and ready") { $0.isReady }
        }
    }
}

extension Cluster {
    /// Applies an App whose container runs a script and may have 16 MiB.
    func applyWithLittleMemory(_ name: String, _ script: String) throws {
        try apply(
            manifest(
                name,
                """
                command: [sh, -c, '\(script)']
                resources: {limits: {memory: 16Mi}}
                """))
    }
}
