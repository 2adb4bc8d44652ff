import HTTP
import Model
import Store
import Wire

extension APIServer {
    /// `DELETE` of an object.
    func delete(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let options = try DeleteOptions(exchange.request)
        mutate(exchange) { [self] () throws(APIStatus) in
            guard let existing = store.get(path.key) else { throw .notFound(path.type, path.name ?? "") }
            let deletion = try Deletion(of: existing, options, now: clock())
            let gone = APIStatus.success(path.type, path.name ?? "", uid: existing.uid).document
            if options.isDryRun { return .reply(deletion.remaining ?? gone, code: 200) }
            return .commit(
                StoreTransaction(preconditions: [.revision(existing.key, existing.revision)], writes: [deletion.write]),
                code: 200,
                answer: { commit in
                    deletion.remaining == nil ? gone : commit.events.first?.object.document ?? existing.document
                })
        }
    }

    /// `DELETE` of a collection: every object that the selectors match, in one transaction.
    func deleteCollection(_ path: ResourcePath, _ exchange: Exchange) throws(APIStatus) {
        let options = try DeleteOptions(exchange.request)
        let selection = try Selection(exchange.request, type: path.type)
        guard !path.type.isNamespaced || !path.namespace.isEmpty else {
            throw .methodNotAllowed(exchange.request.method)
        }
        mutate(exchange) { [self] () throws(APIStatus) in
            let scope = StoreScope(type: path.type, namespace: path.type.isNamespaced ? path.namespace : nil)
            var transaction = StoreTransaction(writes: [])
            var documents: [JSONValue] = []
            for existing in store.list(scope).objects where selection.matches(existing.document) {
                let deletion = try Deletion(of: existing, options, now: clock())
                transaction.preconditions.append(.revision(existing.key, existing.revision))
                transaction.writes.append(deletion.write)
                documents.append(deletion.remaining ?? existing.document)
            }
            let deleted = documents
            let answer: @Sendable (StoreRevision) -> JSONValue = { revision in
                [
                    "kind": .string(path.type.kind + "List"), "apiVersion": .string(path.type.apiVersion),
                    "metadata": WireEncoding.listMetadata(revision: revision), "items": .array(deleted),
                ]
            }
            if options.isDryRun || deleted.isEmpty { return .reply(answer(store.revision), code: 200) }
            return .commit(transaction, code: 200, answer: { answer($0.revision) })
        }
    }
}

/// What a wish to delete comes to: the object goes, or stays for whoever must act before.
struct Deletion: Sendable {
    let key: ObjectKey
    /// The object with its deletion under way; nil when it goes at once.
    let remaining: JSONValue?

    /// The write that does it.
    var write: StoreWrite { remaining.map { .put(key, $0) } ?? .delete(key) }

    /// Works out what happens to an object.
    init(of existing: StoredObject, _ options: DeleteOptions, now: Timestamp) throws(APIStatus) {
        key = existing.key
        try Self.check(existing, options)
        let document = existing.document
        let metadata = document["metadata"]
        let grace = Self.grace(document, options, type: key.type)
        let isDeleting = metadata?["deletionTimestamp"] != nil
        let left = metadata?["deletionGracePeriodSeconds"]?.integer ?? 0
        let isHeld = !(metadata?["finalizers"]?.array ?? []).isEmpty
        guard isHeld || grace > 0 else {
            remaining = nil
            return
        }
        // A second wish may only be more urgent than the first.
        guard !isDeleting || grace < left else {
            remaining = document
            return
        }
        var changed = document
        let begin = isDeleting ? Self.began(metadata, left: left) ?? now : now
        changed["metadata"]?["deletionTimestamp"] = .string((begin + .seconds(grace)).description)
        changed["metadata"]?["deletionGracePeriodSeconds"] = .integer(grace)
        if key.type == .namespace { changed[path: ["status", "phase"]] = "Terminating" }
        remaining = changed
    }

    private static func began(_ metadata: JSONValue?, left: Int64) -> Timestamp? {
        metadata?["deletionTimestamp"]?.string.flatMap { Timestamp($0) }.map { $0 + .seconds(-left) }
    }

    private static func check(_ existing: StoredObject, _ options: DeleteOptions) throws(APIStatus) {
        let key = existing.key
        if let uid = options.uid, uid != existing.uid {
            throw .conflict(
                key.type, key.name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(existing.uid)")
        }
        if let version = options.resourceVersion, version != String(existing.revision) {
            throw .conflict(
                key.type, key.name,
                "Precondition failed: ResourceVersion in precondition: \(version), "
                    + "ResourceVersion in object meta: \(existing.revision)")
        }
        if key.type == .namespace, key.name == "default" {
            throw .forbidden(.namespace, "default", "this namespace may not be deleted")
        }
        if options.orphansDependents, [.app, .revision].contains(key.type) {
            throw .badRequest("\(key.type.plural) cannot be deleted without their pods: leave propagationPolicy unset")
        }
    }

    /// How many seconds the object is given to stop: only a pod that a node may be running needs any.
    private static func grace(_ document: JSONValue, _ options: DeleteOptions, type: ResourceType) -> Int64 {
        guard type == .pod, !(document["spec"]?["nodeName"]?.string ?? "").isEmpty,
            !["Succeeded", "Failed"].contains(document["status"]?["phase"]?.string ?? "")
        else { return 0 }
        return options.gracePeriodSeconds ?? document["spec"]?["terminationGracePeriodSeconds"]?.integer ?? 30
    }
}
