import APIServer
import Model
import Store
import Testing
import Wire

@Suite struct DeleteTests {
    let api: TestAPI
    init() throws { api = try TestAPI() }

    @Test func `an object without finalizers goes at once`() {
        _ = api.post(TestAPI.configMaps, ["metadata": ["name": "c"]])
        let gone = api.delete(TestAPI.configMaps + "/c", ["propagationPolicy": "Background"])
        #expect(gone.json["status"] == "Success")
        #expect(gone.json["details"]?["name"] == "c")
        #expect(api.get(TestAPI.configMaps + "/c").status == 404)
    }

    @Test func `an object with finalizers stays until they are gone`() throws {
        _ = api.post(TestAPI.configMaps, ["metadata": ["name": "c", "finalizers": ["a.b/c", "a.b/d"]]])
        let marked = api.delete(TestAPI.configMaps + "/c")
        #expect(marked.status == 200)
        #expect(marked.json["metadata"]?["deletionTimestamp"] != nil)
        let again = api.delete(TestAPI.configMaps + "/c")
        #expect(again.json == marked.json)
        let added = api.patch(TestAPI.configMaps + "/c", ["metadata": ["finalizers": ["a.b/c", "a.b/x"]]])
        #expect(added.status == 422)
        #expect(api.patch(TestAPI.configMaps + "/c", ["metadata": ["finalizers": ["a.b/c"]]]).status == 200)
        #expect(api.get(TestAPI.configMaps + "/c").status == 200)
        #expect(api.patch(TestAPI.configMaps + "/c", ["metadata": ["finalizers": nil]]).status == 200)
        #expect(api.get(TestAPI.configMaps + "/c").status == 404)
    }

    @Test func `a pod that runs is given time to stop`() throws {
        _ = api.post(TestAPI.pods, TestAPI.pod("p", ["spec": ["terminationGracePeriodSeconds": 20]]))
        var pod = api.get(TestAPI.pods + "/p").json
        pod["spec"]?["nodeName"] = "node-1"
        try api.store(pod, .pod)
        let first = api.delete(TestAPI.pods + "/p").json["metadata"]
        #expect(first?["deletionGracePeriodSeconds"] == 20)
        #expect(first?["deletionTimestamp"] == "2023-11-14T22:13:40Z")
        api.clock.advance(seconds: 5)
        let longer = api.delete(TestAPI.pods + "/p", ["gracePeriodSeconds": 60]).json["metadata"]
        #expect(longer?["deletionGracePeriodSeconds"] == 20)
        let shorter = api.delete(TestAPI.pods + "/p?gracePeriodSeconds=10").json["metadata"]
        #expect(shorter?["deletionGracePeriodSeconds"] == 10)
        #expect(shorter?["deletionTimestamp"] == "2023-11-14T22:13:30Z")
        #expect(api.patch(TestAPI.pods + "/p/status", ["status": ["phase": "Running"]]).status == 200)
        #expect(api.get(TestAPI.pods + "/p").status == 200)
        let wrong = api.delete(TestAPI.pods + "/p", ["gracePeriodSeconds": 0, "preconditions": ["uid": "x"]])
        #expect(wrong.status == 409)
        let uid = first?["uid"] ?? ""
        let last = api.delete(TestAPI.pods + "/p", ["gracePeriodSeconds": 0, "preconditions": ["uid": uid]])
        #expect(last.json["status"] == "Success")
        #expect(api.get(TestAPI.pods + "/p").status == 404)
    }

    @Test(
        arguments: [
            (nil, "Running", false), ("node-1", "Succeeded", false), ("node-1", "Failed", false),
            ("node-1", "Pending", true),
        ] as [(String?, String, Bool)])
    func `only a pod that a node may run needs time`(node: String?, phase: String, stays: Bool) throws {
        var pod = TestAPI.pod("p", ["status": ["phase": .string(phase)]])
        if let node { pod["spec"]?["nodeName"] = .string(node) }
        try api.store(pod, .pod)
        #expect(api.delete(TestAPI.pods + "/p").status == 200)
        #expect((api.get(TestAPI.pods + "/p").status == 200) == stays)
    }

    @Test func `a namespace goes when it has been emptied`() throws {
        let made = api.post("/api/v1/namespaces", ["metadata": ["name": "shop"]])
        #expect(made.json["metadata"]?["finalizers"] == ["martlet.dev/namespace"])
        #expect(made.json["status"]?["phase"] == "Active")
        #expect(api.delete("/api/v1/namespaces/shop").json["status"]?["phase"] == "Terminating")
        let late = api.post("/api/v1/namespaces/shop/configmaps", ["metadata": ["name": "c"]])
        #expect(late.status == 403)
        #expect(late.json["details"]?["causes"]?.array?.first?["reason"] == "NamespaceTerminating")
        #expect(api.delete("/api/v1/namespaces/default").json["reason"] == "Forbidden")
    }

    @Test func `a collection is deleted by selector`() {
        for (name, tier) in [("a", "x"), ("b", "x"), ("c", "y")] {
            _ = api.post(TestAPI.configMaps, ["metadata": ["name": .string(name), "labels": ["tier": .string(tier)]]])
        }
        let gone = api.call("DELETE", TestAPI.configMaps + "?labelSelector=tier=x")
        #expect(gone.json["items"]?.array?.count == 2)
        #expect(api.get(TestAPI.configMaps).json["items"]?.array?.count == 1)
        #expect(api.call("DELETE", "/api/v1/configmaps").status == 405)
    }

    @Test func `an App's pods are never left without it`() {
        _ = api.post(TestAPI.apps, TestAPI.app("web"))
        #expect(api.delete(TestAPI.apps + "/web", ["propagationPolicy": "Orphan"]).status == 400)
        #expect(api.delete(TestAPI.apps + "/web", ["propagationPolicy": "Sideways"]).status == 400)
        #expect(api.delete(TestAPI.apps + "/web", ["propagationPolicy": "Foreground"]).status == 200)
    }
}
