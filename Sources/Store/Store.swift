public import Model

/// A position in the store's history: the number of the transaction that made it. Opaque to API clients.
public typealias StoreRevision = UInt64

/// One object as it was stored at one revision. Immutable; safe to hold for ever.
public final class StoredObject: Sendable {
    /// Where it is stored.
    public let key: ObjectKey
    /// The revision of the transaction that wrote it; equals `metadata.resourceVersion`.
    public let revision: StoreRevision
    /// The whole document, with `apiVersion`, `kind` and `metadata.resourceVersion` filled in.
    public let document: JSONValue
    /// Which of its transaction's changes wrote it; with the revision, its place in the log.
    let ordinal: Int

    /// Makes an entry.
    public convenience init(key: ObjectKey, revision: StoreRevision, document: JSONValue) {
        self.init(key: key, revision: revision, ordinal: 0, document: document)
    }

    init(key: ObjectKey, revision: StoreRevision, ordinal: Int, document: JSONValue) {
        self.key = key
        self.revision = revision
        self.ordinal = ordinal
        self.document = document
    }

    /// The document as compact JSON. Not kept: it is written to disk once, and the history holds thousands of objects.
    public var bytes: [UInt8] { document.serialized() }

    /// `metadata.uid`.
    public var uid: String { document["metadata"]?["uid"]?.string ?? "" }

    /// The object as a typed value, with every default: documents are stored without those of list elements
    /// (`Defaults.stored`).
    public func decoded<T: Resource>(_ type: T.Type = T.self) throws -> T {
        try T(json: Defaults.completing(document, type: T.type))
    }
}

/// One write of a transaction.
public enum StoreWrite: Sendable {
    /// Stores a document under a key, whether or not one is there. The store sets `metadata.resourceVersion`.
    /// A document equal to the stored one (apart from `metadata.resourceVersion`) is no write: nothing changes.
    case put(ObjectKey, JSONValue)
    /// Removes the object under a key; removing what is not there is no write.
    case delete(ObjectKey)
}

/// What must hold when a transaction is committed.
public enum StorePrecondition: Sendable, Equatable {
    /// Nothing is stored under the key.
    case absent(ObjectKey)
    /// The object under the key was last written at this revision.
    case revision(ObjectKey, StoreRevision)
    /// The object under the key has this `metadata.uid`.
    case uid(ObjectKey, String)
    /// Something is stored under the key.
    case present(ObjectKey)
}

/// Writes that happen together or not at all.
///
/// The writes are made in order, each on what the one before it left. What counts is their sum: a key that is written
/// twice changes once, from what it was before the transaction to what it is after it.
public struct StoreTransaction: Sendable {
    /// What must hold.
    public var preconditions: [StorePrecondition]
    /// What is written, in order.
    public var writes: [StoreWrite]

    /// Makes a transaction.
    public init(preconditions: [StorePrecondition] = [], writes: [StoreWrite]) {
        self.preconditions = preconditions
        self.writes = writes
    }
}

/// What a committed transaction did.
public struct StoreCommit: Sendable {
    /// The store's revision; the previous one where nothing changed.
    public let revision: StoreRevision
    /// One event a key that changed, in the order in which the transaction first wrote them.
    public let events: [StoreEvent]

    /// Makes a result.
    public init(revision: StoreRevision, events: [StoreEvent]) {
        self.revision = revision
        self.events = events
    }
}

/// One change of one object.
public struct StoreEvent: Sendable {
    /// What kind of change it is.
    public enum Change: Sendable, Equatable {
        case added, modified, deleted
    }
    /// What kind of change it is.
    public let change: Change
    /// The object after the change; for a deletion, the last object with the revision of the deletion.
    public let object: StoredObject
    /// The object before the change; nil for an addition.
    public let previous: StoredObject?

    /// Makes an event.
    public init(change: Change, object: StoredObject, previous: StoredObject?) {
        self.change = change
        self.object = object
        self.previous = previous
    }
}

