import APIServer
import Model
import Store
import Testing
import Wire

@Suite struct WatchTests {
    let api: TestAPI
    init() throws { api = try TestAPI() }

    private func make(_ name: String, _ labels: JSONValue = [:]) {
        _ = api.post(TestAPI.configMaps, ["metadata": ["name": .string(name), "labels": labels]])
    }
    private func shown(_ events: [JSONValue]) -> [String] {
        events.map { "\($0["type"]?.string ?? "?") \($0["object"]?["metadata"]?["name"]?.string ?? "?")" }
    }

    @Test(arguments: ["", "&resourceVersion=0"])
    func `a watch without a revision begins with what is there`(query: String) {
        make("a")
        let watch = api.watch(TestAPI.configMaps + "?watch=true" + query)
        #expect(shown(watch.body.events(1)) == ["ADDED a"])
        make("b")
        _ = api.patch(TestAPI.configMaps + "/b", ["data": ["k": "v"]])
        _ = api.delete(TestAPI.configMaps + "/a")
        #expect(shown(watch.body.events(4)) == ["ADDED a", "ADDED b", "MODIFIED b", "DELETED a"])
        api.server.stop()
        #expect(watch.body.waitForEnd())
    }

    @Test func `a watch from a revision shows only what follows`() {
        make("a")
        let revision = api.store.revision
        make("b")
        let watch = api.watch(TestAPI.configMaps + "?watch=true&resourceVersion=\(revision)")
        #expect(shown(watch.body.events(1)) == ["ADDED b"])
        let named = api.watch(
            TestAPI.configMaps + "?watch=1&resourceVersion=\(revision)&fieldSelector=metadata.name=c")
        make("x")
        make("c")
        #expect(shown(named.body.events(1)) == ["ADDED c"])
    }

    @Test func `a watch from a revision of something else misses nothing that came before it began`() {
        make("a")
        let revision = api.store.revision
        make("c")
        let named = api.watch(
            TestAPI.configMaps + "?watch=1&resourceVersion=\(revision)&fieldSelector=metadata.name=c")
        #expect(shown(named.body.events(1)) == ["ADDED c"])
    }

    @Test func `an object that comes to match is added, one that no longer does is deleted`() {
        make("a", ["tier": "x"])
        let watch = api.watch(TestAPI.configMaps + "?watch=true&labelSelector=tier=x")
        #expect(shown(watch.body.events(1)) == ["ADDED a"])
        _ = api.patch(TestAPI.configMaps + "/a", ["metadata": ["labels": ["tier": "y"]]])
        let left = watch.body.events(2)
        #expect(shown(left).last == "DELETED a")
        #expect(left.last?["object"]?["metadata"]?["labels"]?["tier"] == "x")
        #expect(left.last?["object"]?["metadata"]?["resourceVersion"]?.string == String(api.store.revision))
        _ = api.patch(TestAPI.configMaps + "/a", ["metadata": ["labels": ["tier": "z"]]])
        _ = api.patch(TestAPI.configMaps + "/a", ["metadata": ["labels": ["tier": "x"]]])
        _ = api.delete(TestAPI.configMaps + "/a")
        #expect(shown(watch.body.events(4)) == ["ADDED a", "DELETED a", "ADDED a", "DELETED a"])
    }

    @Test func `a revision that is gone is refused, before the stream or in it`() throws {
        for name in ["a", "b", "c"] { make(name) }
        api.store.compact(before: api.store.revision)
        let refused = api.watch(TestAPI.configMaps + "?watch=true&resourceVersion=1").wait()
        #expect(refused.status == 410)
        #expect(refused.json["reason"] == "Expired")
        let watch = api.watch(TestAPI.configMaps + "?watch=true")
        _ = watch.body.events(3)
        api.store.close()
        let events = watch.body.events(4)
        #expect(events.last?["type"] == "ERROR")
        #expect(events.last?["object"]?["kind"] == "Status")
        #expect(watch.body.waitForEnd())
    }

    @Test func `a revision of the future is refused`() {
        #expect(api.watch(TestAPI.configMaps + "?watch=true&resourceVersion=99999").wait().status == 410)
        #expect(api.watch(TestAPI.configMaps + "?watch=true&resourceVersion=x").wait().status == 400)
    }

