import APIServer
import Model
import Store
import Testing
import Wire

@Suite struct WriteTests {
    let api: TestAPI
    init() throws { api = try TestAPI() }

    @Test func `a new object gets what the server gives`() throws {
        let made = api.post(TestAPI.apps, TestAPI.app("web"))
        #expect(made.status == 201)
        let metadata = made.json["metadata"]
        #expect(metadata?["uid"]?.string?.hasPrefix("uid-") == true)
        #expect(metadata?["creationTimestamp"] == "2023-11-14T22:13:20Z")
        #expect(metadata?["generation"] == 1)
        #expect(metadata?["namespace"] == "default")
        #expect(metadata?["resourceVersion"]?.string == String(api.store.revision))
        #expect(made.json["spec"]?["replicas"] == 1)
        #expect(api.get(TestAPI.apps + "/web").json == made.json)
        #expect(api.post(TestAPI.apps, TestAPI.app("web")).json["reason"] == "AlreadyExists")
    }

    @Test func `a name is completed`() {
        var app = TestAPI.app("x")
        app["metadata"] = ["generateName": "web-"]
        let names = (0..<2).map { _ in api.post(TestAPI.apps, app).json["metadata"]?["name"]?.string ?? "" }
        #expect(names.allSatisfy { $0.hasPrefix("web-x") && $0.count == 9 })
        #expect(names[0] != names[1])
        app["metadata"] = [:]
        #expect(api.post(TestAPI.apps, app).status == 422)
    }

