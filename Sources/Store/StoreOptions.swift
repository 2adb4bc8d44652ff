public import Model

/// What can be chosen about a store.
public struct StoreOptions: Sendable, Buildable {
    /// How many revisions of history are kept for watches to resume from. They are in memory, some 5 KB each; a watch that
    /// is further behind lists again.
    public var historyLimit = 2_000
    /// How many deliveries may wait for one watcher, while its replay runs, before its watch is ended.
    public var watchBacklog = 10_000
    /// The most that the database file may hold, in bytes; nil for as much as the disk does. SQLite only.
    public var sizeLimit: Int64?
    /// The SQLite VFS to go through; nil for the system's.
    var vfs: String?
    /// How much write-ahead log may gather before it is copied into the database file, in pages of 4 KiB.
    var walLimit = 1000

    /// The defaults.
    public init() {}
}
