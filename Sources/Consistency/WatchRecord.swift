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

    /// The record in which the changes of a revision that connections go on from came once, whole, in the first connection that
    /// told of it. Connections in between may have told nothing, or may have been cut off while they told it again.
    func withoutRetelling(_ log: ChangeLog) -> WatchRecord {
        var result = self
        for index in connections.indices.dropFirst() {
            let revision = connections[index].after
            let all = log.changes(at: revision).map(\.key).filter(scope)
            guard all.count > 1, case .changes(let first) = connections[index].deliveries.first else { continue }
            let again = first.filter { $0.revision == revision }
            let isWhole = Set(again.map(\.key)) == Set(all)
            let wasCutOff = index < connections.count - 1 && connections[index].deliveries == [.changes(again)]
            let told = result.connections[..<index].lastIndex { $0.changes.contains { $0.revision == revision } }
            guard isWhole || wasCutOff, let told else { continue }
            if isWhole, result.connections[told].changes.count(where: { $0.revision == revision }) < all.count {
                result.connections[told].complete(revision, with: again)
            }
            result.connections[index].dropFirst(revision)
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
