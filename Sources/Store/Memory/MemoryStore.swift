public import Model
import Synchronization

/// A store in memory: what tests and simulations use. It behaves as `SQLiteStore` does in all but durability, and has
/// no thread of its own: a transaction is made by the thread that submits it, or by the one that is at it already.
public final class MemoryStore: Store {
    private let engine: Engine

    /// Makes an empty store.
    public init(options: StoreOptions = StoreOptions()) { engine = Engine(options: options) }

    /// Makes a store with a journal, which tests and simulations make fail.
    ///
    /// - Parameter commits: what the journal holds already, from the first commit on.
    package init(
        options: StoreOptions = StoreOptions(), recovering commits: [StoreCommit] = [], journal: any Journal
    ) {
        engine = Engine(
            options: options, content: Published(recovering: commits, historyLimit: options.historyLimit),
            journal: journal)
    }

    deinit { engine.close() }

    /// The revision of the last commit.
    public var revision: StoreRevision { engine.latest.load(ordering: .acquiring) }

    /// The object under a key.
    public func get(_ key: ObjectKey) -> StoredObject? { engine.get(key) }

    /// The objects in a scope in key order, and the revision of that snapshot.
    public func list(_ scope: StoreScope) -> (objects: [StoredObject], revision: StoreRevision) { engine.list(scope) }

    /// Commits a transaction; returns when its outcome is certain.
    public func commit(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit {
        try engine.commit(transaction)
    }

    /// Commits a transaction; the completion is called when its outcome is certain.
    public func submit(
        _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<StoreCommit, StoreError>) -> Void
    ) { engine.submit(transaction, completion: completion) }

    /// Delivers every change after a revision, without gap or repetition.
    public func watch(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping @Sendable (WatchDelivery) -> Void
    ) throws(StoreError) -> any StoreWatch { try engine.watch(scope, after: revision, deliver: deliver) }

    /// Forgets the history before a revision; the objects stay.
    public func compact(before revision: StoreRevision) { engine.compact(before: revision) }

    /// Commits what was submitted, ends every watch and closes the store.
    public func close() { engine.close() }
}
