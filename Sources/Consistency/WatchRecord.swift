/// What one watcher was told, over all of its connections.
public struct WatchRecord: Sendable {
    /// One thing that a watcher was told.
    public enum Delivery: Sendable, Hashable {
        /// Changes that came together.
        case changes([Change])
        /// That everything up to a revision was told.
        case bookmark(UInt64)
    }

    /// From one start to the next end.
    public struct Connection: Sendable {
        /// The revision after which the watcher asked to be told.
        public var after: UInt64
        /// What it was told, in order.
        public var deliveries: [Delivery]

        /// Makes a connection.
        public init(after: UInt64, _ deliveries: [Delivery] = []) {
            self.after = after
            self.deliveries = deliveries
        }

        var changes: [Change] {
            deliveries.flatMap { delivery -> [Change] in
                if case .changes(let changes) = delivery { changes } else { [] }
            }
        }
    }

    /// Who watched: shown in explanations.
    public var name: String
    /// Whether the watcher asked for a key.
    public var scope: @Sendable (String) -> Bool
    /// In order; each goes on where the one before it ended.
    public var connections: [Connection]
    /// The revision up to which the watcher waited for everything before it ended; nil when it just ended.
    public var awaited: UInt64?

    /// Makes a record.
    public init(
        name: String, scope: @escaping @Sendable (String) -> Bool = { _ in true }, connections: [Connection] = [],
        awaited: UInt64? = nil
    ) {
        self.name = name
        self.scope = scope
        self.connections = connections
        self.awaited = awaited
    }

    var changes: [Change] { connections.flatMap(\.changes) }
}
