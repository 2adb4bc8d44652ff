import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// What is used up, stuck or stopped: said with its reason, harmless to others, and over when its cause is.
    /// Disks and descriptors, for which a Martlet of their own is started, only when asked for.
    @Suite struct Exhaustion {
        private static let isLong = getenv("MARTLET_EXHAUST") != nil
        private static let longOnly: Comment = "uses things up for minutes: MARTLET_EXHAUST=1"

        private func describe(_ cluster: Cluster, _ pod: String) throws -> String {
            try cluster.martlet("describe", "pod", pod).out
        }

        /// Waits until the description of a pod has all of these words.
        private func awaitDescription(_ cluster: Cluster, _ pod: String, _ words: String...) throws {
            var last = ""
            try eventually("\(pod): \(words)", within: 60, last: { last }) {
                last = try describe(cluster, pod)
                return words.allSatisfy { last.contains($0) } ? true : nil
            }
        }

        @Test func `a process that cannot be killed holds its pod and nothing else, and goes once it can`() throws {
            let cluster = try EndToEnd.cluster()
            let freezer = "/sys/fs/cgroup/freezer/martlet-test-\(getpid())"
            try #require(
                fileExists("/sys/fs/cgroup/freezer/freezer.clone_children") || isDirectory("/sys/fs/cgroup/freezer"))
            try makeDirectories(freezer)
            defer {
                try? writeFile("\(freezer)/freezer.state", "THAWED")
                cluster.delete("stuck")
                _ = try? eventually("the end of the pod") { try cluster.pods("stuck").isEmpty ? true : nil }
                rmdir(freezer)
                cluster.delete("beside")
            }
            try cluster.run("stuck", "command: [sleep, '1000']")
            let pod = try cluster.pod("stuck")
            let pid = try cluster.firstProcess(of: pod.uid, "stuck").pid
            try writeFile("\(freezer)/cgroup.procs", "\(pid)")
            try writeFile("\(freezer)/freezer.state", "FROZEN")
            cluster.delete("stuck")
            try awaitDescription(cluster, pod.name, "Unkillable", "process \(pid) was killed at")
            try cluster.run("beside", "command: [sleep, '1000']")
            #expect(try cluster.pods("stuck").count == 1, "what it uses stays in use")
            try writeFile("\(freezer)/freezer.state", "THAWED")
            try eventually("the end of the pod") { try cluster.pods("stuck").isEmpty ? true : nil }
        }

        @Test func `a stopped container is named and unready, and can be removed`() throws {
            let cluster = try EndToEnd.cluster()
            try cluster.run(
                "halted",
                """
                ports: [{name: http, port: 8080}]
                health: {readiness: {http: {path: /, port: http}, period: 1s}}
                """)
            let pod = try cluster.pod("halted")
            let pid = try cluster.firstProcess(of: pod.uid, "halted").pid
            kill(pid, SIGSTOP)
            try awaitDescription(cluster, pod.name, "Reason", "Stopped: container halted: process \(pid) was stopped")
            try cluster.awaitPod("halted", "unready") { !$0.isReady }
            kill(pid, SIGCONT)
            try cluster.awaitPod("halted", "ready again") { $0.isReady }
            kill(pid, SIGSTOP)
            try cluster.deleteAndWait("halted")
        }

        @Test func `a stopped supervisor is named, others go on, and so does its pod when it continues`() throws {
            let cluster = try EndToEnd.cluster()
            defer {
                cluster.delete("quiet")
                cluster.delete("beside")
            }
            try cluster.run("quiet", "command: [sleep, '1000']")
            let pod = try cluster.pod("quiet")
            let supervisor = try #require(cluster.supervisor(of: pod.uid))
            kill(supervisor, SIGSTOP)
            defer { kill(supervisor, SIGCONT) }
            try awaitDescription(cluster, pod.name, "SupervisorNotResponding", "\(supervisor)")
            try cluster.run("beside", "command: [sleep, '1000']")
            kill(supervisor, SIGCONT)
            try cluster.awaitPod("quiet", "no reason") { $0.document["status"]?["reason"] == nil && $0.isReady }
            #expect(try cluster.exec("quiet", "echo", "here") == "here\n")
        }

        @Test(
            "what uses up its processes is told of and harms nobody",
            arguments: [
                (
                    "bomb", "(while :; do (while :; do sleep 1000 & done) & sleep 0.01; done) & exec sleep 1000",
                    "20 processes"
                ),
                ("zombies", "(while :; do (true &); done) & exec sleep 1000", "are not reaped"),
            ])
        func processes(name: String, script: String, said: String) throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("neighbour") }
            try cluster.run("neighbour", "command: [sleep, '1000']")
            try cluster.apply(
                cluster.manifest(name, "command: [sh, -c, '\(script)']\nresources: {limits: {pids: 20}}"))
            let pod = try cluster.awaitPod(name, "running") { $0.container(name).isRunning }
            try awaitDescription(cluster, pod.name, "ProcessLimitReached", said)
            // Zombies that are reaped in between make room for a moment.
            try eventually("the limit in the list") {
                try cluster.martlet("get", "pod", pod.name).out.contains("ProcessLimitReached") ? true : nil
            }
            #expect(try cluster.exec("neighbour", "sh", "-c", "echo unharmed | cat") == "unharmed\n")
            #expect(try cluster.pod("neighbour").container("neighbour").restarts == 0)
            try cluster.deleteAndWait(name)
        }

        @Test func `a child killed for want of memory is told of, and its container goes on`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("parent") }
            try cluster.applyWithLittleMemory("parent", "tail /dev/zero; echo survived; while :; do sleep 1; done")
            try eventually("the child's end") {
                try cluster.run(["martlet", "logs", "parent"]).out.contains("survived") ? true : nil
            }
            let pod = try cluster.pod("parent")
            try awaitDescription(cluster, pod.name, "ProcessOOMKilled", "memory limit of 16Mi")
            #expect(try cluster.pod("parent").container("parent").restarts == 0)
        }

        @Test func `a container that needs more memory than it may have says so, with its limit`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("greedy") }
            try cluster.applyWithLittleMemory("greedy", "exec tail /dev/zero")
            let pod = try eventually("a pod") { try cluster.pods("greedy").first }
            try awaitDescription(cluster, pod.name, "OOMKilled", "memory limit of 16Mi", "exit code 137")
        }

        @Test(.enabled(if: isLong, longOnly), arguments: ["bytes", "inodes"])
        func `a full disk is told of, what runs goes on and can be removed, and it heals`(kind: String) throws {
            let images = try EndToEnd.cluster().images
            var made: SmallDisk?
            let cluster = try Cluster(images: images) { path in
                made = try SmallDisk(at: path, megabytes: 160, inodes: 2000)
            }
            let disk = try #require(made)
            defer {
                try? disk.empty()
                _ = try? cluster.cleanUp()
                try? disk.remove()
                try? removeTree(parentDirectory(of: cluster.data))
            }
            try cluster.run("running", "command: [sh, -c, 'while :; do echo line; sleep 0.1; done']")
            try cluster.run("leaving", "command: [sleep, '1000']")
            try cluster.run("coming", "command: [sleep, '1000']\nreplicas: 0")
            // The images' layers are here by now; what a pod needs of its own is not.
            let running = try cluster.pod("running")
            let process = try cluster.firstProcess(of: running.uid, "running")
            if kind == "bytes" { try disk.fill(leaving: 64 << 10) } else { try disk.fillInodes() }
            try eventually("the node to say so", within: 40) {
                let text = try cluster.martlet("describe", "nodes").out
                return text.contains("DiskPressure") && text.contains(kind == "bytes" ? "DiskFull" : "InodesUsedUp")
                    ? true : nil
            }
            if kind == "inodes" {
                _ = try cluster.martlet("scale", "coming", "--replicas", "1")
                let waiting = try cluster.awaitPod("coming", "a reason") { $0.document["status"]?["reason"] != nil }
                #expect(waiting.document["status"]?["reason"]?.string == "NodeDiskFull")
                try awaitDescription(cluster, waiting.name, "NodeDiskFull", "0 inodes free", cluster.data)
            } else {
                try disk.fill()
            }
            #expect(try cluster.firstProcess(of: running.uid, "running") == process, "a full disk ends no container")
            try cluster.deleteAndWait("leaving")
            try disk.empty()
            _ = try cluster.martlet("scale", "coming", "--replicas", "1")
            try cluster.awaitPod("coming", "ready once there is room", within: 90) { $0.isReady }
            try eventually("the node to recover", within: 40) {
                let text = try cluster.martlet("describe", "nodes").out
                return text.contains("EnoughRoom") ? true : nil
            }
            #expect(try cluster.firstProcess(of: running.uid, "running") == process)
        }

        @Test(.enabled(if: isLong, longOnly))
        func `an agent without descriptors says so, refuses in order, and recovers`() throws {
            let images = try EndToEnd.cluster().images
            let cluster = try Cluster(images: images, files: 192)
            defer { _ = try? cluster.cleanUp() }
            try cluster.run("first", "command: [sleep, '1000']")
            // Each follower holds a connection and a file; some of them are refused.
            var followers: [Child] = []
            let pid = try #require(cluster.server?.pid)
            func open() throws -> Int { try listDirectory("/proc/\(pid)/fd").count }
            while try open() < 170 {
                let before = try open()
                followers.append(try cluster.start(["martlet", "get", "pods", "-w"]))
                try eventually("its connection") { try open() > before ? true : nil }
            }
            try eventually("the node to say so", within: 40) {
                let text = try cluster.martlet("describe", "nodes").out
                return text.contains("DescriptorPressure") && text.contains("DescriptorsUsedUp")
                    && text.contains("of at most 192 descriptors are open in the agent") ? true : nil
            }
            for _ in 0..<60 { followers.append(try cluster.start(["martlet", "get", "pods", "-w"])) }
            try eventually("the server to be out of descriptors", within: 30) {
                try open() >= 188 ? true : nil
            }
            followers = []
            try eventually("the server to answer again", within: 60) {
                try cluster.martlet("get", "pods").code == 0 ? true : nil
            }
            try eventually("the node to recover", within: 40) {
                try cluster.martlet("describe", "nodes").out.contains("EnoughDescriptors") ? true : nil
            }
            #expect(try cluster.pod("first").container("first").restarts == 0)
            try cluster.run("second", "command: [sleep, '1000']")
        }
    }
}
