import APIServer
import Glibc
import HTTP
import Model
import Store
import Synchronization
import Wire

/// Identities that count, so that tests know them.
final class CountingIDs: IDSource {
    private let count = Atomic<Int>(0)
    func uid() -> String { "uid-\(count.add(1, ordering: .relaxed).newValue)" }
    func suffix(length: Int) -> String {
        let text = String(count.add(1, ordering: .relaxed).newValue)
        return String(repeating: "x", count: length - text.count) + text
    }
}

/// A clock that tests set.
final class TestClock: Sendable {
    private let value = Mutex(TimeSpan.zero)
    var elapsed: TimeSpan { value.withLock { $0 } }
    var now: Timestamp { Timestamp(seconds: 1_700_000_000) + elapsed }
    func advance(seconds: Int64) { value.withLock { $0 = $0 + .seconds(seconds) } }
}

/// An API server over an empty memory store, called without sockets.
final class TestAPI: Sendable {
    let store = MemoryStore()
    let clock = TestClock()
    let server: APIServer
    let bridge = FakeBridge()

    /// Makes a server; the namespace `default` is there.
    init() throws {
        let (clock, bridge) = (clock, bridge)
        server = APIServer(
            store: store, clock: { clock.now }, monotonic: { clock.elapsed }, ids: CountingIDs(),
            authenticator: StaticAuthenticator(tokens: [
                "admin": Identity(name: "admin", groups: ["system:masters"]),
                "guest": Identity(name: "guest", groups: []),
            ]), nodeBridge: { $0 == "node-1" ? bridge : nil })
        let result = post("/api/v1/namespaces", ["metadata": ["name": "default"]])
        guard result.status == 201 else { throw TestFailure("cannot make the namespace: \(result.text)") }
    }

    deinit { server.stop() }

    static let apps = "/apis/martlet.dev/v1/namespaces/default/apps"
    static let pods = "/api/v1/namespaces/default/pods"
    static let configMaps = "/api/v1/namespaces/default/configmaps"

    func call(
        _ method: String, _ target: String, body: [UInt8] = [], headers: [String: String] = [:]
    ) -> TestResponse {
        let responder = TestResponder()
        server.handle(Self.request(method, target, body: body, headers: headers), responder)
        return responder.wait()
    }

    func get(_ target: String, accept: String? = nil) -> TestResponse {
        call("GET", target, headers: accept.map { ["accept": $0] } ?? [:])
    }
    func post(_ target: String, _ body: JSONValue) -> TestResponse { call("POST", target, body: body.serialized()) }
    func put(_ target: String, _ body: JSONValue) -> TestResponse { call("PUT", target, body: body.serialized()) }
    func delete(_ target: String, _ body: JSONValue? = nil) -> TestResponse {
        call("DELETE", target, body: body?.serialized() ?? [])
    }
    func patch(_ target: String, _ body: JSONValue, type: String = "merge-patch+json") -> TestResponse {
        call("PATCH", target, body: body.serialized(), headers: ["content-type": "application/\(type)"])
    }

    /// Starts a request whose answer is a stream.
    func watch(_ target: String, accept: String? = nil) -> TestResponder {
        let responder = TestResponder()
        server.handle(Self.request("GET", target, headers: accept.map { ["accept": $0] } ?? [:]), responder)
        return responder
    }

    /// Lets time pass and has the open watches notice it at once: a new one makes the server look at its clock.
    func pass(seconds: Int64) {
        clock.advance(seconds: seconds)
        _ = watch("/api/v1/namespaces?watch=true").wait()
    }

    /// Puts a document into the store as the control plane does.
    @discardableResult
    func store(_ document: JSONValue, _ type: ResourceType) throws -> StoredObject? {
        let name = document["metadata"]?["name"]?.string ?? ""
        let key = ObjectKey(type, namespace: document["metadata"]?["namespace"]?.string ?? "default", name: name)
        return try store.commit(StoreTransaction(writes: [.put(key, document)])).events.first?.object
    }

    static func request(
        _ method: String, _ target: String, body: [UInt8] = [], headers: [String: String] = [:]
    ) -> HTTPRequest {
        let parts = target.split(separator: "?", maxSplits: 1).map(String.init)
        let query = parts.count < 2 ? [] : parts[1].split(separator: "&").map(String.init)
        var headers = headers
        if headers["authorization"] == nil { headers["authorization"] = "Bearer admin" }
        return HTTPRequest(
            method: method, path: parts[0],
            query: query.map { item in
                let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                return (pair[0], pair.count > 1 ? pair[1] : "")
            }, headers: headers, body: body)
    }

    static let autoscale: JSONValue = ["min": 1, "max": 3, "metrics": [["type": "Concurrency", "target": 50]]]

    static func app(_ name: String, image: String = "oci:/images/web", _ change: JSONValue = [:]) -> JSONValue {
        let base: JSONValue = [
            "apiVersion": "martlet.dev/v1", "kind": "App", "metadata": ["name": .string(name)],
            "spec": ["image": .string(image)],
        ]
        return MergePatch.apply(change, to: base)
    }

    static func pod(_ name: String, _ change: JSONValue = [:]) -> JSONValue {
        let base: JSONValue = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name), "namespace": "default"],
            "spec": ["containers": [["name": "web", "image": "oci:/images/web"]]],
        ]
        return MergePatch.apply(change, to: base)
    }
}

struct TestFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// An answer.
struct TestResponse {
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
    func headers(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
}

/// Takes an answer and lets the test wait for it.
final class TestResponder: HTTPResponder {
    private let response = Mutex<TestResponse?>(nil)
    private let isDone = Signal()
    let body = TestStream()
    let upgraded = Mutex<[(name: String, value: String)]>([])

    func respond(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        response.withLock { $0 = TestResponse(status: status, headers: headers, body: body) }
        isDone.send()
    }

    func stream(status: Int, headers: [(name: String, value: String)]) -> any HTTPStream {
        response.withLock { $0 = TestResponse(status: status, headers: headers, body: []) }
        isDone.send()
        return body
    }

    func upgrade(
        headers: [(name: String, value: String)],
        _ handler: @escaping @Sendable (_ descriptor: Int32, _ early: [UInt8]) -> Void
    ) {
        respond(status: 101, headers: headers, body: [])
    }

    /// The answer, or its beginning; a body of unknown length is in `body`.
    func wait() -> TestResponse {
        isDone.wait()
        return response.withLock { $0 } ?? TestResponse(status: 0, headers: [], body: [])
    }
}

/// A semaphore.
final class Signal: @unchecked Sendable {
    // Safe: the pointer never changes, and semaphores are made to be used from several threads.
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    func send() { sem_post(semaphore) }

    /// Waits for a signal; false when none came for a long time, so that a broken test ends.
    @discardableResult func wait() -> Bool {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        time.tv_sec += 30
        while sem_timedwait(semaphore, &time) != 0 {
            if errno != EINTR { return false }
        }
        return true
    }
}
