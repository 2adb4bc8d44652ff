import Glibc
import Linux
import Model
import Testing

extension EndToEnd {
    /// The drill: back up, lose everything that is stored, restore, go on.
    @Suite struct Backups {
        private func withCluster(_ body: (Cluster) throws -> Void) throws {
            let cluster = try Cluster(images: EndToEnd.cluster().images)
            let result = Result { try body(cluster) }
            #expect(try cluster.cleanUp().isEmpty, "nothing is left on the machine")
            try result.get()
        }

        @Test func `a restored cluster is at the backup's revision, and its containers have not noticed`() throws {
            try withCluster { cluster in
                let file = "\(parentDirectory(of: cluster.data))/one.backup"
                try cluster.run("steady", "replicas: 2")
                let pods = try cluster.pods("steady")
                let before = try pods.map { try cluster.firstProcess(of: $0.uid, "steady") }
                let live = try cluster.martlet("backup", "-o", file)
                try #require(live.code == 0 && live.out.contains("with "), "\(live)")
                let again = try cluster.martlet("backup", "-o", file)
                #expect(again.code == 1 && again.err.contains("--force"), "\(again)")
                var status = stat()
                let found = stat(file, &status)
                #expect(found == 0 && status.st_mode & 0o777 == 0o600)
                for target: [String] in [[], [file]] {
                    let check = try cluster.run(["martlet", "fsck"] + target)
                    #expect(check.code == 0 && check.out.contains("nothing is wrong"), "\(check)")
                }

                // What happens after the backup is undone by the restoration, but for what runs.
                try cluster.apply(cluster.manifest("later", "replicas: 1"))
                let refused = try cluster.martlet("restore", "--from", file)
                #expect(refused.code == 1 && refused.err.contains("runs with the data directory"), "\(refused)")
                try cluster.stop(SIGKILL)
                let unforced = try cluster.martlet("restore", "--from", file)
                #expect(unforced.code == 1 && unforced.err.contains("--force"), "\(unforced)")
                let restored = try cluster.martlet("restore", "--from", file, "--force")
                try #require(restored.code == 0, "\(restored)")
                let copy = "\(file)-2"
                #expect(try cluster.martlet("backup", "-o", copy).code == 0)
                #expect(try objects(in: copy) == objects(in: file), "restored to exactly the backup's revision")

                try cluster.start()
                try eventually("both pods ready") {
                    let kept = try cluster.pods("steady")
                    return kept.count == 2 && kept.allSatisfy(\.isReady) ? true : nil
                }
                let kept = try cluster.pods("steady")
                #expect(kept.map(\.uid) == pods.map(\.uid))
                #expect(kept.allSatisfy { $0.container("steady").restarts == 0 })
                let after = try kept.map { try cluster.firstProcess(of: $0.uid, "steady") }
                #expect(before.map(\.pid) == after.map(\.pid) && before.map(\.started) == after.map(\.started))
                #expect(try cluster.pods("later").isEmpty)
                try eventually("the end of what is not in the backup", last: { "\(cluster.supervisors)" }) {
                    cluster.supervisors.count == 2 ? true : nil
                }
                try cluster.run("later", "replicas: 1")
            }
        }

        /// The lines of a backup that say what was stored.
        private func objects(in file: String) throws -> [Substring] {
            try readText(file, limit: 1 << 30).split(separator: "\n").dropFirst().filter {
                $0.hasPrefix("{\"revision\"") || $0.hasPrefix("{\"format\"")
            }
        }

        @Test func `a damaged store is refused with the way to restore it`() throws {
            try withCluster { cluster in
                let file = "\(parentDirectory(of: cluster.data))/one.backup"
                let made = try cluster.martlet("backup", "-o", file)
                try #require(made.code == 0, "\(made)")
                try cluster.stop(SIGKILL)
                let database = "\(cluster.data)/store/martlet.db"
                // The log, with all that was acknowledged since the last checkpoint, is lost.
                try removeDurably("\(database)-wal")

                let up = try cluster.startUp()
                #expect(try up.awaitEnd(seconds: 20) == 3)
                #expect(up.err.contains(database) && up.err.contains("was acknowledged"), "\(up.err)")
                #expect(up.err.contains("martlet restore --from FILE --data-dir \(cluster.data) --force"), "\(up.err)")
                let check = try cluster.martlet("fsck")
                #expect(check.code == 2 && check.err.contains(database), "\(check)")
                let restored = try cluster.martlet("restore", "--from", file, "--force")
                #expect(restored.code == 0 && restored.out.contains("\(cluster.data)/store.old-1"), "\(restored)")
                try cluster.start()
                #expect(try cluster.martlet("get", "apps").code == 0)
            }
        }

        @Test func `a backup that was cut or changed is not restored`() throws {
            try withCluster { cluster in
                let file = "\(parentDirectory(of: cluster.data))/one.backup"
                let made = try cluster.martlet("backup", "-o", file)
                try #require(made.code == 0, "\(made)")
                try cluster.stop()
                let bytes = try readFile(file, limit: 1 << 30)
                var changed = bytes
                changed[bytes.count / 2] ^= 1
                for damaged in [changed, Array(bytes.dropLast()), Array(bytes.prefix(bytes.count / 2)), []] {
                    try writeDurably(file, damaged)
                    let restore = try cluster.martlet("restore", "--from", file, "--force")
                    #expect(restore.code == 2 && restore.err.contains("not a whole backup"), "\(restore)")
                    let check = try cluster.martlet("fsck", file)
                    #expect(check.code == 2 && check.err.contains(file), "\(check)")
                }
                try cluster.start()
            }
        }
    }
}
