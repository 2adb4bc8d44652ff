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

    /// The record in which the changes of the revision that a connection goes on from came once, whole, in the connection before.
    func withoutRetelling(_ log: ChangeLog) -> WatchRecord {
        var result = self
        for index in connections.indices.dropFirst() {
            let revision = connections[index].after
            let all = log.changes(at: revision).map(\.key).filter(scope)
            guard all.count > 1, case .changes(let first) = connections[index].deliveries.first,
                Set(first.filter { $0.revision == revision }.map(\.key)) == Set(all)
            else { continue }
            let told = connections[index - 1].changes.filter { $0.revision == revision }
            if !told.isEmpty, told.count < all.count {
                result.connections[index - 1].complete(revision, with: first.filter { $0.revision == revision })
            }
            if !told.isEmpty { result.connections[index].dropFirst(revision) }
        }
        return result
    }
}

extension WatchRecord.Connection {
    /// Puts all of a revision's changes in the place of those that came last.
    fileprivate mutating func complete(_ revision: UInt64, with all: [Change]) {
        guard case .changes(let changes) = deliveries.last else { return }
        deliveries[deliveries.count - 1] = .changes(changes.filter { $0.revision != revision } + all)
    }

    /// Leaves a revision's changes out of the first delivery.
    fileprivate mutating func dropFirst(_ revision: UInt64) {
        guard case .changes(let changes) = deliveries.first else { return }
        let kept = changes.filter { $0.revision != revision }
        if kept.isEmpty { deliveries.removeFirst() } else { deliveries[0] = .changes(kept) }
    }
}
