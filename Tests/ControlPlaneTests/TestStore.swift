import Model
import Store
import Synchronization

/// The store in memory, with faults: commits that fail, a watch that is silent, a watch that ends.
final class TestStore: Store {
    private struct Faults {
        var refusals: [StoreError] = []
        var isDeaf = false
        var commits = 0
        var watches: [(watch: any StoreWatch, deliver: @Sendable (WatchDelivery) -> Void)] = []
    }
    private let store = MemoryStore()
    private let faults = Mutex(Faults())

    /// How many transactions were tried.
    var commits: Int { faults.withLock(\.commits) }
    /// Fails the next commits.
    func refuse(_ errors: StoreError...) { faults.withLock { $0.refusals += errors } }
    /// Fails no more commits.
    func forgive() { faults.withLock { $0.refusals = [] } }
    /// Whether watchers are told nothing.
    func setDeaf(_ isDeaf: Bool) { faults.withLock { $0.isDeaf = isDeaf } }
    /// Tells every watcher that it must watch again.
    func dropWatches() {
        let watches = faults.withLock { faults in
            defer { faults.watches = [] }
            return faults.watches
        }
        for watch in watches {
            watch.watch.cancel()
            watch.deliver(.ended(.expired(oldest: 1)))
        }
    }

    var revision: StoreRevision { store.revision }
    func get(_ key: ObjectKey) -> StoredObject? { store.get(key) }
    func list(_ scope: StoreScope) -> (objects: [StoredObject], revision: StoreRevision) { store.list(scope) }

    func commit(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit {
        let refusal = faults.withLock { faults in
            faults.commits += 1
            return faults.refusals.isEmpty ? nil : faults.refusals.removeFirst()
        }
        if let refusal { throw refusal }
        return try store.commit(transaction)
    }

    func submit(
        _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<StoreCommit, StoreError>) -> Void
    ) { store.submit(transaction, completion: completion) }

    func watch(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping @Sendable (WatchDelivery) -> Void
    ) throws(StoreError) -> any StoreWatch {
        let watch = try store.watch(scope, after: revision) { [weak self] delivery in
            if self?.faults.withLock(\.isDeaf) != true { deliver(delivery) }
        }
        faults.withLock { $0.watches.append((watch, deliver)) }
        return watch
    }

    func compact(before revision: StoreRevision) { store.compact(before: revision) }
    func close() { store.close() }
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
