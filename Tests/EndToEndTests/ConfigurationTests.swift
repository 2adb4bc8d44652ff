import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// Environment, Secrets, ConfigMaps and volumes.
    @Suite struct Configuration {
        private static let objects = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: settings}
            data: {colour: green, "app.toml": "a = 1"}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: keys}
            stringData: {token: canary-5f1e9c}
            ---
            apiVersion: v1
            kind: Secret
            metadata: {name: canary}
            stringData: {token: canary-77a0e2}
            ---

            """

        @Test func `a pod waits for a missing Secret and says so, then starts when it is made`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("patient") }
            try cluster.apply(
                cluster.manifest(
                    "patient",
                    "command: [sh, -c, 'echo $TOKEN; exec sleep 1000']\nenv: {TOKEN: {secret: late, key: token}}"))
            try eventually("describe to name the Secret") {
                try cluster.martlet("describe", "app", "patient").out.contains("late") ? true : nil
            }
            #expect(try cluster.pods("patient").allSatisfy { !$0.isReady })
            try cluster.apply("apiVersion: v1\nkind: Secret\nmetadata: {name: late}\nstringData: {token: here}\n")
            try cluster.awaitPod("patient", "ready") { $0.isReady }
            try eventually("the variable") { try cluster.logs("patient") == "here\n" ? true : nil }
        }

        @Test func `variables come from values, Secrets, ConfigMaps and fields, and a changed ConfigMap is a rollout`()
            throws
        {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("reader") }
            try cluster.apply(Self.objects)
            try cluster.run(
                "reader",
                """
                command: [sh, -c, 'echo $PLAIN $COLOUR $TOKEN $NAME $SPACE $ADDRESS; exec sleep 1000']
                env:
                  PLAIN: value
                  COLOUR: {config: settings, key: colour}
                  TOKEN: {secret: keys, key: token}
                  NAME: {field: metadata.name}
                  SPACE: {field: metadata.namespace}
                  ADDRESS: {field: status.podIP}
                """)
            let pod = try cluster.pod("reader")
            try eventually("the variables", last: { (try? cluster.logs("reader")) ?? "" }) {
                try cluster.logs("reader") == "value green canary-5f1e9c \(pod.name) default \(pod.address)\n"
                    ? true : nil
            }
            let patched = try cluster.kubectl(
                "patch", "configmap", "settings", "--type", "merge", "-p", #"{"data":{"colour":"blue"}}"#)
            #expect(patched.code == 0, "\(patched)")
            let next = try cluster.awaitPod("reader", "a pod of another revision") {
                $0.revision != pod.revision && $0.isReady
            }
            try eventually("the new value") {
                try cluster.logs("pod/\(next.name)").hasPrefix("value blue") ? true : nil
            }
        }

        @Test func `volumes of every kind are mounted as asked, and a Secret is never on the disk`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("mounts") }
            try cluster.apply(Self.objects)
            let host = "\(parentDirectory(of: cluster.data))/host"
            try makeDirectories(host, mode: 0o755)
            try writeFile("\(host)/file", create: "from the node\n", mode: 0o644)
            try cluster.run(
                "mounts",
                """
                command: [sh, -c, 'exec sleep 1000']
                volumes:
                  - {name: disk, mountPath: /disk, emptyDir: {}}
                  - {name: memory, mountPath: /memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
                  - {name: folder, mountPath: /folder, readOnly: true, hostPath: {path: \(host), type: Directory}}
                  - {name: made, mountPath: /made, hostPath: {path: \(host)/made, type: DirectoryOrCreate}}
                  - {name: file, mountPath: /file, hostPath: {path: \(host)/file, type: File}}
                  - {name: settings, mountPath: /settings, config: {name: settings, items: [{key: app.toml, path: sub/a.toml}], mode: 0o444}}
                  - {name: keys, mountPath: /keys, secret: {name: canary, mode: 0o404}}
                """)
            let script = """
                touch /disk/a && touch /memory/a && echo writable
                dd if=/dev/zero of=/memory/big bs=64k count=32 2>/dev/null || echo full
                cat /folder/file /file; touch /folder/b 2>/dev/null || echo read-only
                cat /settings/sub/a.toml; echo; ls /settings; stat -L -c %a /settings/sub/a.toml
                cat /keys/token; echo; stat -L -c %a /keys/token
                for d in /disk /memory /settings /keys; do echo $d $(awk -v d=$d '$2 == d {print $3}' /proc/mounts); done
                """
            let output = try cluster.exec("mounts", "sh", "-c", script)
            let disk = output.split(separator: "\n").first { $0.hasPrefix("/disk") } ?? ""
            #expect(!disk.contains("tmpfs"))
            #expect(
                output.split(separator: "\n").filter { !$0.hasPrefix("/disk") } == [
                    "writable", "full", "from the node", "from the node", "read-only", "a = 1", "sub", "444",
                    "canary-77a0e2", "404", "/memory tmpfs", "/settings tmpfs", "/keys tmpfs",
                ], "\(output)")
            #expect(isDirectory("\(host)/made"))
            // The store holds every object, Secrets included: that file is the one known exception.
            for canary in ["canary-77a0e2", "Y2FuYXJ5LTc3YTBlM"] {
                let found = try cluster.run([
                    "grep", "--recursive", "--files-with-matches", "--devices=skip", "--exclude-dir=store", canary,
                    cluster.data,
                ])
                for path in found.lines {
                    #expect(try cluster.run(["stat", "-f", "-c", "%T", path]).out == "tmpfs\n", "\(path)")
                }
            }
        }

        @Test func `a hostPath of the wrong type keeps the pod waiting with the path`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("lost") }
            try cluster.apply(
                cluster.manifest(
                    "lost", "volumes: [{name: gone, mountPath: /gone, hostPath: {path: /etc/passwd, type: Directory}}]")
            )
            let pod = try cluster.awaitPod("lost", "a waiting reason that names the path") {
                $0.container("lost").waitingMessage.contains("/etc/passwd")
            }
            #expect(!pod.isReady)
        }
    }
}
