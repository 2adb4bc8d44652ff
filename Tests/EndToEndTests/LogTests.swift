import Model
import Testing

extension EndToEnd {
    @Suite struct Logs {
        @Test func `logs are cut by lines and time, follow to the end, and go back to the attempt before`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("talker") }
            try cluster.run(
                "talker",
                """
                command: [sh, -c, 'for i in 1 2 3 4 5; do echo line $i; done; echo bad >&2; trap "echo bye; exit 1" TERM; while :; do sleep 0.05; done']
                sidecars: [{name: helper, command: [sh, -c, 'echo helping; exec sleep 1000']}]
                """)
            try eventually("the log") { try cluster.logs("talker").contains("bad") ? true : nil }
            #expect(try cluster.logs("talker", "--tail", "2") == "line 5\nbad\n")
            #expect(try cluster.logs("talker", "--since", "1h", "--tail", "1") == "bad\n")
            #expect(try cluster.logs("talker", "-c", "helper") == "helping\n")
            let stamped = try cluster.logs("talker", "--tail", "1", "--timestamps")
            #expect(stamped.hasPrefix("20") && stamped.hasSuffix("Z bad\n"), "\(stamped)")
            let pod = try cluster.pod("talker")
            let all = try cluster.logs("talker", "--all-containers")
            #expect(all.contains("[\(pod.name)/helper] helping\n") && all.contains("[\(pod.name)/talker] line 1\n"))
            let wrong = try cluster.martlet("logs", "talker", "-c", "nobody")
            #expect(wrong.code == 1 && wrong.err.contains("talker") && wrong.err.contains("helper"), "\(wrong)")
            let none = try cluster.martlet("logs", "talker", "--previous")
            #expect(none.code == 1 && none.err.contains("previous"), "\(none)")

            let follow = try cluster.start(["martlet", "logs", "-f", "talker", "--tail", "1"])
            try follow.awaitOutput("the last line") { $0.out == "bad\n" }
            _ = try cluster.exec("talker", "kill", "1")
            #expect(try follow.awaitEnd(seconds: 20) == 0)
            #expect(follow.out == "bad\nbye\n")
            try cluster.awaitPod("talker", "restarted") { $0.container("talker").restarts == 1 && $0.isReady }
            #expect(try cluster.logs("talker", "--previous", "--tail", "1") == "bye\n")
        }

        @Test func `an App's logs are those of all its pods, each line with its pod`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("choir") }
            try cluster.run(
                "choir",
                "replicas: 2\ncommand: [sh, -c, 'echo from $(hostname); trap \"exit 0\" TERM; while :; do sleep 0.05; done']"
            )
            let pods = try cluster.pods("choir")
            let wanted = Set(pods.map { "[\($0.name)/choir] from \($0.name)" })
            try eventually("a line of each") { try Set(cluster.martlet("logs", "choir").lines) == wanted ? true : nil }
            let follow = try cluster.start(["martlet", "logs", "-f", "choir"])
            try follow.awaitOutput("a line of each") { child in
                Set(child.out.split(separator: "\n").map(String.init)) == wanted
            }
            try cluster.deleteAndWait("choir")
            #expect(try follow.awaitEnd(seconds: 20) == 0)
        }

        @Test func `a log that was rotated is shown whole and in order`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("novelist") }
            // 12 MiB: more than one file of a log holds.
            try cluster.run(
                "novelist",
                """
                command: [sh, -c, 'awk "BEGIN { for (i = 0; i < 120000; i++) printf \\"%06d %090d\\\\n\\", i, 0; print \\"end\\" }"; exec sleep 1000']
                """)
            try eventually("the last line") { try cluster.logs("novelist", "--tail", "1") == "end\n" ? true : nil }
            let lines = try cluster.martlet("logs", "novelist").lines
            let numbers = lines.dropLast().compactMap { Int($0.prefix(6)) }
            #expect(lines.last == "end" && numbers.count == lines.count - 1)
            let isInOrder = zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }
            #expect(isInOrder && numbers.last == 119_999)
            #expect(numbers.first == 0, "all of the log is kept")
        }
    }
}
