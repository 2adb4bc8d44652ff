import Testing

extension EndToEnd {
    /// What the commands answer to manifests, good and bad.
    @Suite struct Manifests {
        @Test(arguments: [
            ("spec: {image: x, replcas: 3}", ["replcas", "replicas", ":4"]),
            ("spec: {replicas: 3}", ["spec.image"]),
            ("spec: {image: x, replicas: -1}", ["spec.replicas"]),
            ("spec: {image: x, stop: {gracePeriod: soon}}", ["spec.stop.gracePeriod"]),
            ("spec: {image: x, replicas: 1, autoscale: {min: 1, max: 2}}", ["replicas", "autoscale"]),
            ("spec: {image: x", ["4:7"]),
        ])
        func `a bad manifest is refused with the place and the field, and nothing is made`(
            spec: String, words: [String]
        ) throws {
            let cluster = try EndToEnd.cluster()
            let manifest = "apiVersion: martlet.dev/v1\nkind: App\nmetadata: {name: bad}\n\(spec)\n"
            let output = try cluster.martlet("apply", "-f", "-", input: manifest)
            #expect(output.code != 0)
            for word in words { #expect(output.err.contains(word), "\(output)") }
            #expect(try cluster.martlet("get", "app", "bad").code == 1)
        }

        @Test func `a dry run and a diff change nothing and tell what would be done`() throws {
            let cluster = try EndToEnd.cluster()
            defer { cluster.delete("planned") }
            let manifest = cluster.manifest("planned", "replicas: 0")
            for mode in ["--dry-run", "--dry-run=client"] {
                let output = try cluster.martlet("apply", "-f", "-", mode, input: manifest)
                #expect(output.code == 0 && output.out.contains("dry run"), "\(output)")
                #expect(try cluster.martlet("get", "app", "planned").code == 1)
            }
            let new = try cluster.martlet("diff", "-f", "-", input: manifest)
            #expect(new.code == 1 && new.out.contains("+"), "\(new)")
            try cluster.apply(manifest)
            let same = try cluster.martlet("diff", "-f", "-", input: manifest)
            #expect(same.code == 0 && same.out.isEmpty, "\(same)")
            let changed = try cluster.martlet(
                "diff", "-f", "-", input: cluster.manifest("planned", "replicas: 0\nargs: [x]"))
            #expect(changed.code == 1 && changed.out.contains("args"), "\(changed)")
            let bad = try cluster.martlet("diff", "-f", "-", input: "kind: App\n")
            #expect(bad.code > 1, "\(bad)")
            let again = try cluster.martlet("apply", "-f", "-", input: manifest)
            #expect(again.out == "app.martlet.dev/planned unchanged\n", "\(again)")
        }

        @Test func `deleting what is not there is an error unless it is asked for`() throws {
            let cluster = try EndToEnd.cluster()
            let output = try cluster.martlet("delete", "app", "nobody")
            #expect(output.code == 1 && output.err.contains("\"nobody\" not found"), "\(output)")
            let ignoring = try cluster.martlet("delete", "app", "nobody", "--ignore-not-found")
            #expect(ignoring.code == 0 && ignoring.text.isEmpty, "\(ignoring)")
        }
    }
}
