import Controllers
import Model
import Store

/// Why actions cannot be applied: what was decided on is not there any more. The key is decided about again.
struct StaleDecision: Error, Equatable {
    let key: ObjectKey
}

/// Turns the actions of one decision into one transaction: the one place where a decision becomes a write.
///
/// Every object that is changed must still be at the revision that the decision saw; so must what the decision names
/// itself. Pods that were only counted are not checked: a change of theirs between decision and commit is the same as
/// one right after the commit.
struct TransactionBuilder {
    private let view: ClusterView
    private let store: any Store
    private let now: Timestamp
    private var preconditions: [ObjectKey: StorePrecondition] = [:]
    private var documents: [ObjectKey: JSONValue?] = [:]
    private var order: [ObjectKey] = []

    init(view: ClusterView, store: any Store, now: Timestamp, preconditions: [StorePrecondition]) {
        self.view = view
        self.store = store
        self.now = now
        for precondition in preconditions { self.preconditions[precondition.key] = precondition }
    }

    /// The transaction; nil where nothing is written.
    var transaction: StoreTransaction? {
        guard !order.isEmpty else { return nil }
        let writes = order.map { key -> StoreWrite in
            guard let document = documents[key] ?? nil, !Self.isReleased(document, key) else { return .delete(key) }
            return .put(key, document)
        }
        let checks = preconditions.sorted { $0.key < $1.key }.map(\.value)
        return StoreTransaction(preconditions: checks, writes: writes)
    }

    /// A deleted object without finalizers goes. Pods go when their agent says so.
    private static func isReleased(_ document: JSONValue, _ key: ObjectKey) -> Bool {
        guard key.type != .pod, let metadata = document["metadata"] else { return false }
        return metadata["deletionTimestamp"] != nil && (metadata["finalizers"]?.array ?? []).isEmpty
    }

    mutating func apply(_ action: Action) throws {
        switch action {
        case .createRevision(let revision): create(revision)
        case .createPod(let pod): create(pod)
        case .createNamespace(let namespace): create(namespace)
        case .renumberRevision(let key, let number):
            try edit(key) { $0[path: ["spec", "revision"]] = .integer(number) }
        case .setRevisionStatus(let key, let status): try edit(key) { $0["status"] = status.json }
        case .setAppStatus(let key, let status): try edit(key) { $0["status"] = status.json }
        case .setNamespacePhase(let key, let phase): try edit(key) { $0[path: ["status", "phase"]] = .string(phase) }
        case .setPodCondition(let key, let condition): try setCondition(condition, of: key)
        case .setFinalizers(let key, let names):
            let list: JSONValue? = names.isEmpty ? nil : .array(names.map { .string($0) })
            try edit(key) { $0[path: ["metadata", "finalizers"]] = list }
        case .bind(let key, let node):
            try edit(key) { $0[path: ["spec", "nodeName"]] = .string(node) }
            try setCondition(Condition("PodScheduled", true, reason: "Scheduled", message: "on node \(node)"), of: key)
        case .requestDeletion(let key, let time, let grace):
            try edit(key) {
                $0[path: ["metadata", "deletionTimestamp"]] = time.json
                if let grace { $0[path: ["metadata", "deletionGracePeriodSeconds"]] = .integer(grace) }
            }
        case .remove(let key): try remove(key)
        case .event(let note): record(note)
        case .resolveImage, .wakeAt: break  // Nothing to write; the engine sees to them.
        }
    }

    // MARK: - Writes

    private mutating func create(_ object: some Resource) {
        write(object.document, to: object.key)
        preconditions[object.key] = .absent(object.key)
    }

    private mutating func edit(_ key: ObjectKey, _ change: (inout JSONValue) -> Void) throws {
        var document = try current(key)
        change(&document)
        write(document, to: key)
    }

    private mutating func remove(_ key: ObjectKey) throws {
        // Two controllers may find that an object should go; that it has gone is what both wanted.
        guard documents[key] != nil || stored(key) != nil else { return }
        _ = try current(key)
        write(nil, to: key)
    }

    private mutating func write(_ document: JSONValue?, to key: ObjectKey) {
        if documents[key] == nil { order.append(key) }
        documents[key] = .some(document)
    }

    /// The document as this transaction leaves it so far.
    private mutating func current(_ key: ObjectKey) throws -> JSONValue {
        if let written = documents[key] {
            guard let written else { throw StaleDecision(key: key) }
            return written
        }
        guard let object = stored(key) else { throw StaleDecision(key: key) }
        if preconditions[key] == nil { preconditions[key] = .revision(key, object.revision) }
        return object.document
    }

    private func stored(_ key: ObjectKey) -> StoredObject? { view.stored(key) ?? store.get(key) }

    private mutating func setCondition(_ condition: Condition, of key: ObjectKey) throws {
        let document = try current(key)
        var status = try document["status"].map { try PodStatus(json: $0) } ?? PodStatus()
        status.conditions.set(condition, now: Timestamp(seconds: now.seconds))
        try edit(key) { $0["status"] = status.json }
    }

    // MARK: - Events

    /// Writes an event, or counts one that says the same. In a namespace that is going, nobody will read it.
    private mutating func record(_ note: EventNote) {
        let namespace = note.object.namespace ?? "default"
        guard view.activeNamespace(namespace) != nil else { return }
        let hash = Fingerprint(note.object.uid ?? "", note.reason, note.message).text
        let key = ObjectKey(.event, namespace: namespace, name: "\(note.object.name ?? "").\(hash)")
        let document = (try? current(key)) ?? .null
        if var event = try? Event(json: document), !document.isNull {
            event.count = (event.count ?? 1) + 1
            event.lastTimestamp = Timestamp(seconds: now.seconds)
            write(event.document, to: key)
        } else {
            write(Event(note, key: key, now: Timestamp(seconds: now.seconds)).document, to: key)
            preconditions[key] = preconditions[key] ?? .absent(key)
        }
    }
}

extension Event {
    fileprivate init(_ note: EventNote, key: ObjectKey, now: Timestamp) {
        self.init()
        metadata.name = key.name
        metadata.namespace = key.namespace
        // An event is what it says: its name holds a hash of that, and nobody refers to it by uid.
        metadata.uid = "event-\(key.name)"
        metadata.creationTimestamp = now
        involvedObject = note.object
        reason = note.reason
        message = note.message
        type = note.isWarning ? "Warning" : "Normal"
        count = 1
        firstTimestamp = now
        lastTimestamp = now
        source = EventSource { $0.component = "control-plane" }
    }
}

extension StorePrecondition {
    /// The key that the precondition is about.
    var key: ObjectKey {
        switch self {
        case .absent(let key), .revision(let key, _), .uid(let key, _), .present(let key): key
        }
    }
}
