import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// Init containers and sidecars.
    @Suite struct ContainerOrder {
        @Test
        func
            `init containers run one after the other, and a sidecar starts before the main container and ends after it`()
            throws
        {
            let cluster = try EndToEnd.cluster()
            let directory = "\(parentDirectory(of: cluster.data))/order"
            try makeDirectories(directory, mode: 0o755)
            chmod(directory, 0o777)
            let mount = "volumeMounts: [{name: order, mountPath: /order}]"
            // The first init container takes the longest: the order is not by chance.
            try cluster.run(
                "ordered",
                """
                command: [sh, -c, 'echo main >> /order/log; trap "echo main ends >> /order/log; exit 0" TERM; while :; do sleep 0.05; done']
                stop: {gracePeriod: 10s, drain: 0s}
                volumes: [{name: order, mountPath: /order, hostPath: {path: \(directory), type: Directory}}]
                initContainers:
                  - {name: one, command: [sh, -c, 'sleep 0.3; echo one >> /order/log'], \(mount)}
                  - {name: two, command: [sh, -c, 'echo two >> /order/log'], \(mount)}
                sidecars:
                  - {name: helper, command: [sh, -c, 'echo helper >> /order/log; trap "echo helper ends >> /order/log; exit 0" TERM; while :; do sleep 0.05; done'], \(mount)}
                """)
            try cluster.deleteAndWait("ordered")
            #expect(
                try readText("\(directory)/log") == "one\ntwo\nhelper\nmain\nmain ends\nhelper ends\n")
        }

        @Test func `a failing init container is tried again, holds the others back and says why`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("stuck") }
            try cluster.apply(
                cluster.manifest(
                    "stuck",
                    """
                    volumes: [{name: order, emptyDir: {}}]
                    initContainers:
                      - name: prepare
                        command: [sh, -c, 'test -f /order/tried && exit 0; touch /order/tried; echo not yet; exit 5']
                        volumeMounts: [{name: order, mountPath: /order}]
                    """))
            let failing = try cluster.awaitPod("stuck", "a failed init container") {
                $0.container("prepare").exitCode == 5
            }
            #expect(!failing.container("stuck").isRunning)
            #expect(failing.condition("Initialized")?["message"]?.string?.contains("prepare") == true)
            let ready = try cluster.awaitPod("stuck", "ready") { $0.isReady }
            #expect(ready.container("prepare").restarts == 1)
            #expect(try cluster.logs("stuck", "-c", "prepare", "--previous") == "not yet\n")
        }

        @Test func `a sidecar that ends is restarted and the main container goes on`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("escort") }
            try cluster.run("escort", "sidecars: [{name: helper, command: [sh, -c, 'exec sleep 1000']}]")
            let pod = try cluster.pod("escort")
            let main = try cluster.firstProcess(of: pod.uid, "escort")
            kill(try cluster.firstProcess(of: pod.uid, "helper").pid, SIGKILL)
            let after = try cluster.awaitPod("escort", "a restarted sidecar") {
                $0.container("helper").restarts == 1 && $0.isReady
            }
            #expect(after.container("escort").restarts == 0)
            #expect(try cluster.firstProcess(of: pod.uid, "escort") == main)
        }
    }
}
