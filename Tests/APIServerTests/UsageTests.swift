import APIServer
import Model
import Synchronization
import Testing
import Wire

/// `metrics.k8s.io`: what nodes and pods use.
@Suite struct UsageTests {
    let api: TestAPI
    static let base = "/apis/metrics.k8s.io/v1beta1"

    init() throws {
        api = try TestAPI()
        for (name, node) in [("p", "node-1"), ("far", "node-2")] {
            let pod: JSONValue = [
                "metadata": ["uid": .string("uid-\(name)"), "labels": ["app": .string(name)]],
                "spec": ["nodeName": .string(node)],
            ]
            try api.store(TestAPI.pod(name, pod), .pod)
        }
        for name in ["node-1", "node-2"] {
            let made = api.post("/api/v1/nodes", ["metadata": ["name": .string(name)]])
            #expect(made.status == 201, "\(made.text)")
        }
    }

    private func measure() {
        api.bridge.used.withLock {
            $0 = NodeUsage(
                time: Timestamp(seconds: 1_700_000_000), window: .milliseconds(5003),
                node: .init(cpuNanocores: 1_500_000_000, memoryBytes: 3 << 30),
                pods: ["uid-p": ["web": .init(cpuNanocores: 250_000_001, memoryBytes: 64 << 20)]])
        }
    }

    @Test func `what a node measured is told in Kubernetes' shapes`() throws {
        measure()
        let node = try JSONValue(parsing: api.get("\(Self.base)/nodes/node-1").text)
        #expect(node["kind"]?.string == "NodeMetrics")
        #expect(node["usage"] == ["cpu": "1500000000n", "memory": "3145728Ki"])
        #expect(node["window"]?.string == "5s3ms")
        #expect(node["timestamp"]?.string == "2023-11-14T22:13:20Z")
        let pod = try JSONValue(parsing: api.get("\(Self.base)/namespaces/default/pods/p").text)
        #expect(pod["kind"]?.string == "PodMetrics")
        #expect(pod["containers"] == [["name": "web", "usage": ["cpu": "250000001n", "memory": "65536Ki"]]])
    }

    @Test(arguments: [
        ("pods", ["p"]), ("namespaces/default/pods", ["p"]), ("namespaces/other/pods", []),
        ("pods?labelSelector=app=p", ["p"]), ("pods?labelSelector=app=far", []), ("nodes", ["node-1"]),
    ])
    func `a list has what is known and nothing else`(path: String, names: [String]) throws {
        measure()
        let list = try JSONValue(parsing: api.get("\(Self.base)/\(path)").text)
        #expect(list["items"]?.array?.map { $0["metadata"]?["name"]?.string ?? "" } == names)
    }

    @Test func `what was not measured yet is missing and not zero`() throws {
        #expect(api.get("\(Self.base)/nodes/node-1").status == 404)
        #expect(try JSONValue(parsing: api.get("\(Self.base)/pods").text)["items"] == [])
    }

    @Test func `nobody sees it who may not see the pods, and nothing can be written`() {
        #expect(api.call("POST", "\(Self.base)/pods").status == 405)
        let guest = api.call("GET", "\(Self.base)/pods", headers: ["authorization": "Bearer guest"])
        #expect(guest.status == 403)
    }

    @Test func `clients find the group`() throws {
        let groups = try JSONValue(parsing: api.get("/apis").text)["groups"]?.array ?? []
        #expect(groups.contains { $0["name"]?.string == "metrics.k8s.io" })
        #expect(api.get(Self.base).text.contains("PodMetrics"))
        #expect(api.get("/apis/metrics.k8s.io").status == 200)
    }
}
