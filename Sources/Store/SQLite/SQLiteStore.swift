public import Model
import Synchronization

/// A store in one SQLite file, served from memory: reads never touch the disk, and every write is on it before it is
/// answered or seen. One process at a time has the file.
public final class SQLiteStore: Store {
    private let engine: Engine

    /// Opens the store in a file, which is made if it is not there; its folder must exist.
    ///
    /// - Throws: `.corrupt`, with the path, when the file cannot be opened, is in use by another process, is not a
    ///   Martlet store, is one of a newer version, or is damaged.
    public init(path: String, options: StoreOptions = StoreOptions()) throws(StoreError) {
        let journal = try SQLiteJournal(path: path, options: options)
        do throws(StoreError) {
            var content = try journal.load()
            let latest = content.history.latest
            let limit = StoreRevision(max(options.historyLimit, 0))
            content.debt = content.history.forget(upTo: latest > limit ? latest - limit : 0)
            engine = try Engine(ownThread: options, content: content, journal: journal)
        } catch {
            journal.close()
            throw error
        }
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
