import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `PUT` and `PATCH` of an object or its status.
    func change(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let options = try WriteOptions(exchange.request)
        let edit = try Edit(exchange.request, type: path.type)
        if edit.isServerSideApply {
            exchange.warn(
                "server-side apply does not track field ownership yet: fields that were removed from the manifest stay")
        }
        let warn: @Sendable (String) -> Void = { exchange.warn($0) }
        mutate(exchange) { [self] () throws(APIStatus) in
            guard let existing = store.get(path.key) else {
                guard edit.isServerSideApply, path.subresource == nil else {
                    throw .notFound(path.type, path.name ?? "")
                }
                return try planApplyNew(path, edit, options, warn: warn)
            }
            let admission = Admission(type: path.type, options: options, warn: warn)
            let body = try admission.addressed(
                try edit.applied(to: existing.document), namespace: path.namespace)
            return try planUpdate(existing, body, path, admission)
        }
    }

    private func planApplyNew(
        _ path: ResourcePath, _ edit: Edit, _ options: WriteOptions, warn: @escaping @Sendable (String) -> Void
    ) throws(APIStatus) -> MutationPlan {
        let admission = Admission(type: path.type, options: options, warn: warn)
        var body = try admission.addressed(try edit.applied(to: [:]), namespace: path.namespace)
        body["metadata"]?["name"] = .string(path.name ?? "")
        return try planCreate(path, body, options, warn: warn)
    }

    /// Plans to replace an object by a changed one.
    func planUpdate(
        _ existing: StoredObject, _ body: JSONValue, _ path: ResourcePath, _ admission: Admission
    ) throws(APIStatus) -> MutationPlan {
        let document = try admission.updated(body, old: existing.document, subresource: path.subresource)
        if path.subresource == nil, document["spec"] != existing.document["spec"] {
            admission.warnOfFieldsWithoutEffect(document)
        }
        if admission.options.isDryRun { return .reply(document, code: 200) }
        let metadata = document["metadata"]
        let isReleased =
            metadata?["deletionTimestamp"] != nil && (metadata?["finalizers"]?.array ?? []).isEmpty
            && (metadata?["deletionGracePeriodSeconds"]?.integer ?? 0) == 0
        let key = existing.key
        return .commit(
            StoreTransaction(
                preconditions: [.revision(key, existing.revision)],
                writes: [isReleased ? .delete(key) : .put(key, document)]), code: 200,
            // Nothing happened where the change changes nothing: the object keeps its revision.
            answer: { isReleased ? document : $0.events.first?.object.document ?? existing.document })
    }
}

/// What a client wants to make of an object: another one, or a patch of it.
struct Edit: Sendable {
    private enum Content: Sendable {
        case replacement(JSONValue)
        case merge(JSONValue)
        case strategicMerge(JSONValue)
        case patch(JSONPatch)
        case serverSideApply(JSONValue)
    }

    private let content: Content
    private let type: ResourceType

    private static let patchTypes = [
        "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ]

    /// Reads a request's body.
    init(_ request: HTTPRequest, type: ResourceType) throws(APIStatus) {
        self.type = type
        guard request.method == "PATCH" else {
            content = .replacement(try ProtobufBody.orJSON(request, type: type))
            return
        }
        let isApply = request.bodyType == "application/apply-patch+yaml"
        let body = isApply ? try request.yamlBody() : try request.jsonBody(Self.patchTypes)
        do throws(PatchError) {
            switch request.bodyType {
            case "application/json-patch+json": content = .patch(try JSONPatch(body))
            case "application/merge-patch+json": content = .merge(body)
            case "application/strategic-merge-patch+json": content = .strategicMerge(body)
            default: content = .serverSideApply(body)
            }
        } catch {
            throw .badRequest("\(error)")
        }
        if request.bodyType != "application/json-patch+json", body.object == nil {
            throw .badRequest("the patch must be an object, not a \(body.kindName)")
        }
    }

    var isServerSideApply: Bool { if case .serverSideApply = content { true } else { false } }

    /// The object as the client wants it.
    func applied(to document: JSONValue) throws(APIStatus) -> JSONValue {
        do throws(PatchError) {
            switch content {
            case .replacement(let replacement): return replacement
            case .merge(let patch), .serverSideApply(let patch):
                return makingRoom(for: patch, MergePatch.apply(patch, to: document), old: document)
            case .strategicMerge(let patch):
                let patched = try StrategicMergePatch.apply(patch, to: document, type: type)
                return makingRoom(for: patch, patched, old: document)
            case .patch(let patch): return try patch.apply(to: document)
            }
        } catch {
            guard !error.isMalformed else { throw .badRequest("\(error)") }
            throw APIStatus(
                code: 422, reason: "Invalid",
                message: "the patch cannot be applied to \(type.qualifiedName) \""
                    + "\(document["metadata"]?["name"]?.string ?? "")\": \(error)")
        }
    }

    /// A count that was stored, perhaps as a default, gives way to an autoscaler that a patch brings.
    private func makingRoom(for patch: JSONValue, _ patched: JSONValue, old: JSONValue) -> JSONValue {
        guard type == .app, old["spec"]?["autoscale"] == nil, patched["spec"]?["autoscale"] != nil,
            patch["spec"]?["replicas"] == nil
        else { return patched }
        var patched = patched
        patched["spec"]?["replicas"] = nil
        return patched
    }
}
