import APIServer
import Model
import Store
import Testing
import Wire

@Suite struct ReadTests {
    let api: TestAPI
    init() throws { api = try TestAPI() }

    private func fill(_ names: [String]) {
        for name in names { _ = api.post(TestAPI.configMaps, ["metadata": ["name": .string(name)]]) }
    }
    private func names(_ response: TestResponse) -> [String] {
        response.json["items"]?.array?.compactMap { $0["metadata"]?["name"]?.string } ?? []
    }

    @Test func `pages show the objects of one moment`() {
        fill(["a", "b", "c", "d", "e"])
        let first = api.get(TestAPI.configMaps + "?limit=2")
        #expect(names(first) == ["a", "b"])
        #expect(first.json["metadata"]?["remainingItemCount"] == 3)
        fill(["bb", "z"])
        _ = api.delete(TestAPI.configMaps + "/c")
        let token = first.json["metadata"]?["continue"]?.string ?? ""
        let second = api.get(TestAPI.configMaps + "?limit=2&continue=\(token)")
        #expect(names(second) == ["c", "d"])
        #expect(second.json["metadata"]?["resourceVersion"] == first.json["metadata"]?["resourceVersion"])
        let last = api.get(
            TestAPI.configMaps + "?limit=2&continue=\(second.json["metadata"]?["continue"]?.string ?? "")")
        #expect(names(last) == ["e"])
        #expect(last.json["metadata"]?["continue"] == nil)
        // A page can be asked for again.
        #expect(names(api.get(TestAPI.configMaps + "?limit=2&continue=\(token)")) == ["c", "d"])
    }

    @Test func `a list that was left alone too long starts again`() {
        fill(["a", "b"])
        let token = api.get(TestAPI.configMaps + "?limit=1").json["metadata"]?["continue"]?.string ?? ""
        api.clock.advance(seconds: 301)
        #expect(api.get(TestAPI.configMaps + "?limit=1&continue=\(token)").json["reason"] == "Expired")
        #expect(api.get(TestAPI.configMaps + "?limit=1&continue=bad").status == 400)
    }

    @Test func `a list takes what selectors match`() throws {
        for (name, node) in [("a", "n1"), ("b", "n2"), ("c", "n1")] {
            try api.store(
                TestAPI.pod(
                    name, ["spec": ["nodeName": .string(node)], "metadata": ["labels": ["app": .string(name)]]]),
                .pod)
        }
        #expect(names(api.get("/api/v1/pods?fieldSelector=spec.nodeName=n1")) == ["a", "c"])
        #expect(names(api.get(TestAPI.pods + "?labelSelector=app in (a,b)")) == ["a", "b"])
        #expect(names(api.get(TestAPI.pods + "?fieldSelector=metadata.name=c,spec.nodeName=n1")) == ["c"])
        #expect(names(api.get("/api/v1/namespaces/other/pods")) == [])
        #expect(api.get(TestAPI.pods + "?fieldSelector=spec.image=x").status == 400)
        #expect(api.get(TestAPI.pods + "?labelSelector=a in b").status == 400)
    }

    @Test func `a list tells its revision`() {
        let list = api.get("/api/v1/namespaces").json
        #expect(list["kind"] == "NamespaceList")
        #expect(list["metadata"]?["resourceVersion"]?.string == String(api.store.revision))
        #expect(api.get("/api/v1/namespaces?resourceVersion=0").status == 200)
        #expect(api.get("/api/v1/namespaces?resourceVersion=99999").json["reason"] == "Timeout")
        #expect(api.get("/api/v1/namespaces?resourceVersion=x").status == 400)
    }

