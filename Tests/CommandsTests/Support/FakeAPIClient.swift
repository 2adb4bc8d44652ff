import Client
import Model
import Synchronization

/// Answers requests from a table, and records them.
final class FakeAPIClient: APIClient {
    /// A request that was made.
    struct Request: Equatable {
        var method: String
        var path: String
        var body: JSONValue?
    }

    private struct Contents {
        var answers: [String: [APIResponse]] = [:]
        var streams: [String: [UInt8]] = [:]
        var requests: [Request] = []
    }

    let config = ClientConfig(server: "https://test", namespace: "default")
    private let contents = Mutex(Contents())

    /// Every request so far.
    var requests: [Request] { contents.withLock { $0.requests } }
    /// The requests that change something.
    var writes: [Request] { requests.filter { $0.method != "GET" } }

    /// Answers requests of a method and path, query left out; of several answers each is given once, the last for ever.
    func on(_ method: String, _ path: String, status: Int = 200, warning: String? = nil, _ answers: JSONValue...) {
        contents.withLock { contents in
            contents.answers["\(method) \(path)"] = answers.map { body in
                APIResponse(
                    status: status, headers: warning.map { ["warning": "299 - \"\($0)\""] } ?? [:],
                    body: body.serialized())
            }
        }
    }

    /// Answers a streaming request of a path, query left out.
    func onStream(_ path: String, _ bytes: [UInt8]) { contents.withLock { $0.streams[path] = bytes } }

    func send(
        _ method: String, _ path: String, headers: [(name: String, value: String)], body: [UInt8]?
    ) throws(ClientError) -> APIResponse {
        let key = "\(method) \(path.prefix { $0 != "?" })"
        let parsed = body.flatMap { try? JSONValue(parsing: $0) }
        return contents.withLock { contents in
            contents.requests.append(Request(method: method, path: path, body: parsed))
            guard var answers = contents.answers[key], let answer = answers.first else {
                return Self.notFound(key)
            }
            if answers.count > 1 { answers.removeFirst() }
            contents.answers[key] = answers
            return answer
        }
    }

    private static func notFound(_ key: String) -> APIResponse {
        let body: JSONValue = [
            "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404,
            "message": .string("\(key): none"),
        ]
        return APIResponse(status: 404, headers: [:], body: body.serialized())
    }

    func stream(
        _ method: String, _ path: String, headers: [(name: String, value: String)],
        _ handler: (ArraySlice<UInt8>) -> Bool
    ) throws(ClientError) {
        let bytes = contents.withLock { contents in
            contents.requests.append(Request(method: method, path: path))
            return contents.streams.removeValue(forKey: String(path.prefix { $0 != "?" }))
        }
        _ = handler((bytes ?? [])[...])
    }

    func webSocket(_ path: String, subprotocols: [String]) throws(ClientError) -> any ClientWebSocket {
        throw ClientError.unreachable("the double has no WebSockets")
    }
}
