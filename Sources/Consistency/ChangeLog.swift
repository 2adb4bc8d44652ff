/// One change of one key.
public struct Change: Sendable, Hashable {
    /// What kind of change it is.
    public enum Kind: Sendable, Hashable {
        case added, modified, deleted
    }

    /// What a watcher was told of the value before the change.
    public enum Before: Sendable, Hashable {
        /// The watch tells nothing of it.
        case untold
        /// Nothing was there.
        case nothing
        case value(String)
    }

    /// What changed.
    public var key: String
    /// The revision of the transaction that changed it.
    public var revision: UInt64
    /// What kind of change it is.
    public var kind: Kind
    /// The value after the change; nil for a deletion.
    public var value: String?
    /// The value before the change.
    public var before: Before

    /// Makes a change.
    public init(key: String, revision: UInt64, kind: Kind, value: String?, before: Before = .untold) {
        self.key = key
        self.revision = revision
        self.kind = kind
        self.value = value
        self.before = before
    }
}

extension Change: CustomStringConvertible {
    /// The change as one line for people.
    public var description: String { "\(key) \(kind) at \(revision): \(value ?? "nothing")" }
}

/// Everything that happened, in order: what watches are compared with.
public struct ChangeLog: Sendable {
    /// One write of the log.
    public struct Write: Sendable, Hashable {
        /// The revision of its transaction.
        public var revision: UInt64
        /// What was written.
        public var key: String
        /// The value; nil for a deletion.
        public var value: String?

        /// Makes a write.
        public init(revision: UInt64, key: String, value: String?) {
            self.revision = revision
            self.key = key
            self.value = value
        }
    }

    /// Every change, in the order of revisions.
    public let changes: [Change]

    /// Replays writes that come in the order of their revisions.
    ///
    /// - Parameter start: what the keys held before the first.
    public init(start: [String: String] = [:], _ writes: [Write]) {
        var values = start
        changes = writes.map { write in
            let before = values[write.key]
            values[write.key] = write.value
            let kind: Change.Kind = write.value == nil ? .deleted : before == nil ? .added : .modified
            return Change(
                key: write.key, revision: write.revision, kind: kind, value: write.value,
                before: before.map { .value($0) } ?? .nothing)
        }
    }

    /// The changes of some keys after one revision and up to another.
    func changes(after: UInt64, upTo: UInt64, _ scope: (String) -> Bool) -> [Change] {
        guard after < upTo else { return [] }
        return changes[first(after: after)..<first(after: upTo)].filter { scope($0.key) }
    }

    /// The changes of one revision.
    func changes(at revision: UInt64) -> ArraySlice<Change> {
        changes[first(after: revision == 0 ? 0 : revision - 1)..<first(after: revision)]
    }

    /// Where the changes after a revision begin.
    private func first(after revision: UInt64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].revision > revision { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
