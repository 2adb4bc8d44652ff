/// The nine guarantees of a watch, by the names that etcd gave them (etcd.io, "KV API guarantees"; its robustness tests
/// check the same nine).
public enum WatchGuarantee: String, Sendable, CaseIterable {
    /// Changes come in the order of their revisions.
    case ordered
    /// No change comes twice, over all connections. Only a connection that goes on from a revision of several changes may begin
    /// with all of them once more: its watcher may have been cut off between them.
    case unique
    /// All changes of one transaction that the watcher asked for come together, whole.
    case atomic
    /// Between the first and the last change of a connection none is missing, none is other than it was, and what was
    /// waited for came.
    case reliable
    /// A connection goes on exactly where it was asked to.
    case resumable
    /// What a bookmark says was told, was told before it and comes no more.
    case bookmarkable
    /// The value before the change is told as it was.
    case prevKV
    /// An addition is what had nothing before it, and nothing else is.
    case isCreate
    /// Only what was asked for comes.
    case filter

    /// Where a record breaks the guarantee, in words; empty where it does not.
    ///
    /// - Parameter log: everything that happened from the start of the record's first connection to its end.
    public func violations(of record: WatchRecord, in log: ChangeLog) -> [String] {
        let record = record.withoutRetelling(log)
        let found: [String] =
            switch self {
            case .ordered: disorder(record)
            case .unique: repetitions(record)
            case .atomic: fragments(record, log)
            case .reliable: gaps(record, log)
            case .resumable: jumps(record, log)
            case .bookmarkable: falseBookmarks(record, log)
            case .prevKV: falsePrevious(record, log)
            case .isCreate: falseKinds(record, log)
            case .filter: record.changes.filter { !record.scope($0.key) }.map { "\($0) was not asked for" }
            }
        return found.map { "\(rawValue), \(record.name): \($0)" }
    }

    /// Where records break any of the guarantees.
    public static func violations(of records: [WatchRecord], in log: ChangeLog) -> [String] {
        allCases.flatMap { guarantee in records.flatMap { guarantee.violations(of: $0, in: log) } }
    }
}

extension WatchGuarantee {
    private func disorder(_ record: WatchRecord) -> [String] {
        let changes = record.changes
        return zip(changes, changes.dropFirst()).filter { $0.revision > $1.revision }.map { "\($1) came after \($0)" }
    }

    private func repetitions(_ record: WatchRecord) -> [String] {
        var seen: Set<String> = []
        return record.changes.filter { !seen.insert("\($0.revision) \($0.key)").inserted }.map { "\($0) came again" }
    }

    private func fragments(_ record: WatchRecord, _ log: ChangeLog) -> [String] {
        var problems: [String] = []
        var complete: Set<UInt64> = []
        for connection in record.connections {
            for case .changes(let changes) in connection.deliveries {
                for revision in Set(changes.map(\.revision)).sorted() {
                    let came = changes.filter { $0.revision == revision }.map(\.key)
                    let all = log.changes(at: revision).map(\.key).filter(record.scope)
                    if !complete.insert(revision).inserted { problems.append("revision \(revision) came in parts") }
                    if Set(came) != Set(all) {
                        problems.append("of revision \(revision) came \(came.sorted()), not \(all.sorted())")
                    }
                }
            }
        }
        return problems
    }

    private func gaps(_ record: WatchRecord, _ log: ChangeLog) -> [String] {
        var problems: [String] = []
        for (index, connection) in record.connections.enumerated() {
            let came = connection.changes
            let isLast = index == record.connections.count - 1
            guard let start = came.first.map({ $0.revision - 1 }) ?? (isLast ? connection.after : nil) else { continue }
            let end = max(came.last?.revision ?? 0, isLast ? record.awaited ?? 0 : 0)
            problems += differences(came, log.changes(after: start, upTo: end, record.scope))
        }
        return problems
    }

    private func differences(_ came: [Change], _ expected: [Change]) -> [String] {
        let (told, logged) = (Set(came.map(Content.init)), Set(expected.map(Content.init)))
        return expected.filter { !told.contains(Content($0)) }.map { "\($0) is missing" }
            + came.filter { !logged.contains(Content($0)) }.map { "\($0) never happened" }
    }

    /// What a change is apart from what has guarantees of its own.
    private struct Content: Hashable {
        let key: String
        let revision: UInt64
        let value: String?
        init(_ change: Change) { (key, revision, value) = (change.key, change.revision, change.value) }
    }

    private func jumps(_ record: WatchRecord, _ log: ChangeLog) -> [String] {
        record.connections.compactMap { connection in
            guard let first = connection.changes.first else { return nil }
            let expected = log.changes(
                after: connection.after, upTo: max(first.revision, connection.after), record.scope)
            guard let next = expected.first else { return "after \(connection.after) came \(first), out of nowhere" }
            return next.revision == first.revision ? nil : "after \(connection.after) came \(first), not \(next)"
        }
    }

    private func falseBookmarks(_ record: WatchRecord, _ log: ChangeLog) -> [String] {
        var problems: [String] = []
        for connection in record.connections {
            var told = 0
            var mark: UInt64 = 0
            for delivery in connection.deliveries {
                switch delivery {
                case .changes(let changes):
                    told += changes.count
                    problems += changes.filter { $0.revision <= mark }.map { "\($0) came after the bookmark \(mark)" }
                case .bookmark(let revision):
                    let due = log.changes(after: connection.after, upTo: revision, record.scope).count
                    if due > told { problems.append("bookmark \(revision) came after \(told) changes of \(due)") }
                    mark = max(mark, revision)
                }
            }
        }
        return problems
    }

    private func falsePrevious(_ record: WatchRecord, _ log: ChangeLog) -> [String] {
        record.changes.compactMap { change in
            guard change.before != .untold else { return nil }
            let logged = log.changes(at: change.revision).first { $0.key == change.key }
            guard let logged, logged.before != change.before else { return nil }
            return "\(change) is told to have been \(change.before) before, not \(logged.before)"
        }
    }

    private func falseKinds(_ record: WatchRecord, _ log: ChangeLog) -> [String] {
        record.changes.compactMap { change in
            let logged = log.changes(at: change.revision).first { $0.key == change.key }
            return logged.map { $0.kind == change.kind } ?? true ? nil : "\(change) is told to be \(change.kind)"
        }
    }
}