    @Test func `a watch ends when its time is over, with a bookmark for those who want one`() {
        make("a")
        let plain = api.watch(TestAPI.configMaps + "?watch=true&timeoutSeconds=1")
        let marked = api.watch(TestAPI.configMaps + "?watch=true&timeoutSeconds=1&allowWatchBookmarks=true")
        _ = marked.body.events(1)
        // Nothing that these watches see, but the store moves on.
        _ = api.post("/api/v1/namespaces", ["metadata": ["name": "other"]])
        api.pass(seconds: 1)
        #expect(plain.body.waitForEnd())
        #expect(marked.body.waitForEnd())
        #expect(shown(plain.body.events(9)) == ["ADDED a"])
        let last = marked.body.events(9).last
        #expect(last?["type"] == "BOOKMARK")
        #expect(last?["object"]?["kind"] == "ConfigMap")
        #expect(last?["object"]?["metadata"]?["resourceVersion"]?.string == String(api.store.revision))
    }

    @Test func `an idle watch learns every minute how far the store has come`() {
        make("a")
        let watch = api.watch(TestAPI.configMaps + "?watch=true&allowWatchBookmarks=true")
        let plain = api.watch(TestAPI.configMaps + "?watch=true")
        #expect(shown(watch.body.events(1)) == ["ADDED a"])
        for round in 1...3 {
            // Nothing that this watch sees.
            _ = api.post("/api/v1/namespaces", ["metadata": ["name": .string("other-\(round)")]])
            let revision = api.store.revision
            api.pass(seconds: 60)
            let last = watch.body.events(1 + round).last
            #expect(last?["type"] == "BOOKMARK")
            #expect(last?["object"]?["metadata"]?["resourceVersion"]?.string == String(revision))
        }
        make("b")
        #expect(shown(plain.body.events(2)) == ["ADDED a", "ADDED b"])
        #expect(watch.body.events(5).count == 5)
    }

    @Test func `a client may ask for a watch of any length`() {
        let watch = api.watch(TestAPI.configMaps + "?watch=true&timeoutSeconds=\(Int64.max)")
        make("a")
        #expect(shown(watch.body.events(1)) == ["ADDED a"])
    }

    @Test func `the end of the initial events is marked for those who ask`() {
        make("a")
        let query = "?watch=true&sendInitialEvents=true&allowWatchBookmarks=true"
        let watch = api.watch(TestAPI.configMaps + query + "&resourceVersionMatch=NotOlderThan")
        let mark = watch.body.events(2).last
        #expect(mark?["type"] == "BOOKMARK")
        #expect(mark?["object"]?["metadata"]?["annotations"] == ["k8s.io/initial-events-end": "true"])
        #expect(api.watch(TestAPI.configMaps + query).wait().status == 422)
    }

    @Test func `people watch tables`() {
        make("a")
        let watch = api.watch(
            TestAPI.configMaps + "?watch=true", accept: "application/json;as=Table;v=v1;g=meta.k8s.io")
        let event = watch.body.events(1).first
        #expect(event?["object"]?["kind"] == "Table")
        #expect(event?["object"]?["rows"]?.array?.first?["cells"] == ["a", 0, "0s"])
    }

    @Test func `a watch that nobody reads any more is forgotten`() {
        let watch = api.watch(TestAPI.configMaps + "?watch=true")
        _ = watch.wait()
        #expect(api.get("/metrics").text.contains("martlet_apiserver_watches 1\n"))
        watch.body.hangUp()
        #expect(api.get("/metrics").text.contains("martlet_apiserver_watches 0\n"))
    }

    @Test func `a thousand watchers see every change in order`() {
        let watches = (0..<1000).map { _ in api.watch(TestAPI.configMaps + "?watch=true") }
        for name in ["a", "b", "c"] { make(name) }
        for watch in watches { #expect(shown(watch.body.events(3)) == ["ADDED a", "ADDED b", "ADDED c"]) }
        api.server.stop()
        for watch in watches { #expect(watch.body.waitForEnd()) }
    }
}