    @Test(
        arguments: [
            ("POST", TestAPI.apps, #"{"kind":"Pod"}"#, 400, "BadRequest"),
            ("POST", TestAPI.apps, #"{"metadata":{"name":"a","namespace":"b"}}"#, 400, "BadRequest"),
            ("POST", TestAPI.apps, "{", 400, "BadRequest"), ("POST", TestAPI.apps, "[]", 400, "BadRequest"),
            ("POST", TestAPI.apps, #"{"metadata":{"name":"a","resourceVersion":"1"}}"#, 400, "BadRequest"),
            ("POST", TestAPI.apps, #"{"metadata":{"name":"a"},"spec":{}}"#, 422, "Invalid"),
            ("POST", TestAPI.apps, #"{"metadata":{"name":"A B"},"spec":{"image":"oci:/x"}}"#, 422, "Invalid"),
            (
                "POST", "/apis/martlet.dev/v1/namespaces/none/apps",
                #"{"metadata":{"name":"a"},"spec":{"image":"oci:/x"}}"#,
                404, "NotFound"
            ),
            ("PUT", TestAPI.apps + "/none", #"{"spec":{"image":"oci:/x"}}"#, 404, "NotFound"),
            ("PATCH", TestAPI.apps + "/none", "{}", 404, "NotFound"),
            ("DELETE", TestAPI.apps + "/none", "", 404, "NotFound"),
            ("POST", TestAPI.apps + "?dryRun=Some", "{}", 400, "BadRequest"),
            ("POST", TestAPI.apps + "?fieldValidation=Lax", "{}", 400, "BadRequest"),
            ("PUT", TestAPI.apps, "{}", 405, "MethodNotAllowed"),
            ("POST", TestAPI.apps + "/web", "{}", 405, "MethodNotAllowed"),
            ("POST", "/apis/martlet.dev/v1/apps", "{}", 400, "BadRequest"),
        ] as [(String, String, String, Int, String)])
    func `a request that makes no sense is refused`(
        method: String, target: String, body: String, code: Int, reason: String
    ) {
        let type = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        let answer = api.call(method, target, body: Array(body.utf8), headers: ["content-type": type])
        #expect(answer.status == code)
        #expect(answer.json["reason"]?.string == reason)
        #expect(answer.json["kind"] == "Status")
        #expect(answer.json["message"]?.string?.isEmpty == false)
    }

    @Test func `a body of another format is refused`() {
        let answer = api.call("POST", TestAPI.apps, body: [1], headers: ["content-type": "text/plain; charset=utf-8"])
        #expect(answer.status == 415)
        #expect(api.call("PATCH", TestAPI.apps + "/a", headers: ["content-type": "application/json"]).status == 415)
    }

    @Test func `what does not fit the schema is named field by field`() {
        let body = TestAPI.app("web", ["spec": ["replicas": -1, "ports": [["name": "http", "port": 80000]]]])
        let answer = api.post(TestAPI.apps, body)
        #expect(answer.status == 422)
        let fields = answer.json["details"]?["causes"]?.array?.compactMap { $0["field"]?.string } ?? []
        #expect(Set(fields) == ["spec.replicas", "spec.ports[0].port"])
        #expect(answer.json["details"]?["kind"] == "App")
    }

    @Test func `an unknown field is an error, a warning or nothing`() {
        let body = TestAPI.app("web", ["spec": ["bogus": 1]])
        let strict = api.post(TestAPI.apps + "?fieldValidation=Strict", body)
        #expect(strict.status == 400)
        #expect(strict.json["message"]?.string?.contains("strict decoding error: unknown field \"spec.bogus\"") == true)
        let warned = api.post(TestAPI.apps + "?fieldValidation=Warn", body)
        #expect(warned.status == 201)
        #expect(warned.json["spec"]?["bogus"] == nil)
        #expect(warned.headers("Warning") == ["299 - \"unknown field \\\"spec.bogus\\\"\""])
        let ignored = api.put(TestAPI.apps + "/web?fieldValidation=Ignore", body)
        #expect(ignored.headers("Warning").isEmpty)
        #expect(ignored.json["spec"]?["bogus"] == nil)
    }

    @Test func `a field without effect is told of`() {
        let body = TestAPI.app("web", ["spec": ["rollout": ["strategy": "Canary"]]])
        let warnings = api.post(TestAPI.apps, body).headers("Warning")
        #expect(warnings == ["299 - \"spec.rollout.strategy is accepted and stored, but has no effect yet\""])
    }

    @Test func `a dry run shows what would be and stores nothing`() throws {
        _ = api.post(TestAPI.apps, TestAPI.app("web"))
        let revision = api.store.revision
        #expect(api.post(TestAPI.apps + "?dryRun=All", TestAPI.app("other")).json["spec"]?["replicas"] == 1)
        let patched = api.patch(TestAPI.apps + "/web?dryRun=All", ["spec": ["replicas": 4]])
        #expect(patched.json["spec"]?["replicas"] == 4)
        #expect(patched.json["metadata"]?["generation"] == 2)
        #expect(api.put(TestAPI.apps + "/web?dryRun=All", TestAPI.app("web", image: "oci:/y")).status == 200)
        #expect(api.delete(TestAPI.apps + "/web", ["dryRun": ["All"]]).status == 200)
        #expect(api.delete(TestAPI.apps + "/web?dryRun=All").status == 200)
        #expect(api.call("DELETE", TestAPI.apps + "?dryRun=All").status == 200)
        #expect(
            api.patch(TestAPI.apps + "/web/scale?dryRun=All", ["spec": ["replicas": 9]]).json["spec"]?["replicas"] == 9)
        #expect(api.store.revision == revision)
    }

    @Test func `a stale resource version is a conflict`() throws {
        let made = api.post(TestAPI.apps, TestAPI.app("web")).json
        _ = api.patch(TestAPI.apps + "/web", ["spec": ["replicas": 2]])
        let put = api.put(TestAPI.apps + "/web", made)
        #expect(put.json["reason"] == "Conflict")
        let version = made["metadata"]?["resourceVersion"] ?? ""
        let patch = api.patch(
            TestAPI.apps + "/web", ["metadata": ["resourceVersion": version], "spec": ["replicas": 3]])
        #expect(patch.status == 409)
        let uid = api.patch(TestAPI.apps + "/web", ["metadata": ["uid": "other"]])
        #expect(uid.status == 409)
        #expect(api.delete(TestAPI.apps + "/web", ["preconditions": ["uid": "other"]]).status == 409)
        #expect(api.delete(TestAPI.apps + "/web", ["preconditions": ["resourceVersion": version]]).status == 409)
        #expect(api.put(TestAPI.apps + "/web", TestAPI.app("web")).status == 200)
        #expect(api.put(TestAPI.apps + "/web", TestAPI.app("other")).status == 400)
    }

    @Test func `a change that changes nothing keeps the resource version`() {
        let made = api.post(TestAPI.apps, TestAPI.app("web")).json
        #expect(api.patch(TestAPI.apps + "/web", [:]).json == made)
        #expect(api.put(TestAPI.apps + "/web", TestAPI.app("web")).json == made)
    }

    @Test func `the generation counts changes of the spec only`() {
        _ = api.post(TestAPI.apps, TestAPI.app("web"))
        let labelled = api.patch(TestAPI.apps + "/web", ["metadata": ["labels": ["a": "b"], "generation": 7]]).json
        #expect(labelled["metadata"]?["generation"] == 1)
        let changed = api.patch(TestAPI.apps + "/web", ["spec": ["image": "oci:/y"]]).json
        #expect(changed["metadata"]?["generation"] == 2)
    }

    @Test func `what the server gave cannot be changed`() {
        let made = api.post(TestAPI.apps, TestAPI.app("web")).json
        let patch = api.patch(
            TestAPI.apps + "/web",
            ["metadata": ["creationTimestamp": "2000-01-01T00:00:00Z", "deletionTimestamp": "2000-01-01T00:00:00Z"]])
        #expect(patch.json == made)
    }

    @Test func `annotations come back byte for byte`() throws {
        let text = "{\"a\":\"b\\n\"}\n\té\u{1F600} </&"
        let made = api.post(TestAPI.apps, TestAPI.app("web", ["metadata": ["annotations": ["x": .string(text)]]]))
        #expect(made.json["metadata"]?["annotations"]?["x"] == .string(text))
    }

    @Test func `the status is written through its subresource only`() throws {
        _ = api.post(TestAPI.apps, TestAPI.app("web", ["status": ["replicas": 9]]))
        #expect(api.get(TestAPI.apps + "/web").json["status"] == nil)
        let written = api.patch(
            TestAPI.apps + "/web/status",
            ["status": ["replicas": 2], "spec": ["replicas": 5], "metadata": ["labels": ["a": "b"]]])
        #expect(written.json["status"]?["replicas"] == 2)
        #expect(written.json["spec"]?["replicas"] == 1)
        #expect(written.json["metadata"]?["labels"] == nil)
        #expect(written.json["metadata"]?["generation"] == 1)
        let kept = api.put(TestAPI.apps + "/web", TestAPI.app("web", ["status": ["replicas": 7]]))
        #expect(kept.json["status"]?["replicas"] == 2)
    }

    @Test func `a patch of any kind is applied`() {
        _ = api.post(TestAPI.apps, TestAPI.app("web"))
        let target = TestAPI.apps + "/web"
        let json: JSONValue = [["op": "replace", "path": "/spec/replicas", "value": 3]]
        #expect(api.patch(target, json, type: "json-patch+json").json["spec"]?["replicas"] == 3)
        let strategic = api.patch(target, ["spec": ["replicas": 4]], type: "strategic-merge-patch+json")
        #expect(strategic.json["spec"]?["replicas"] == 4)
        #expect(api.patch(target, ["spec": ["replicas": 5]]).json["spec"]?["replicas"] == 5)
        let failed = api.patch(target, [["op": "test", "path": "/spec/replicas", "value": 1]], type: "json-patch+json")
        #expect(failed.status == 422)
        #expect(api.patch(target, [["op": "nope"]], type: "json-patch+json").status == 400)
    }

    @Test func `server-side apply makes or merges and says what it does not do`() {
        let app = TestAPI.app("web")
        let made = api.patch(TestAPI.apps + "/web?fieldManager=kubectl", app, type: "apply-patch+yaml")
        #expect(made.status == 201)
        #expect(made.headers("Warning").count == 1)
        let merged = api.patch(
            TestAPI.apps + "/web", TestAPI.app("web", ["spec": ["replicas": 2]]), type: "apply-patch+yaml")
        #expect(merged.status == 200)
        #expect(merged.json["spec"]?["replicas"] == 2)
    }

    @Test func `server-side apply reads YAML`() {
        func apply(_ text: String) -> TestResponse {
            api.call(
                "PATCH", TestAPI.apps + "/web", body: Array(text.utf8),
                headers: ["content-type": "application/apply-patch+yaml"])
        }
        let head = "apiVersion: martlet.dev/v1\nkind: App\nmetadata: {name: web}\nspec:\n"
        let made = apply("# The shop.\n\(head)  image: oci:/images/web\n  env: {A: \"1\"}\n  replicas: 2\n")
        #expect(made.status == 201)
        #expect(made.headers("Warning").count == 1)
        #expect(made.json["spec"]?["env"]?["A"] == "1")
        #expect(made.json["spec"]?["replicas"] == 2)
        for (text, message) in [
            ("\(head)  image: [", "the body is no YAML document: "),
            ("\(head)  replicas: 010", "the body is no YAML document: 5:13: 010 is octal to some YAML readers"),
            ("a: 1\na: 2", "the body is no YAML document: 2:1: "),
            ("a: 1\n---\nb: 2", "the body must be one YAML document, not 2"),
            ("- a", "the patch must be an object, not a"),
        ] {
            let refused = apply(text)
            #expect(refused.status == 400)
            #expect(refused.json["message"]?.string?.hasPrefix(message) == true, "\(refused.text)")
        }
    }

    @Test func `patches cannot make an object grow without end`() {
        let text = JSONValue.string(String(repeating: "x", count: 1 << 20))
        let app = TestAPI.apps + "/web"
        #expect(api.post(TestAPI.apps, TestAPI.app("web", ["spec": ["env": ["A": text]]])).status == 201)
        #expect(api.patch(app, ["spec": ["env": ["B": text]]]).status == 200)
        let refused = api.patch(app, ["spec": ["env": ["C": text]]])
        #expect(refused.status == 413)
        #expect(refused.json["reason"] == "RequestEntityTooLarge")
        let copies = (0..<1000).map { index -> JSONValue in
            ["op": "copy", "from": "/spec/env/A", "path": .string("/spec/env/COPY_\(index)")]
        }
        #expect(api.patch(app, .array(copies), type: "json-patch+json").status == 413)
        #expect(api.get(app).json["spec"]?["env"]?.object?.members.count == 2)
    }

    @Test func `of very many warnings the first are told`() {
        var app = TestAPI.app("web")
        for index in 0..<2000 { app["spec"]?["unknown-\(index)"] = 1 }
        let made = api.post(TestAPI.apps, app)
        #expect(made.status == 201)
        let warnings = made.headers("Warning")
        #expect(warnings.first == "299 - \"unknown field \\\"spec.unknown-0\\\"\"")
        #expect(warnings.count > 50 && warnings.count < 200)
    }

    @Test func `a default count gives way to an autoscaler`() {
        _ = api.post(TestAPI.apps, TestAPI.app("web"))
        let scaled = api.patch(TestAPI.apps + "/web", ["spec": ["autoscale": TestAPI.autoscale]])
        #expect(scaled.status == 200)
        #expect(scaled.json["spec"]?["replicas"] == nil)
        #expect(api.patch(TestAPI.apps + "/web", ["spec": ["replicas": 3]]).status == 422)
    }

    @Test func `a secret's text is kept as bytes`() {
        let made = api.post(
            "/api/v1/namespaces/default/secrets", ["metadata": ["name": "s"], "stringData": ["user": "admin"]])
        #expect(made.json["data"]?["user"] == "YWRtaW4=")
        #expect(made.json["stringData"] == nil)
        #expect(made.json["type"] == "Opaque")
    }

    @Test func `a protobuf body makes a config map`() {
        // k8s\0, then Unknown{1: TypeMeta{1: v1, 2: ConfigMap}, 2: ConfigMap{1: {1: "c"}, 2: {1: "k", 2: "v"}}}.
        let object: [UInt8] = [0x0A, 3, 0x0A, 1, 0x63, 0x12, 6, 0x0A, 1, 0x6B, 0x12, 1, 0x76]
        let head: [UInt8] = [0x0A, 2, 0x76, 0x31, 0x12, 9] + Array("ConfigMap".utf8)
        let unknown = [0x0A, UInt8(head.count)] + head + [0x12, UInt8(object.count)] + object
        let headers = ["content-type": "application/vnd.kubernetes.protobuf"]
        let made = api.call("POST", TestAPI.configMaps, body: [0x6B, 0x38, 0x73, 0] + unknown, headers: headers)
        #expect(made.status == 201)
        #expect(made.json["data"] == ["k": "v"])
        #expect(made.json["metadata"]?["name"] == "c")
        for length in 0..<unknown.count {
            let body = [0x6B, 0x38, 0x73, 0] + unknown.prefix(length)
            #expect(api.call("POST", TestAPI.configMaps, body: body, headers: headers).status >= 400)
        }
    }

    @Test func `concurrent patches are all applied`() throws {
        _ = api.post(TestAPI.configMaps, ["metadata": ["name": "c"]])
        let responders = (0..<50).map { index in
            let responder = TestResponder()
            let request = TestAPI.request(
                "PATCH", TestAPI.configMaps + "/c", body: Array("{\"data\":{\"k\(index)\":\"v\"}}".utf8),
                headers: ["content-type": "application/merge-patch+json"])
            api.server.handle(request, responder)
            return responder
        }
        #expect(responders.allSatisfy { $0.wait().status == 200 })
        #expect(api.get(TestAPI.configMaps + "/c").json["data"]?.object?.count == 50)
    }
}
