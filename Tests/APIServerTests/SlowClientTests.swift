import APIServer
import HTTP
import Model
import Store
import Synchronization
import Testing
import Wire

/// Clients that read more slowly than there is something to say.
@Suite struct SlowClientTests {
    let api: TestAPI
    init() throws { api = try TestAPI() }

    private static let large = JSONValue.string(String(repeating: "x", count: 100 << 10))
    private static let mebibyte = 1 << 20

    private func storeLarge(count: Int) throws {
        for index in 0..<count {
            try api.store(
                [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": .string("large-\(100 + index)"), "namespace": "default"],
                    "data": ["k": Self.large],
                ], .configMap)
        }
    }

    /// Starts a watch whose client does not read.
    private func pausedWatch(_ query: String) -> TestResponder {
        let responder = TestResponder()
        responder.body.pause()
        api.server.handle(TestAPI.request("GET", TestAPI.configMaps + query), responder)
        return responder
    }

    @Test func `what a watch begins with is sent as fast as its client reads`() throws {
        try storeLarge(count: 50)
        let query = "?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        let watch = pausedWatch(query)
        #expect(watch.body.waitUntilFull())
        #expect(watch.body.largestBacklog < Self.mebibyte + 110 << 10)
        try storeLarge(count: 1)
        _ = api.delete(TestAPI.configMaps + "/large-100")
        watch.body.resume()
        let events = watch.body.events(52)
        #expect(events.count == 52)
        #expect(events.prefix(50).allSatisfy { $0["type"] == "ADDED" })
        #expect(events.dropFirst(50).map { $0["type"]?.string } == ["BOOKMARK", "DELETED"])
    }

    @Test func `changes are sent as fast as a client reads`() throws {
        let watch = pausedWatch("?watch=true")
        _ = watch.wait()
        try storeLarge(count: 50)
        #expect(watch.body.waitUntilFull())
        #expect(watch.body.largestBacklog < Self.mebibyte + 110 << 10)
        watch.body.resume()
        let names = watch.body.events(50).compactMap { $0["object"]?["metadata"]?["name"]?.string }
        #expect(names == (0..<50).map { "large-\(100 + $0)" })
    }

    @Test func `a client that is too far behind is told to list again`() throws {
        let watch = pausedWatch("?watch=true")
        _ = watch.wait()
        try storeLarge(count: 20)
        #expect(watch.body.waitUntilFull())
        let writes = (0...20_000).map { index in
            let name = "c\(index)"
            return StoreWrite.put(
                ObjectKey(.configMap, namespace: "default", name: name),
                [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": .string(name), "namespace": "default"],
                ])
        }
        _ = try api.store.commit(StoreTransaction(writes: writes))
        watch.body.resume()
        #expect(watch.body.waitForEnd())
        let last = watch.body.events(1).last
        #expect(last?["type"] == "ERROR")
        #expect(last?["object"]?["code"] == 410)
        #expect(api.get("/metrics").text.contains("martlet_apiserver_watches 0\n"))
    }

    @Test func `a watch whose client has gone while it was behind is forgotten`() throws {
        try storeLarge(count: 20)
        let watch = pausedWatch("?watch=true")
        #expect(watch.body.waitUntilFull())
        watch.body.hangUp()
        #expect(api.get("/metrics").text.contains("martlet_apiserver_watches 0\n"))
    }

    @Test func `a log is read as fast as its client reads`() throws {
        try api.store(
            TestAPI.pod(
                "p",
                [
                    "metadata": ["uid": "u"], "spec": ["nodeName": "node-1"],
                    "status": ["containerStatuses": [["name": "web", "state": ["running": [:]]]]],
                ]), .pod)
        let line = [UInt8](repeating: 0x61, count: 64 << 10)
        api.bridge.writer.withLock { $0 = { sink in for _ in 0..<100 where !sink.write(line) { break } } }
        let log = TestResponder()
        log.body.pause()
        api.server.handle(TestAPI.request("GET", TestAPI.pods + "/p/log"), log)
        #expect(log.body.waitUntilFull())
        #expect(log.body.largestBacklog <= Self.mebibyte + line.count)
        log.body.resume()
        #expect(log.body.waitForEnd())
        #expect(log.body.text.utf8.count == 100 * line.count)
    }
}
