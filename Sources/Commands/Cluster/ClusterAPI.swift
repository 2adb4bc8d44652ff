import Client
import Model

/// The API as commands use it: documents by type, namespace and name; errors ready to be shown.
struct ClusterAPI: Sendable {
    let client: any APIClient
    /// The namespace that is meant where none is given.
    let namespace: String

    /// Makes one request that must succeed, and returns the document in its answer.
    func request(
        _ method: String, _ path: String, accept: String = "application/json", contentType: String = "application/json",
        body: JSONValue? = nil
    ) throws -> (document: JSONValue, warnings: [String]) {
        var headers = [(name: "Accept", value: accept)]
        if body != nil { headers.append((name: "Content-Type", value: contentType)) }
        let answer = try client.send(method, path, headers: headers, body: body?.serialized())
        let document = try? JSONValue(parsing: answer.body)
        guard answer.status < 400 else { throw Self.failure(answer, document) }
        guard let document else { throw ClientError.badResponse("the answer to \(method) \(path) is not JSON") }
        return (document, answer.headers["warning"].map(Self.warnings) ?? [])
    }

    private static func failure(_ answer: APIResponse, _ document: JSONValue?) -> ClientError {
        .status(
            code: answer.status, reason: document?["reason"]?.string ?? "",
            message: document?["message"]?.string ?? String(decoding: answer.body.prefix(500), as: UTF8.self),
            details: document?["details"])
    }

    /// The texts of a `Warning` header: `299 - "text"` (RFC 7234, section 5.5).
    private static func warnings(_ header: String) -> [String] {
        header.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    /// One object; nil when there is none.
    func find(_ type: ResourceType, namespace: String, name: String) throws -> JSONValue? {
        do {
            return try request("GET", type.path(namespace: namespace, name: escaped(name))).document
        } catch ClientError.status(code: 404, _, let message, _) where !message.contains("could not find") {
            return nil
        }
    }

    /// One object.
    func get(_ type: ResourceType, namespace: String, name: String) throws -> JSONValue {
        try request("GET", type.path(namespace: namespace, name: escaped(name))).document
    }

    /// The objects of a type, in one namespace or in all, that selectors pick.
    func list(
        _ type: ResourceType, namespace: String?, labels: String? = nil, fields: String? = nil
    ) throws -> [JSONValue] {
        let path = type.path(namespace: namespace) + query([("labelSelector", labels), ("fieldSelector", fields)])
        let items = try request("GET", path).document["items"]?.array ?? []
        // Items of a list may leave out what the list says for all of them.
        return items.map { item in
            guard item["kind"] == nil else { return item }
            var object = JSONObject()
            object["apiVersion"] = .string(type.apiVersion)
            object["kind"] = .string(type.kind)
            for member in item.object?.members ?? [] { object[member.name] = member.value }
            return .object(object)
        }
    }

    /// The objects of a type as typed values.
    func list<T: Resource>(_ type: T.Type, namespace: String?, labels: String? = nil, fields: String? = nil) throws
        -> [T]
    {
        try list(T.type, namespace: namespace, labels: labels, fields: fields).map { try T(json: $0) }
    }

    /// Watches a type from a revision on, until the watch ends or the handler returns false.
    ///
    /// - Parameter handler: receives `ADDED`, `MODIFIED`, `DELETED` and the object or table.
    func watch(
        _ type: ResourceType, namespace: String?, accept: String = "application/json", labels: String? = nil,
        fields: String? = nil, from revision: String?, _ handler: (String, JSONValue) -> Bool
    ) throws {
        let path =
            type.path(namespace: namespace)
            + query([
                ("watch", "true"), ("labelSelector", labels), ("fieldSelector", fields), ("resourceVersion", revision),
            ])
        var rest: [UInt8] = []
        var failure: ClientError?
        try client.stream("GET", path, headers: [(name: "Accept", value: accept)]) { bytes in
            rest += bytes
            while let end = rest.firstIndex(of: 0x0A) {
                let line = rest[..<end]
                rest = Array(rest[(end + 1)...])
                guard let event = try? JSONValue(parsing: line), let kind = event["type"]?.string,
                    let object = event["object"]
                else { continue }
                if kind == "ERROR" {
                    failure = .status(
                        code: Int(object["code"]?.integer ?? 500), reason: object["reason"]?.string ?? "",
                        message: object["message"]?.string ?? "", details: nil)
                    return false
                }
                if kind != "BOOKMARK", !handler(kind, object) { return false }
            }
            return true
        }
        if let failure { throw failure }
    }
}

/// A query string of the parameters that have a value, with its question mark; empty without any.
func query(_ parameters: [(name: String, value: String?)]) -> String {
    let parts = parameters.compactMap { name, value in value.map { "\(name)=\(escaped($0))" } }
    return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
}

/// A text with everything but unreserved characters percent-encoded (RFC 3986, section 2.1).
func escaped(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return text.utf8.reduce(into: "") { result, byte in
        let character = Character(Unicode.Scalar(byte))
        if character.isASCII, character.isLetter || character.isNumber || "-._~".contains(character) {
            result.append(character)
        } else {
            result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }
}