/// Why the store refused.
public enum StoreError: Error, Sendable, Equatable {
    /// A precondition did not hold; nothing was written.
    case conflict(StorePrecondition)
    /// The history from this revision on is gone; list again. `oldest` is the oldest revision one may watch from.
    case expired(oldest: StoreRevision)
    /// The revision lies in the future.
    case futureRevision(current: StoreRevision)
    /// The disk is full; nothing was written, later writes may succeed.
    case full(String)
    /// The database failed in a way after which its content on disk is unknown (a failed fsync): nothing is written
    /// until the process is started again.
    case failed(String)
    /// The database file cannot be opened, is in use by another process, or is damaged.
    case corrupt(String)
    /// The store was closed.
    case closed
}

/// Which objects a list or a watch is about.
public struct StoreScope: Sendable, Hashable {
    /// The type; nil for every type.
    public var type: ResourceType?
    /// The namespace; nil for every namespace.
    public var namespace: String?
    /// The name; nil for every name.
    public var name: String?

    /// Makes a scope.
    public init(type: ResourceType?, namespace: String? = nil, name: String? = nil) {
        self.type = type
        self.namespace = namespace
        self.name = name
    }

    /// Whether a key lies in the scope.
    public func contains(_ key: ObjectKey) -> Bool {
        (type == nil || type == key.type) && (namespace == nil || namespace == key.namespace)
            && (name == nil || name == key.name)
    }
}

/// What a watcher is told. Called in revision order, one call a commit, never two at once, from the committing thread
/// (the replay of history: from the thread that calls `watch`, before `watch` returns). The callee must not block (it
/// appends to its own bounded queue and wakes its own thread). It may call `get`, `list`, `watch`, `submit` and
/// `cancel`, but not `commit`, which would wait for itself.
public enum WatchDelivery: Sendable {
    /// The events of one commit that lie in the scope.
    case events([StoreEvent])
    /// The store's revision moved on without events in the scope.
    case progress(StoreRevision)
    /// The watcher fell behind or the store closed: it must list and watch again.
    case ended(StoreError)
}

/// Ends a watch when it is cancelled or deallocated.
public protocol StoreWatch: AnyObject, Sendable {
    /// Ends the watch; no delivery starts after it returns. Waits for a delivery that another thread is making, so
    /// it must not be called with a lock held that the callee takes.
    func cancel()
}

/// Revisioned objects with transactions and watches. All methods may be called from any thread.
public protocol Store: AnyObject, Sendable {
    /// The revision of the last commit.
    var revision: StoreRevision { get }
    /// The object under a key.
    func get(_ key: ObjectKey) -> StoredObject?
    /// The objects in a scope in key order, and the revision of that snapshot.
    func list(_ scope: StoreScope) -> (objects: [StoredObject], revision: StoreRevision)
    /// Commits a transaction; returns when it is durable. Concurrent calls share one fsync.
    func commit(_ transaction: StoreTransaction) throws(StoreError) -> StoreCommit
    /// Commits a transaction; the completion is called once it is durable or refused, on the writer's thread, after
    /// the watchers were told (by the caller's thread where the store is closed already).
    func submit(
        _ transaction: StoreTransaction, completion: @escaping @Sendable (Result<StoreCommit, StoreError>) -> Void)
    /// Delivers every change after a revision, without gap or repetition.
    ///
    /// - Throws: `StoreError.expired` when the history no longer reaches back that far, `.futureRevision`.
    func watch(
        _ scope: StoreScope, after revision: StoreRevision, deliver: @escaping @Sendable (WatchDelivery) -> Void
    ) throws(StoreError) -> any StoreWatch
    /// Forgets the history before a revision; the objects stay. Takes effect at once; the space on disk is given back
    /// little by little, behind the writes.
    func compact(before revision: StoreRevision)
    /// Ends every watch and closes the database.
    func close()
}
