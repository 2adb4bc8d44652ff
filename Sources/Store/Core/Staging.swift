import Model

/// The store as it will be once the batch at hand is durable. Pure: deciding what a transaction does touches nothing
/// that anybody sees.
struct Staging: Sendable {
    private(set) var index: ObjectIndex
    private(set) var revision: StoreRevision

    /// The most changes that one transaction may make: the log numbers them in 20 bits.
    static let changeLimit = 1 << 20

    init(index: ObjectIndex, revision: StoreRevision) {
        self.index = index
        self.revision = revision
    }

    /// What one key is before and after a transaction.
    private struct Change {
        let key: ObjectKey
        let before: StoredObject?
        var after: JSONValue?
    }

    /// Makes a transaction's writes, or refuses all of them.
    mutating func apply(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit {
        for precondition in transaction.preconditions {
            guard holds(precondition) else { throw .conflict(precondition) }
        }
        let changes = changes(transaction.writes)
        guard !changes.isEmpty else { return StoreCommit(revision: revision, events: []) }
        guard changes.count <= Self.changeLimit else {
            throw .full("a transaction of \(changes.count) changes is over the limit of \(Self.changeLimit)")
        }
        revision += 1
        return StoreCommit(revision: revision, events: changes.indices.compactMap { make(changes[$0], ordinal: $0) })
    }

    private func holds(_ precondition: StorePrecondition) -> Bool {
        switch precondition {
        case .absent(let key): index[key] == nil
        case .present(let key): index[key] != nil
        case .revision(let key, let revision): index[key]?.revision == revision
        case .uid(let key, let uid): index[key]?.uid == uid
        }
    }

    /// The sum of the writes: one change a key, in the order of first writing, without those that change nothing.
    private func changes(_ writes: [StoreWrite]) -> [Change] {
        var changes: [Change] = []
        var places: [ObjectKey: Int] = [:]
        for write in writes {
            let (key, document): (ObjectKey, JSONValue?) =
                switch write {
                case .put(let key, let document): (key, document)
                case .delete(let key): (key, nil)
                }
            if let place = places[key] {
                changes[place].after = document
                continue
            }
            if writes.count > 1 { places[key] = changes.count }
            let before = index[key]
            // The key as it was first written: Unicode knows equal strings of unequal bytes.
            changes.append(Change(key: before?.key ?? key, before: before, after: document))
        }
        return changes.filter { !Self.isIdle($0) }
    }

    private static func isIdle(_ change: Change) -> Bool {
        guard let before = change.before else { return change.after == nil }
        guard var after = change.after else { return false }
        after.resourceVersion = before.document.resourceVersion
        return after == before.document
    }

    private mutating func make(_ change: Change, ordinal: Int) -> StoreEvent? {
        guard var document = change.after ?? change.before?.document else { return nil }
        document.resourceVersion = String(revision)
        // The history holds the versions of an object side by side.
        if let before = change.before { document = document.sharing(with: before.document) }
        let object = StoredObject(key: change.key, revision: revision, ordinal: ordinal, document: document)
        guard change.after != nil else {
            index.remove(change.key)
            return StoreEvent(change: .deleted, object: object, previous: change.before)
        }
        index.put(object)
        return StoreEvent(change: change.before == nil ? .added : .modified, object: object, previous: change.before)
    }
}

extension JSONValue {
    /// `metadata.resourceVersion`.
    var resourceVersion: String? {
        get { self["metadata"]?["resourceVersion"]?.string }
        set { self[path: ["metadata", "resourceVersion"]] = newValue.map { .string($0) } }
    }
}
