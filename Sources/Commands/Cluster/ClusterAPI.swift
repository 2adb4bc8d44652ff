import Client
import Model

/// The API as commands use it: a client, the namespace that is meant, and what only people need: tables and warnings.
struct ClusterAPI: Sendable {
    let client: any APIClient
    /// The namespace that is meant where none is given.
    let namespace: String

    /// Makes one request that must succeed, and returns the document in its answer and the server's warnings.
    func request(
        _ method: String, _ path: String, accept: String = "application/json", contentType: String = "application/json",
        body: JSONValue? = nil
    ) throws -> (document: JSONValue, warnings: [String]) {
        var headers = [(name: "Accept", value: accept)]
        if body != nil { headers.append((name: "Content-Type", value: contentType)) }
        let answer = try client.send(method, path, headers: headers, body: body?.serialized())
        guard answer.status < 400 else { throw ClientError.status(of: answer.status, body: answer.body) }
        guard let document = try? JSONValue(parsing: answer.body) else {
            throw ClientError.badResponse("the answer to \(method) \(path) is not JSON")
        }
        return (document, answer.headers["warning"].map(Self.warnings) ?? [])
    }

    /// The texts of a `Warning` header: `299 - "text"` (RFC 7234, section 5.5).
    private static func warnings(_ header: String) -> [String] {
        header.split(separator: "\"").enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
    }

    /// One object; nil when there is none.
    func find(_ type: ResourceType, namespace: String, name: String) throws -> JSONValue? {
        do {
            return try client.get(type, namespace: namespace, name: name)
        } catch ClientError.status(code: 404, _, let message, _) where !message.contains("could not find") {
            return nil
        }
    }

    /// One object.
    ///
    /// - Throws: `CommandFailure` that names the namespace when there is none.
    func get(_ type: ResourceType, namespace: String, name: String) throws -> JSONValue {
        if let object = try find(type, namespace: namespace, name: name) { return object }
        throw Missing(type: type, namespace: namespace, name: name)
    }

    /// The objects of a type, in one namespace or in all, that selectors pick.
    func list(
        _ type: ResourceType, namespace: String?, labels: String? = nil, fields: String? = nil
    ) throws -> [JSONValue] {
        let items = try client.list(type, Self.selection(namespace, labels: labels, fields: fields)).items
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
    func list<T: Resource>(
        _ type: T.Type, namespace: String?, labels: String? = nil, fields: String? = nil
    ) throws -> [T] {
        try client.list(type, Self.selection(namespace, labels: labels, fields: fields)).items
    }

    /// Watches a type from a revision on, until the handler returns false. The server may end a watch at any time; it is
    /// then taken up where it ended.
    ///
    /// - Parameters:
    ///   - accept: the form of the objects, such as `ServerTable.accept`.
    ///   - revision: nil begins with what there is.
    func watch(
        _ type: ResourceType, namespace: String?, accept: String? = nil, labels: String? = nil,
        fields: String? = nil, from revision: String?, _ handler: (WatchChange, JSONValue) -> Bool
    ) throws {
        let selection = Self.selection(namespace, labels: labels, fields: fields)
        var revision = revision
        var goesOn = true
        while goesOn {
            var sawAny = false
            try client.watch(type, selection, resourceVersion: revision, accept: accept) { event in
                sawAny = true
                if !event.resourceVersion.isEmpty { revision = event.resourceVersion }
                switch event {
                case .added(let object), .modified(let object): goesOn = handler(.changed, object)
                case .deleted(let object): goesOn = handler(.removed, object)
                case .bookmark: break
                }
                return goesOn
            }
            // A server that ends watches without a word is not asked again and again.
            if !sawAny { return }
        }
    }

    /// What a watch tells of an object.
    enum WatchChange { case changed, removed }

    private static func selection(_ namespace: String?, labels: String?, fields: String?) -> ListSelection {
        ListSelection {
            $0.namespace = namespace
            $0.labelSelector = labels
            $0.fieldSelector = fields
        }
    }
}

/// An object that was named and is not there.
struct Missing: Error, CustomStringConvertible {
    let type: ResourceType
    let namespace: String
    let name: String

    var description: String {
        "\(type.qualifiedName) \"\(name)\" not found" + (type.isNamespaced ? " in namespace \(namespace)" : "")
    }
}

/// A query string of the parameters that have a value, with its question mark; empty without any.
func query(_ parameters: [(name: String, value: String?)]) -> String { PercentEncoding.query(parameters) }

/// A text with everything but unreserved characters percent-encoded.
func escaped(_ text: String) -> String { PercentEncoding.encode(text) }
