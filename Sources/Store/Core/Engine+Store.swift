import Glibc
import Model
import Synchronization

/// The store's methods, for both stores.
extension Engine {
    func get(_ key: ObjectKey) -> StoredObject? {
        let index = published.withLock { $0.index }
        return index[key]
    }

    func list(_ scope: StoreScope) -> (objects: [StoredObject], revision: StoreRevision) {
        let (index, revision) = published.withLock { ($0.index, $0.revision) }
        return (index.objects(in: scope), revision)
    }

    func commit(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit {
        precondition(!isDraining, "a commit from a delivery or a completion would wait for itself: use submit")
        let outcome = Promise<Result<StoreCommit, StoreError>>()
        submit(transaction) { outcome.fulfil($0) }
        return try outcome.wait().get()
    }

    func submit(
        _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<StoreCommit, StoreError>) -> Void
    ) {
        var isClosed = false
        post { inbox in
            isClosed = inbox.isClosed
            guard !isClosed else { return false }
            inbox.requests.append(Inbox.Request(transaction: transaction, completion: completion))
            return true
        }
        if isClosed { completion(.failure(.closed)) }
    }

    func watch(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping @Sendable (WatchDelivery) -> Void
    ) throws(StoreError) -> any StoreWatch {
        let (watcher, commits) = try register(scope, after: revision, deliver: deliver).get()
        let handle = WatchHandle(watcher) { [weak self] watcher in self?.unregister(watcher) }
        watcher.start(replaying: commits)
        return handle
    }

    /// Registers a watcher and takes the history it has missed, at one instant: no commit falls between the two.
    private func register(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping Watcher.Callee
    ) -> Result<(Watcher, [StoreCommit]), StoreError> {
        published.withLock { published in
            guard !published.isClosed else { return .failure(.closed) }
            guard revision <= published.revision else { return .failure(.futureRevision(current: published.revision)) }
            guard revision >= published.history.compacted else {
                return .failure(.expired(oldest: published.history.compacted))
            }
            let watcher = Watcher(
                scope: scope, told: published.revision, limit: options.watchBacklog, callee: deliver)
            published.watchers.append(watcher)
            return .success((watcher, published.history.commits(after: revision)))
        }
    }

    private func unregister(_ watcher: Watcher) {
        // Kept past the lock: with a watcher goes what its callee captured, which may end other watches.
        let removed = published.withLock { published in
            let index = published.watchers.firstIndex { $0 === watcher }
            return index.map { published.watchers.remove(at: $0) }
        }
        withExtendedLifetime(removed) {}
    }

    func compact(before revision: StoreRevision) {
        let forgotten = published.withLock { published in
            let forgotten = published.history.forget(upTo: revision == 0 ? 0 : revision - 1)
            published.debt += forgotten
            return forgotten
        }
        guard !forgotten.isEmpty else { return }
        post { inbox in
            inbox.mustSettle = !inbox.isClosed
            return inbox.mustSettle
        }
    }

    /// Commits what was submitted, then closes; waits for it unless the thread that drains asks.
    func close() {
        let isOwn = isDraining
        let closed = Promise<Void>()
        post { inbox in
            inbox.isClosed = true
            guard !inbox.isFinished else {
                closed.fulfil(())
                return false
            }
            inbox.closing.append(closed)
            return true
        }
        if !isOwn { closed.wait() }
    }

    /// Whether this thread is the one that drains.
    private var isDraining: Bool {
        inbox.withLock { $0.drainer.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
    }
}
