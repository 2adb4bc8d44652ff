public import Model

/// What a list returned.
public struct ResourceList<Item: Sendable>: Sendable {
    /// The objects.
    public var items: [Item]
    /// Where a watch of the same objects goes on.
    public var resourceVersion: String

    /// Makes a list.
    public init(items: [Item], resourceVersion: String) {
        self.items = items
        self.resourceVersion = resourceVersion
    }
}

/// Which objects of a type are meant.
public struct ListSelection: Sendable, Hashable, Buildable {
    /// The namespace; nil for all of them.
    public var namespace: String?
    /// One object's name; nil for all.
    public var name: String?
    /// `app=web,tier!=cache`.
    public var labelSelector: String?
    /// `spec.nodeName=one`.
    public var fieldSelector: String?

    /// Selects everything.
    public init() {}

    /// The query's parameters; a name is a field selector, as the API conventions have it.
    var parameters: [(name: String, value: String?)] {
        let fields = [name.map { "metadata.name=\($0)" }, fieldSelector].compactMap { $0 }
        return [
            ("labelSelector", labelSelector), ("fieldSelector", fields.isEmpty ? nil : fields.joined(separator: ",")),
        ]
    }
}

extension APIClient {
    /// Reads one object.
    ///
    /// - Throws: `ClientError.status` with code 404 when there is none.
    public func get(
        _ type: ResourceType, namespace: String?, name: String, subresource: String? = nil
    ) throws(ClientError) -> JSONValue {
        try request("GET", path(type, namespace, name, subresource))
    }

    /// Reads one object.
    public func get<R: Resource>(_ type: R.Type, namespace: String?, name: String) throws(ClientError) -> R {
        try decode(try get(R.type, namespace: namespace, name: name))
    }

    /// Reads all objects of a selection, page by page.
    public func list(_ type: ResourceType, _ selection: ListSelection) throws(ClientError) -> ResourceList<JSONValue> {
        var list = ResourceList<JSONValue>(items: [], resourceVersion: "")
        var page: String?
        repeat {
            let parameters = selection.parameters + [("limit", "500"), ("continue", page)]
            let path = path(type, selection.namespace) + PercentEncoding.query(parameters)
            let answer: JSONValue
            do throws(ClientError) {
                answer = try request("GET", path)
            } catch  where error.isExpired && page != nil {
                // The pages' common revision is compacted: only one answer can still show everything at one moment.
                return try listAtOnce(type, selection)
            }
            list.items += answer["items"]?.array ?? []
            list.resourceVersion = answer["metadata"]?["resourceVersion"]?.string ?? ""
            page = answer["metadata"]?["continue"]?.string.flatMap { $0.isEmpty ? nil : $0 }
        } while page != nil
        return list
    }

    private func listAtOnce(
        _ type: ResourceType, _ selection: ListSelection
    ) throws(ClientError) -> ResourceList<JSONValue> {
        let answer = try request("GET", path(type, selection.namespace) + PercentEncoding.query(selection.parameters))
        return ResourceList(
            items: answer["items"]?.array ?? [],
            resourceVersion: answer["metadata"]?["resourceVersion"]?.string ?? "")
    }

    /// Reads all objects of a selection.
    public func list<R: Resource>(
        _ type: R.Type, _ selection: ListSelection = ListSelection()
    ) throws(ClientError) -> ResourceList<R> {
        let list = try list(R.type, selection)
        var items: [R] = []
        for document in list.items { items.append(try decode(document)) }
        return ResourceList(items: items, resourceVersion: list.resourceVersion)
    }

    /// Makes an object and returns it as it was stored.
    public func create(
        _ type: ResourceType, namespace: String?, _ document: JSONValue, dryRun: Bool = false
    ) throws(ClientError) -> JSONValue {
        try request("POST", path(type, namespace) + dryRunQuery(dryRun), document)
    }

    /// Makes an object, in its own namespace, and returns it as it was stored.
    public func create<R: Resource>(_ object: R) throws(ClientError) -> R {
        try decode(try create(R.type, namespace: object.metadata.namespace, object.document))
    }

    /// Replaces an object; with a resource version, only if nobody changed it meanwhile.
    ///
    /// - Throws: `ClientError.status` with code 409 when somebody did.
    public func update(
        _ type: ResourceType, namespace: String?, name: String, subresource: String? = nil, _ document: JSONValue,
        dryRun: Bool = false
    ) throws(ClientError) -> JSONValue {
        try request("PUT", path(type, namespace, name, subresource) + dryRunQuery(dryRun), document)
    }

    /// Replaces an object, or one of its subresources such as `status`, and returns it as it was stored.
    public func update<R: Resource>(_ object: R, subresource: String? = nil) throws(ClientError) -> R {
        let stored = try update(
            R.type, namespace: object.metadata.namespace, name: object.name, subresource: subresource, object.document)
        return try decode(stored)
    }

    /// Changes an object by a patch and returns it as it was stored.
    public func patch(
        _ type: ResourceType, namespace: String?, name: String, subresource: String? = nil, _ kind: PatchType,
        _ patch: JSONValue, dryRun: Bool = false
    ) throws(ClientError) -> JSONValue {
        let path = path(type, namespace, name, subresource) + dryRunQuery(dryRun)
        return try request("PATCH", path, patch, contentType: kind.rawValue)
    }

    /// Deletes an object.
    ///
    /// - Parameter gracePeriodSeconds: how long a pod may take to stop; its own when nil.
    /// - Returns: the object when it goes later, a `Status` when it is gone.
    @discardableResult
    public func delete(
        _ type: ResourceType, namespace: String?, name: String, gracePeriodSeconds: Int? = nil, dryRun: Bool = false
    ) throws(ClientError) -> JSONValue {
        var options: JSONValue = ["kind": "DeleteOptions", "apiVersion": "v1"]
        if let gracePeriodSeconds { options["gracePeriodSeconds"] = .integer(Int64(gracePeriodSeconds)) }
        if dryRun { options["dryRun"] = ["All"] }
        return try request("DELETE", path(type, namespace, name), options)
    }
}

extension APIClient {
    /// Makes one request with a JSON body and returns the JSON answer.
    ///
    /// - Throws: `ClientError.status` for an answer of 400 or above.
    public func request(
        _ method: String, _ path: String, _ body: JSONValue? = nil, contentType: String = "application/json"
    ) throws(ClientError) -> JSONValue {
        let headers: [(name: String, value: String)] = body == nil ? [] : [("Content-Type", contentType)]
        let answer = try send(method, path, headers: headers, body: body?.serialized())
        guard answer.status < 400 else { throw ClientError.status(of: answer.status, body: answer.body) }
        do throws(JSONError) {
            return try JSONValue(parsing: answer.body)
        } catch {
            throw ClientError.badResponse("the server's answer to \(method) \(path) is not JSON: \(error)")
        }
    }

    func decode<R: Resource>(_ document: JSONValue) throws(ClientError) -> R {
        do {
            return try R(json: document)
        } catch {
            let name = document["metadata"]?["name"]?.string ?? ""
            throw .badResponse("the server's \(R.type.singular) \"\(name)\" cannot be understood: \(error)")
        }
    }

    func path(
        _ type: ResourceType, _ namespace: String?, _ name: String? = nil, _ subresource: String? = nil
    ) -> String {
        type.path(
            namespace: namespace.map(PercentEncoding.encode), name: name.map(PercentEncoding.encode),
            subresource: subresource)
    }

    private func dryRunQuery(_ dryRun: Bool) -> String { dryRun ? "?dryRun=All" : "" }
}
