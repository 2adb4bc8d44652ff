import Linux
import Model
import Testing

@testable import Agent

@Test func `a pod comes back from its copy as it was`() throws {
    try withTemporaryFolder { folder in
        let copies = PodCopies(paths: AgentPaths(data: folder, run: folder))
        #expect(copies.load() == [])
        let pods = ["u1", "u2"].map { uid in
            Pod.sample {
                $0.metadata.uid = uid
                $0.metadata.labels = ["tier": "front"]
                $0.spec.containers[0].env = [EnvVar { ($0.name, $0.value) = ("A", "1") }]
            }
        }
        for pod in pods.reversed() { try copies.save(pod) }
        #expect(copies.load() == pods)
        for _ in 1...2 { try copies.remove("u1") }
        #expect(copies.load() == [pods[1]])
    }
}

@Test(arguments: ["", "{", "[]", "{}", "{\"metadata\":{}}", "\u{0}\u{0}", "{\"metadata\":{\"uid\":\"u9\"}}"])
func `a damaged copy is left out`(content: String) throws {
    try withTemporaryFolder { folder in
        let copies = PodCopies(paths: AgentPaths(data: folder, run: folder))
        try copies.save(.sample())
        try writeDurably(copies.paths.podCopy("u2"), text: content)
        try writeDurably("\(copies.paths.podCopies)/u3.json.tmp", text: "{")
        #expect(copies.load() == [.sample()])
        #expect(!fileExists("\(copies.paths.podCopies)/u3.json.tmp"), "what a crash left half written is removed")
    }
}
