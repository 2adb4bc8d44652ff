import APIServer
import Client
import Glibc
import HTTP
import Model
import PKI
import Store
import Synchronization
import Testing
import Wire

/// Who may do what, and long answers, from a client's certificate to the store and back.
@Suite struct SecureServerTests {
    private static let namespaces = "/api/v1/namespaces"
    private static let pods = "/api/v1/namespaces/default/pods"
    private static let shop: JSONValue = ["metadata": ["name": "shop"]]

    private func node(_ name: String) -> JSONValue {
        ["apiVersion": "v1", "kind": "Node", "metadata": ["name": .string(name)], "status": ["capacity": ["cpu": "2"]]]
    }

    @Test func `an administrator's certificate may do everything`() throws {
        let server = try SecureServer()
        let admin = try server.client(as: "ann", groups: ["system:masters"])
        #expect(try admin.send("POST", Self.namespaces, Self.shop).status == 201)
        #expect(try admin.send("GET", Self.namespaces + "/shop").status == 200)
        #expect(try admin.send("DELETE", Self.namespaces + "/shop").status == 200)
    }

    @Test func `a node's certificate may register the node and write what it observes`() throws {
        let server = try SecureServer()
        let agent = try server.client(as: "system:node:n", groups: ["system:nodes"])
        #expect(try agent.send("POST", "/api/v1/nodes", node("n")).status == 201)
        var seen = try agent.send("GET", "/api/v1/nodes/n").document
        seen[path: ["status", "capacity", "cpu"]] = "4"
        let written = try agent.send("PUT", "/api/v1/nodes/n/status", seen)
        #expect(written.document["status"]?["capacity"]?["cpu"] == "4")
        // The group alone names no node.
        let other = try server.client(as: "bob", groups: ["system:nodes"])
        #expect(try other.send("GET", "/api/v1/nodes/n").status == 403)
    }

    @Test func `everything at once is for administrators alone`() throws {
        let server = try SecureServer()
        let admin = try server.client(as: "ann", groups: ["system:masters"])
        #expect(try admin.send("GET", "/snapshot").status == 200)
        #expect(try admin.send("POST", "/snapshot", Self.shop).status == 405)
        for (name, groups) in [("system:node:n", ["system:nodes"]), ("bob", ["ops"])] {
            #expect(try server.client(as: name, groups: groups).send("GET", "/snapshot").status == 403)
        }
    }

    @Test func `a certificate without a group that may do anything is known and refused`() throws {
        let server = try SecureServer()
        let user = try server.client(as: "bob", groups: ["ops"])
        let refused = try user.send("POST", Self.namespaces, Self.shop)
        #expect(refused.status == 403)
        #expect(
            refused.document["message"]?.string?.contains("User \"bob\" cannot create resource \"namespaces\"") == true)
        #expect(try user.send("GET", "/api").status == 200)
    }

    @Test func `another authority's certificate is refused, also beside a token that is right`() throws {
        let server = try SecureServer()
        let foreign = try CertificateAuthority.generate(commonName: "test", now: KubectlCluster.now().seconds)
        let client = try server.client(as: "ann", groups: ["system:masters"], of: foreign)
        let refused = try client.send("GET", Self.namespaces)
        #expect(refused.status == 401)
        #expect(refused.document["reason"] == "Unauthorized")
        let header = [(name: "Authorization", value: "Bearer secret")]
        #expect(try client.send("GET", Self.namespaces, headers: header).status == 401)
    }

    @Test(arguments: [nil, "", "secre", "secret2", "SECRET"])
    func `nobody gets in without a credential that is right`(token: String?) throws {
        let server = try SecureServer()
        let client = try server.client(token: token)
        let refused = try client.send("GET", Self.namespaces)
        #expect(refused.status == 401)
        #expect(refused.headers["www-authenticate"] == "Bearer realm=\"martlet\"")
        #expect(try client.send("GET", "/metrics").status == 401)
        #expect(try client.send("GET", "/healthz").status == 200)
        #expect(try server.client(token: "secret").send("GET", Self.namespaces).status == 200)
    }

    @Test(arguments: ["Impersonate-User", "Impersonate-Group", "Impersonate-Extra-Reason"])
    func `nobody acts as somebody else`(header: String) throws {
        let server = try SecureServer()
        let admin = try server.client(as: "ann", groups: ["system:masters"])
        let refused = try admin.send("GET", Self.namespaces, headers: [(header, "root")])
        #expect(refused.status == 403)
        #expect(refused.document["message"]?.string?.hasSuffix("impersonation is not supported") == true)
    }

    @Test func `two hundred megabytes of a log arrive whole`() throws {
        let store = MemoryStore()
        let server = try SecureServer(store: store)
        let pod = TestAPI.pod(
            "p",
            [
                "metadata": ["uid": "u"], "spec": ["nodeName": "node-1"],
                "status": ["containerStatuses": [["name": "web", "state": ["running": [:]]]]],
            ])
        let key = ObjectKey(.pod, namespace: "default", name: "p")
        _ = try store.commit(StoreTransaction(writes: [.put(key, pod)]))
        let lines = [UInt8]((0..<(200 << 10)).map { $0 % 200 == 199 ? 0x0A : 0x61 })
        server.bridge.writer.withLock { $0 = { sink in for _ in 0..<1000 where !sink.write(lines) { break } } }
        var received = 0
        try server.client(token: "secret").stream("GET", Self.pods + "/p/log") { bytes in
            received += bytes.count
            return true
        }
        #expect(received == 1000 * lines.count)
    }

    @Test func `a watch goes on after a restart, or says that it cannot`() throws {
        let directory = "/tmp/martlet-test-api-\(UInt32.random(in: 0...UInt32.max))"
        #expect(mkdir(directory, 0o700) == 0)
        defer {
            for name in ["", "-wal", "-shm", "-reserve", "-mark"] { unlink("\(directory)/store.db\(name)") }
            rmdir(directory)
        }
        let first = try SQLiteStore(path: directory + "/store.db")
        let before = try SecureServer(store: first)
        _ = try before.client(token: "secret").send("POST", Self.namespaces, ["metadata": ["name": "a"]])
        let revision = first.revision
        _ = try before.client(token: "secret").send("POST", Self.namespaces, ["metadata": ["name": "b"]])
        before.stop()
        first.close()

        let second = try SQLiteStore(path: directory + "/store.db")
        let after = try SecureServer(store: second)
        let client = try after.client(token: "secret")
        _ = try client.send("POST", Self.namespaces, ["metadata": ["name": "c"]])
        let path = Self.namespaces + "?watch=true&resourceVersion=\(revision)"
        var text: [UInt8] = []
        try client.stream("GET", path) { bytes in
            text += bytes
            return text.count { $0 == 0x0A } < 2
        }
        let names = text.split(separator: 0x0A).prefix(2).map {
            (try? JSONValue(parsing: Array($0)))?["object"]?["metadata"]?["name"]?.string
        }
        #expect(names == ["b", "c"])

        second.compact(before: second.revision)
        let expired = #expect(throws: ClientError.self) { try client.stream("GET", path) { _ in true } }
        #expect(expired?.isExpired == true)
        after.stop()
        second.close()
    }
}