    private let tableAccept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    @Test func `people get tables`() {
        fill(["a"])
        api.clock.advance(seconds: 300)
        let table = api.get(TestAPI.configMaps, accept: tableAccept).json
        #expect(table["kind"] == "Table")
        #expect(table["columnDefinitions"]?.array?.map { $0["name"]?.string } == ["Name", "Data", "Age"])
        #expect(table["rows"]?.array?.first?["cells"] == ["a", 0, "5m"])
        #expect(
            api.get(TestAPI.configMaps + "/a?includeObject=None", accept: tableAccept).json["rows"]?.array?.count == 1)
        #expect(api.get(TestAPI.configMaps, accept: "application/yaml").status == 406)
        let partial = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
        #expect(api.get(TestAPI.configMaps + "/a", accept: partial).json["kind"] == "PartialObjectMetadata")
        #expect(api.get(TestAPI.configMaps, accept: partial).json["kind"] == "PartialObjectMetadataList")
    }

    @Test func `what is served can be discovered`() {
        #expect(api.get("/version").json["gitVersion"] == "v1.32.0+martlet.1")
        #expect(api.get("/api").json["kind"] == "APIVersions")
        #expect(api.get("/apis").json["groups"]?.array?.first?["name"] == "martlet.dev")
        #expect(api.get("/apis/martlet.dev").json["kind"] == "APIGroup")
        #expect(api.get("/apis/none").status == 404)
        let core = api.get("/api/v1").json["resources"]?.array?.compactMap { $0["name"]?.string } ?? []
        #expect(core.contains("pods") && core.contains("pods/log") && core.contains("namespaces"))
        let own = api.get("/apis/martlet.dev/v1").json["resources"]?.array ?? []
        #expect(own.contains { $0["name"] == "apps/scale" && $0["kind"] == "Scale" && $0["group"] == "autoscaling" })
        let accept = Discovery.aggregatedMediaType + ",application/json"
        let aggregated = api.get("/apis", accept: accept)
        #expect(aggregated.headers("Content-Type") == [Discovery.aggregatedMediaType])
        #expect(aggregated.json["items"]?.array?.first?["metadata"]?["name"] == "martlet.dev")
        let old = api.get("/apis", accept: "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList")
        #expect(old.json["kind"] == "APIGroupList")
    }

    @Test func `schemas are served once and then known`() {
        let index = api.get("/openapi/v3").json["paths"]
        let url = index?["apis/martlet.dev/v1"]?["serverRelativeURL"]?.string ?? ""
        let document = api.get(url)
        #expect(document.json["components"]?["schemas"]?.object?.count == 2)
        #expect(document.headers("Cache-Control").contains { $0.contains("public") })
        let patch = document.json["paths"]?["/apis/martlet.dev/v1/namespaces/{namespace}/apps/{name}"]?["patch"]
        #expect(
            patch?["parameters"]?.array?.contains { $0["name"] == "fieldValidation" && $0["in"] == "query" } == true)
        let tag = document.headers("ETag").first ?? ""
        let again = api.call("GET", "/openapi/v3/api/v1", headers: ["if-none-match": tag])
        #expect(again.status == 200)
        #expect(api.call("GET", url, headers: ["if-none-match": tag]).status == 304)
        #expect(api.get("/openapi/v2").body.isEmpty)
        #expect(api.get("/openapi/v2").status == 200)
        #expect(api.get("/openapi/v3/apis/none/v1").status == 404)
    }

    @Test(arguments: ["/healthz", "/livez", "/readyz", "/readyz/etcd", "/version"])
    func `anybody may ask whether the server is well`(path: String) {
        #expect(api.call("GET", path, headers: ["authorization": ""]).status == 200)
    }

    @Test func `nobody else gets in without proof`() {
        #expect(api.call("GET", TestAPI.apps, headers: ["authorization": ""]).json["reason"] == "Unauthorized")
        #expect(api.call("GET", TestAPI.apps, headers: ["authorization": "Bearer admi"]).status == 401)
        #expect(api.call("GET", TestAPI.apps, headers: ["authorization": "Bearer admin2"]).status == 401)
        #expect(api.call("GET", TestAPI.apps, headers: ["authorization": "Basic admin"]).status == 401)
        let guest = api.call("GET", TestAPI.apps, headers: ["authorization": "bearer guest"])
        #expect(guest.json["reason"] == "Forbidden")
        #expect(guest.json["message"]?.string?.contains("User \"guest\" cannot list resource \"apps\"") == true)
        #expect(api.call("GET", TestAPI.apps, headers: ["impersonate-user": "root"]).status == 403)
        #expect(api.call("GET", "/metrics", headers: ["authorization": ""]).status == 401)
    }

    @Test(arguments: ["/", "/api/v2/pods", "/apis/martlet.dev/v1/namespaces/a", "/api/v1/pods/a", "/api/v1/none", "/x"])
    func `a path that leads nowhere is not found`(path: String) { #expect(api.get(path).status == 404) }

    @Test func `requests are counted`() {
        _ = api.get(TestAPI.apps)
        let text = api.get("/metrics").text
        #expect(text.contains("martlet_apiserver_requests_total{verb=\"list\",resource=\"apps\",code=\"200\"} 1\n"))
    }

    @Test func `an App's scale is its count`() throws {
        _ = api.post(TestAPI.apps, TestAPI.app("web"))
        _ = api.patch(TestAPI.apps + "/web/status", ["status": ["replicas": 1, "selector": "app=web"]])
        let scale = api.get(TestAPI.apps + "/web/scale").json
        #expect(scale["apiVersion"] == "autoscaling/v1")
        #expect(scale["status"] == ["replicas": 1, "selector": "app=web"])
        #expect(api.patch(TestAPI.apps + "/web/scale", ["spec": ["replicas": 4]]).json["spec"]?["replicas"] == 4)
        var wanted = api.get(TestAPI.apps + "/web/scale").json
        wanted["spec"] = ["replicas": 2]
        #expect(api.put(TestAPI.apps + "/web/scale", wanted).status == 200)
        #expect(api.put(TestAPI.apps + "/web/scale", wanted).status == 409)
        #expect(api.get(TestAPI.apps + "/web").json["metadata"]?["generation"] == 3)
        #expect(api.patch(TestAPI.apps + "/web/scale", ["spec": ["replicas": -1]]).status == 422)
        _ = api.patch(TestAPI.apps + "/web", ["spec": ["replicas": nil, "autoscale": TestAPI.autoscale]])
        let owned = api.patch(TestAPI.apps + "/web/scale", ["spec": ["replicas": 3]])
        #expect(owned.status == 422)
        #expect(owned.json["message"]?.string?.contains("spec.autoscale decides") == true)
    }
}
