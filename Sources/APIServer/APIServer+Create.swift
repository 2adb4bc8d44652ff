import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `POST` to a collection.
    func create(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        guard !path.type.isNamespaced || !path.namespace.isEmpty else {
            throw .badRequest("an object of kind \(path.type.kind) is created in a namespace")
        }
        let options = try WriteOptions(exchange.request)
        let body = try ProtobufBody.orJSON(exchange.request, type: path.type)
        let admission = Admission(type: path.type, options: options, warn: exchange.warn)
        let document = try admission.addressed(body, namespace: path.namespace)
        let warn: @Sendable (String) -> Void = { exchange.warn($0) }
        mutate(exchange) { [self] () throws(APIStatus) in
            try planCreate(path, document, options, warn: warn)
        }
    }

    /// Plans to store a new object.
    func planCreate(
        _ path: ResourcePath, _ body: JSONValue, _ options: WriteOptions, warn: @escaping @Sendable (String) -> Void
    ) throws(APIStatus) -> MutationPlan {
        var preconditions: [StorePrecondition] = []
        if path.type.isNamespaced { preconditions.append(try liveNamespace(path)) }
        let admission = Admission(type: path.type, options: options, warn: warn)
        let document = try admission.created(body, ids: ids, now: clock())
        admission.warnOfFieldsWithoutEffect(document)
        let name = document["metadata"]?["name"]?.string ?? ""
        let key = ObjectKey(path.type, namespace: path.namespace, name: name)
        // A taken name that was made up is made up again.
        if store.get(key) != nil, !(body["metadata"]?["name"]?.string ?? "").isEmpty {
            throw .alreadyExists(path.type, name)
        }
        if options.isDryRun { return .reply(document, code: 201) }
        preconditions.append(.absent(key))
        return .commit(
            StoreTransaction(preconditions: preconditions, writes: [.put(key, document)]), code: 201,
            answer: { $0.events.first?.object.document ?? document })
    }

    /// What must hold so that an object may be made in a namespace: that it is there and stays as it is.
    private func liveNamespace(_ path: ResourcePath) throws(APIStatus) -> StorePrecondition {
        let key = ObjectKey(.namespace, namespace: "", name: path.namespace)
        guard let namespace = store.get(key) else { throw .notFound(.namespace, path.namespace) }
        guard namespace.document["metadata"]?["deletionTimestamp"] == nil else {
            var status = APIStatus.forbidden(
                path.type, path.name ?? "",
                "unable to create new content in namespace \(path.namespace) because it is being terminated")
            status.causes = [
                .init(
                    reason: "NamespaceTerminating", field: "metadata.namespace",
                    message: "namespace \(path.namespace) is being terminated")
            ]
            throw status
        }
        return .revision(key, namespace.revision)
    }
}
