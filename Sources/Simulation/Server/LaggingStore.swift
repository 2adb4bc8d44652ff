import Model
import Store

/// The store as the control plane sees it: some revisions back. What it reads and what it hears belong to one moment in the past, as
/// with a replica that lags; what it writes is checked against what is there now.
///
/// Also the place where commits of the control plane are tampered with, to see that checkers notice.
///
/// `@unchecked Sendable`: a simulation has one thread.
final class LaggingStore: Store, @unchecked Sendable {
    private unowned let world: World
    private let store: MemoryStore
    /// Commits that are not to be seen yet.
    private var pending: [[StoreEvent]] = []
    private var watch: (any StoreWatch)?
    private var deliver: (@Sendable (WatchDelivery) -> Void)?

    init(_ store: MemoryStore, in world: World) {
        self.store = store
        self.world = world
        watch = try? store.watch(StoreScope(type: nil), after: store.revision) { [unowned self] in take($0) }
    }

    /// The revision that is seen.
    var revision: StoreRevision { pending.first?.first.map { $0.object.revision - 1 } ?? store.revision }

    private func take(_ delivery: WatchDelivery) {
        guard case .events(let events) = delivery else {
            if pending.isEmpty { deliver?(delivery) }
            return
        }
        world.observe(.heard(events))
        let lag = world.strength(.staleReads)
        guard lag > 0 || !pending.isEmpty else {
            deliver?(delivery)
            return
        }
        pending.append(events)
        while pending.count > max(lag, 0) { releaseFirst() }
        // Nothing stays unseen for long, or a cluster at rest would never hear of its last change.
        world.after(world.draw("lag") { $0.span(.milliseconds(1)...(.seconds(3))) }) { [weak self] in
            self?.releaseSome()
        }
    }

    private func releaseSome() {
        if !pending.isEmpty { releaseFirst() }
    }

    private func releaseFirst() {
        let events = pending.removeFirst()
        deliver?(.events(events))
    }

    /// Shows everything.
    func release() { while !pending.isEmpty { releaseFirst() } }

    func close() {
        watch?.cancel()
        watch = nil
        deliver = nil
        pending = []
    }

    // MARK: - Store

    func get(_ key: ObjectKey) -> StoredObject? {
        for event in pending.joined() where event.object.key == key { return event.previous }
        return store.get(key)
    }

    func list(_ scope: StoreScope) -> (objects: [StoredObject], revision: StoreRevision) {
        let current = store.list(scope).objects
        guard !pending.isEmpty else { return (current, store.revision) }
        var objects = Dictionary(current.map { ($0.key, $0) }) { first, _ in first }
        for event in pending.reversed().joined() where scope.contains(event.object.key) {
            objects[event.object.key] = event.previous
        }
        return (objects.values.sorted { $0.key < $1.key }, revision)
    }

    func commit(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit {
        try store.commit(world.sabotage?.tampered(transaction, world) ?? transaction)
    }

    func submit(
        _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<StoreCommit, StoreError>) -> Void
    ) { store.submit(transaction, completion: completion) }

    func watch(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping @Sendable (WatchDelivery) -> Void
    ) throws(StoreError) -> any StoreWatch {
        precondition(
            scope == StoreScope(type: nil) && revision == self.revision, "the loop watches from what it listed")
        self.deliver = deliver
        return Handle(self)
    }

    func compact(before revision: StoreRevision) { store.compact(before: revision) }

    /// The owner closes the store.
    func closeStore() {}

    private final class Handle: StoreWatch {
        private let store: LaggingStore
        init(_ store: LaggingStore) { self.store = store }
        func cancel() { store.deliver = nil }
    }
}
