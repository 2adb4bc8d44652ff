import Model
import Store
import Synchronization

/// A store in memory, just large enough to drive the engine: one lock, watchers called from the committing thread.
final class TestStore: Store {
    private final class Watch: StoreWatch {
        let cancelled = Atomic(false)
        func cancel() { cancelled.store(true, ordering: .releasing) }
    }
    private struct Content {
        var objects: [ObjectKey: StoredObject] = [:]
        var revision: StoreRevision = 0
        var watches: [(watch: Watch, deliver: @Sendable (WatchDelivery) -> Void)] = []
        var refusals: [StoreError] = []
        var isDeaf = false
        var commits = 0
    }
    private let content = Mutex(Content())

    var revision: StoreRevision { content.withLock(\.revision) }
    /// How many transactions were tried.
    var commits: Int { content.withLock(\.commits) }
    /// Fails the next commits.
    func refuse(_ errors: StoreError...) { content.withLock { $0.refusals += errors } }
    /// Whether watchers are told nothing.
    func setDeaf(_ isDeaf: Bool) { content.withLock { $0.isDeaf = isDeaf } }
    /// Tells every watcher that it must watch again.
    func dropWatches() {
        let watches = content.withLock { content in
            defer { content.watches = [] }
            return content.watches
        }
        for watch in watches { watch.deliver(.ended(.expired(oldest: 1))) }
    }

    func get(_ key: ObjectKey) -> StoredObject? { content.withLock { $0.objects[key] } }

    func list(_ scope: StoreScope) -> (objects: [StoredObject], revision: StoreRevision) {
        content.withLock { content in
            let keys = content.objects.keys.filter(scope.contains).sorted()
            return (keys.compactMap { content.objects[$0] }, content.revision)
        }
    }

    func commit(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit {
        let result = content.withLock { content -> Result<StoreCommit, StoreError> in
            content.commits += 1
            if !content.refusals.isEmpty { return .failure(content.refusals.removeFirst()) }
            for precondition in transaction.preconditions where !Self.holds(precondition, content) {
                return .failure(.conflict(precondition))
            }
            let next = content.revision + 1
            let events = transaction.writes.compactMap { Self.write($0, next, &content) }
            if !events.isEmpty { content.revision = next }
            if !content.isDeaf, !events.isEmpty {
                for watch in content.watches where !watch.watch.cancelled.load(ordering: .acquiring) {
                    watch.deliver(.events(events))
                }
            }
            return .success(StoreCommit(revision: content.revision, events: events))
        }
        return try result.get()
    }

    func submit(
        _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<StoreCommit, StoreError>) -> Void
    ) {
        do throws(StoreError) { completion(.success(try commit(transaction))) } catch { completion(.failure(error)) }
    }

    func watch(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping @Sendable (WatchDelivery) -> Void
    ) throws(StoreError) -> any StoreWatch {
        let watch = Watch()
        content.withLock { $0.watches.append((watch, deliver)) }
        return watch
    }

    func compact(before revision: StoreRevision) {}

    func close() {
        let watches = content.withLock(\.watches)
        for watch in watches { watch.deliver(.ended(.closed)) }
    }

    private static func holds(_ precondition: StorePrecondition, _ content: Content) -> Bool {
        switch precondition {
        case .absent(let key): content.objects[key] == nil
        case .present(let key): content.objects[key] != nil
        case .revision(let key, let revision): content.objects[key]?.revision == revision
        case .uid(let key, let uid): content.objects[key]?.uid == uid
        }
    }

    private static func write(_ write: StoreWrite, _ revision: StoreRevision, _ content: inout Content) -> StoreEvent? {
        switch write {
        case .put(let key, var document):
            let previous = content.objects[key]
            document[path: ["metadata", "resourceVersion"]] = previous?.document["metadata"]?["resourceVersion"]
            if document == previous?.document { return nil }
            document[path: ["metadata", "resourceVersion"]] = .string("\(revision)")
            let object = StoredObject(key: key, revision: revision, document: document)
            content.objects[key] = object
            return StoreEvent(change: previous == nil ? .added : .modified, object: object, previous: previous)
        case .delete(let key):
            guard let previous = content.objects.removeValue(forKey: key) else { return nil }
            let last = StoredObject(key: key, revision: revision, document: previous.document)
            return StoreEvent(change: .deleted, object: last, previous: previous)
        }
    }
}

extension TestStore {
    /// Stores an object, as a client would.
    func put(_ object: some Resource) throws {
        _ = try commit(StoreTransaction(writes: [.put(object.key, object.document)]))
    }

    func delete(_ key: ObjectKey) throws { _ = try commit(StoreTransaction(writes: [.delete(key)])) }

    func all<Value: Resource>(_ type: Value.Type = Value.self) throws -> [Value] {
        try list(StoreScope(type: Value.type)).objects.map { try $0.decoded() }
    }

    /// Changes an object in place.
    func edit<Value: Resource>(_ key: ObjectKey, _ change: (inout Value) -> Void) throws {
        guard let object = get(key) else { return }
        var value: Value = try object.decoded()
        change(&value)
        _ = try commit(
            StoreTransaction(preconditions: [.revision(key, object.revision)], writes: [.put(key, value.document)]))
    }
}
