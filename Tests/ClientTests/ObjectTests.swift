import Client
import HTTP
import Model
import Synchronization
import Testing

/// Requests of the typed helpers against a server that plays the API.
struct ObjectTests {
    /// A server that answers with what a table says, and the requests that it got.
    final class Played: Sendable {
        let requests = Mutex<[String]>([])
        private let holder: Mutex<HTTPServer?> = Mutex(nil)

        init(_ answer: @escaping @Sendable (_ request: String, _ query: [String: String]) -> (Int, String)) throws {
            let server = try HTTPServer(config: HTTPServerConfig(address: "127.0.0.1", port: 0)) {
                [weak self] request, responder in
                let query = Dictionary(request.query.map { ($0.name, $0.value) }) { first, _ in first }
                let line = "\(request.method) \(request.path)"
                let shown = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
                let body = String(decoding: request.body, as: UTF8.self)
                self?.requests.withLock { $0.append("\(line)?\(shown) \(body)") }
                let (status, text) = answer(line, query)
                responder.respond(status: status, headers: [], body: Array(text.utf8))
            }
            holder.withLock { $0 = server }
        }

        deinit { holder.withLock { $0 }?.stop() }

        var client: CurlClient {
            get throws { try CurlClient(ClientConfig(server: "http://127.0.0.1:\(holder.withLock { $0?.port } ?? 0)")) }
        }
    }

    static let notFound =
        #"{"kind":"Status","code":404,"reason":"NotFound","message":"apps.martlet.dev \"web\" not found"}"#

    @Test func `an object that is missing is said in one line`() throws {
        let played = try Played { _, _ in (404, Self.notFound) }
        let client = try played.client
        let error = #expect(throws: ClientError.self) { try client.get(App.self, namespace: "shop", name: "web") }
        #expect(error?.isNotFound == true)
        #expect(error?.description == #"apps.martlet.dev "web" not found"#)
        #expect(played.requests.withLock { $0 } == ["GET /apis/martlet.dev/v1/namespaces/shop/apps/web? "])
    }

    @Test func `a list is read page by page`() throws {
        let played = try Played { _, query in
            let page = query["continue"] ?? "0"
            let next = page == "2" ? "" : #","continue":"\#((Int(page) ?? 0) + 1)""#
            return (200, #"{"metadata":{"resourceVersion":"7"\#(next)},"items":[{"metadata":{"name":"n\#(page)"}}]}"#)
        }
        let list = try played.client.list(Node.self)
        #expect(list.items.map(\.name) == ["n0", "n1", "n2"] && list.resourceVersion == "7")
    }

    @Test func `a list whose pages have expired is read at once`() throws {
        let played = try Played { _, query in
            if query["continue"] != nil {
                return (410, #"{"kind":"Status","code":410,"reason":"Expired","message":"x"}"#)
            }
            if query["limit"] == nil { return (200, #"{"metadata":{"resourceVersion":"9"},"items":[{},{}]}"#) }
            return (200, #"{"metadata":{"resourceVersion":"7","continue":"1"},"items":[{}]}"#)
        }
        let list = try played.client.list(.pod, ListSelection { $0.namespace = "shop" })
        #expect(list.items.count == 2 && list.resourceVersion == "9")
    }

    @Test func `changes are written as the API conventions have them`() throws {
        let played = try Played { _, _ in (200, "{}") }
        let client = try played.client
        _ = try client.patch(.app, namespace: "a/b", name: "w", subresource: "scale", .merge, ["x": 1], dryRun: true)
        try client.delete(.pod, namespace: "s", name: "p", gracePeriodSeconds: 0)
        #expect(
            played.requests.withLock { $0 } == [
                #"PATCH /apis/martlet.dev/v1/namespaces/a/b/apps/w/scale?dryRun=All {"x":1}"#,
                #"DELETE /api/v1/namespaces/s/pods/p? {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}"#,
            ])
    }

    @Test func `a watch hands over events and remembers where it is`() throws {
        let events = """
            {"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"5"}}}
            {"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"8"}}}{"type":"NEW","object":{}}
            {"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"9"}}}
            """
        let played = try Played { _, _ in (200, events) }
        let client = try played.client
        var seen: [String] = []
        let selection = ListSelection {
            $0.name = "a"
            $0.labelSelector = "app=web"
        }
        try client.watch(.pod, selection, resourceVersion: "4") { event in
            seen.append(event.resourceVersion)
            return true
        }
        #expect(seen == ["5", "8", "9"])
        var first = 0
        try client.watch(.pod, resourceVersion: nil) { _ in
            first += 1
            return false
        }
        #expect(first == 1)
        let query =
            "labelSelector=app=web&fieldSelector=metadata.name=a&watch=true&allowWatchBookmarks=true&resourceVersion=4"
        #expect(played.requests.withLock { $0.first } == "GET /api/v1/pods?\(query) ")
    }

    @Test func `an error event ends the watch as the error it tells of`() throws {
        let text = #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"#
        let played = try Played { _, _ in (200, text) }
        let client = try played.client
        let error = #expect(throws: ClientError.self) { try client.watch(.pod, resourceVersion: "1") { _ in true } }
        #expect(error?.isExpired == true)
    }

    @Test func `an answer that is no JSON is named`() throws {
        let played = try Played { _, _ in (200, "<html>") }
        let client = try played.client
        let error = #expect(throws: ClientError.self) { try client.get(.pod, namespace: "s", name: "p") }
        #expect(
            error?.description.hasPrefix("the server's answer to GET /api/v1/namespaces/s/pods/p is not JSON") == true)
    }

    @Test func `text is encoded for paths and queries`() {
        #expect(PercentEncoding.encode("a b/é~") == "a%20b%2F%C3%A9~")
        #expect(PercentEncoding.query([("a", "1&2"), ("b", nil), ("c", "")]) == "?a=1%262&c=")
        #expect(PercentEncoding.query([("a", nil)]).isEmpty)
    }
}
