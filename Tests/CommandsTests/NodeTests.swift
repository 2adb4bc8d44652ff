import Agent
import Model
import Testing

@testable import Commands

private let pod = Pod {
    $0.metadata.name = "web-1"
    $0.metadata.namespace = "shop"
    $0.metadata.uid = "p1"
}

@Test func `a pod's status is a merge patch that takes back what is no longer so`() throws {
    let client = FakeAPIClient()
    client.on("PATCH", "/api/v1/namespaces/shop/pods/web-1/status", ["kind": "Pod"])
    var status = PodStatus()
    status.phase = "Running"
    status.podIP = "10.0.0.2"
    try NodeAPIConnection(client).update(status, of: pod)
    let body = try #require(client.writes.first?.body)
    #expect(body["metadata"]?["uid"] == "p1", "another pod of the same name is not meant")
    #expect(body["status"]?["phase"] == "Running")
    #expect(body["status"]?["podIP"] == "10.0.0.2")
    #expect(body["status"]?["reason"] == .null)
    #expect(body["status"]?["message"] == .null)
}

@Test func `a status names the version that it follows, so that one that comes late is refused`() throws {
    let client = FakeAPIClient()
    let path = "/api/v1/namespaces/shop/pods/web-1"
    var seen = pod
    seen.metadata.resourceVersion = "7"
    let connection = NodeAPIConnection(client)
    client.on("PATCH", path + "/status", ["metadata": ["resourceVersion": "9"]])
    try connection.update(PodStatus(), of: seen)
    try connection.update(PodStatus(), of: seen)
    #expect(client.writes.map { $0.body?["metadata"]?["resourceVersion"] } == ["7", "9"])
}

@Test func `a status that was refused because the pod changed follows the pod as it is`() {
    let client = FakeAPIClient()
    let path = "/api/v1/namespaces/shop/pods/web-1"
    var seen = pod
    seen.metadata.resourceVersion = "7"
    client.on("PATCH", path + "/status", status: 409, ["kind": "Status", "code": 409, "message": "changed"])
    client.on("GET", path, ["metadata": ["name": "web-1", "uid": "p1", "resourceVersion": "8"], "spec": [:]])
    #expect(throws: ConnectionError.unreachable("the pod changes too often")) {
        try NodeAPIConnection(client).update(PodStatus(), of: seen)
    }
    #expect(client.writes.map { $0.body?["metadata"]?["resourceVersion"] } == ["7", "8", "8", "8"])
    client.on("GET", path, ["metadata": ["name": "web-1", "uid": "p2", "resourceVersion": "8"], "spec": [:]])
    #expect(throws: ConnectionError.notFound("changed")) { try NodeAPIConnection(client).update(PodStatus(), of: seen) }
}

@Test func `a pod is released only if it is still the same`() throws {
    let client = FakeAPIClient()
    client.on("DELETE", "/api/v1/namespaces/shop/pods/web-1", ["kind": "Status"])
    try NodeAPIConnection(client).release(pod)
    #expect(client.writes.first?.body?["preconditions"] == ["uid": "p1"])
    #expect(client.writes.first?.body?["gracePeriodSeconds"] == 0)
}

@Test(arguments: [
    (404, ConnectionError.notFound("why")), (409, .notFound("why")), (403, .refused("why")), (422, .refused("why")),
    (500, .unreachable("why")), (429, .unreachable("why")),
])
func `answers of the API become what the agent tells apart`(status: Int, error: ConnectionError) {
    let client = FakeAPIClient()
    client.on(
        "DELETE", "/api/v1/namespaces/shop/pods/web-1", status: status,
        ["kind": "Status", "code": .integer(Int64(status)), "message": "why"])
    #expect(throws: error) { try NodeAPIConnection(client).release(pod) }
}

@Test func `an event that repeats counts one up`() throws {
    let client = FakeAPIClient()
    let events = "/api/v1/namespaces/shop/events"
    client.on("POST", events, status: 201, ["metadata": ["name": "e1"]])
    let connection = NodeAPIConnection(client)
    let event = PodEvent(isWarning: true, reason: "BackOff", message: "again")
    try connection.record(event, of: pod, node: "n1")
    let made = try #require(client.writes.first)
    #expect((made.method, made.path) == ("POST", events))
    #expect(made.body?["involvedObject"]?["uid"] == "p1")
    #expect(made.body?["type"] == "Warning")
    #expect(made.body?["count"] == 1)
    let name = made.body?["metadata"]?["name"]?.string ?? "e1"
    client.on("PATCH", "\(events)/\(name)", [:])
    client.on("PATCH", "\(events)/e1", [:])
    try connection.record(event, of: pod, node: "n1")
    try connection.record(event, of: pod, node: "n1")
    #expect(client.writes.map(\.method) == ["POST", "PATCH", "PATCH"])
    #expect(client.writes.compactMap { $0.body?["count"]?.integer } == [1, 2, 3])
    try connection.record(PodEvent(reason: "Other", message: "else"), of: pod, node: "n1")
    #expect(client.writes.last?.method == "POST")
}

@Test func `a node that has not changed writes nothing`() throws {
    let client = FakeAPIClient()
    let node = Node {
        $0.metadata.name = "n1"
        $0.metadata.labels = ["zone": "a"]
        $0.status = NodeStatus {
            $0.conditions = [Condition("Ready", true, reason: "Up", message: "")]
        }
    }
    client.on("POST", "/api/v1/nodes", status: 201, node.document)
    client.on("PATCH", "/api/v1/nodes/n1", [:])
    client.on("PATCH", "/api/v1/nodes/n1/status", [:])
    let connection = NodeAPIConnection(client)
    try connection.register(node)
    #expect(client.writes.map(\.method) == ["POST", "PATCH"])
    var live = node.document
    live["status"] = try #require(client.writes.last?.body?["status"])
    client.on("GET", "/api/v1/nodes/n1", live)
    try connection.register(node)
    #expect(client.writes.count == 2)
    var moved = node
    moved.metadata.labels["zone"] = "b"
    try connection.register(moved)
    #expect(client.writes.last?.body?["metadata"]?["labels"] == ["zone": "b"])
}

@Test func `names of an installation follow from its directory and fit their limits`() {
    let standard = Installation(data: Installation.defaultData)
    #expect((standard.run, standard.bridge, standard.cgroupRoot) == ("/run/martlet", "martlet0", "martlet"))
    let long = Installation(data: "/srv/" + String(repeating: "x", count: 200))
    let other = Installation(data: "/srv/other")
    #expect(long.bridge.utf8.count <= 15 && long.run.utf8.count < 40)
    #expect(Set([standard.bridge, long.bridge, other.bridge]).count == 3)
    #expect(long == Installation(data: long.data))
    #expect(other.adminKubeconfig == "/srv/other/admin.kubeconfig")
}

@Test func `resolvers on the loopback are no use in a pod`() {
    let text =
        "# local\nnameserver 127.0.0.53\nnameserver ::1\nnameserver\t10.0.0.1\nsearch example.com\noptions edns0\n"
    #expect(
        ResolverConfiguration.filtered(text)
            == "# local\nnameserver\t10.0.0.1\nsearch example.com\noptions edns0\n")
}
