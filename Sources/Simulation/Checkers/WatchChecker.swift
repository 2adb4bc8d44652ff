import Model
import Store

/// 3: a watch tells every change in its selection once, in order, and nothing that did not happen.
final class WatchChecker: Checker {
    let number = 3
    let name = "watches tell the truth"
    /// Up to where each watcher has been told everything, and what else of that revision it has been told.
    private var positions: [String: StoreRevision] = [:]

    func check(_ observation: Observation, _ history: History) -> String? {
        switch observation {
        case .watched(let client, let sight): check(client, sight, history).map { "\(client.name): \($0)" }
        case .heard(let events): check(events, history).map { "the loop: \($0)" }
        default: nil
        }
    }

    private func check(_ client: WatchClient, _ sight: WatchSight, _ history: History) -> String? {
        switch sight {
        case .listed(let documents, let revision):
            positions[client.name] = revision
            told[client.name] = []
            mayRepeat[client.name] = revision
            return checkList(client, documents, revision, history)
        case .bookmark(let revision):
            guard let position = positions[client.name] else { return nil }
            if revision > history.revision { return "Bookmarkable: a bookmark of the future, \(revision)" }
            if revision < position { return "Bookmarkable: a bookmark of the past, \(revision), after \(position)" }
            if let missed = Self.changes(for: client, after: position, to: revision, history).first {
                return
                    "Bookmarkable: the bookmark \(revision) passes \(missed.type) \(missed.key) at \(missed.revision)"
            }
            positions[client.name] = revision
        case .event(let type, let object): return checkEvent(client, type, object, history)
        case .ended(let isExpired):
            if isExpired { positions[client.name] = nil }
            told[client.name] = []
            mayRepeat[client.name] = positions[client.name]
        }
        return nil
    }

    private func checkList(
        _ client: WatchClient, _ documents: [JSONValue], _ revision: StoreRevision, _ history: History
    ) -> String? {
        if revision > history.revision { return "Resumable: a list of the future, \(revision)" }
        guard revision == history.revision else { return nil }
        let wanted = history.objects(of: client.type).filter { client.wants($0.document) }.map(\.document)
        guard wanted != documents else { return nil }
        return "Filter: the list at \(revision) has \(documents.count) objects, and \(wanted.count) match"
    }

    private func checkEvent(_ client: WatchClient, _ type: String, _ object: JSONValue, _ history: History) -> String? {
        guard var position = positions[client.name] else { return nil }
        guard let revision = object["metadata"]?["resourceVersion"]?.string.flatMap({ StoreRevision($0) }) else {
            return "Atomic: an event without a version"
        }
        let what = "\(type) \(object["metadata"]?["name"]?.string ?? "") at \(revision)"
        if revision > history.revision { return "Ordered: \(what) lies in the future" }
        if revision == position, mayRepeat[client.name] == position {
            // Whoever resumes may be told all changes of one transaction once more.
            position -= 1
            positions[client.name] = position
        }
        mayRepeat[client.name] = nil
        if revision < position { return "Ordered: \(what) after \(position)" }
        let expected = pending(client, position, history)
        guard let next = expected.first else { return "Unique: \(what) is no change after \(position)" }
        guard next.revision == revision, next.name == object["metadata"]?["name"]?.string else {
            return "Reliable: \(what) came, and \(next.type) \(next.key) at \(next.revision) was next"
        }
        guard next.type == type else { return "IsCreate: \(what) should be \(next.type)" }
        guard type == "DELETED" || next.document == object else { return "Atomic: \(what) shows something else" }
        told[client.name, default: []].append(next.key)
        if expected.count == 1 || expected[1].revision > revision {
            positions[client.name] = revision
            told[client.name] = []
        }
        return nil
    }

    /// The revision whose changes a watcher that has just begun may be told again.
    private var mayRepeat: [String: StoreRevision] = [:]

    /// What of the revision after the position was told already: one revision may be several events.
    private var told: [String: [ObjectKey]] = [:]

    private func pending(_ client: WatchClient, _ position: StoreRevision, _ history: History) -> [Change] {
        let done = told[client.name] ?? []
        // The first two that are left are enough to know what is next and whether its revision ends with it.
        var result: [Change] = []
        for commit in history.commits[Int(position)...] {
            result += Self.changes(of: commit, for: client)
            if result.count > done.count + 1 { break }
        }
        return Array(result.dropFirst(done.count))
    }

    /// An event as a watcher should see it.
    struct Change {
        let type: String
        let key: ObjectKey
        let revision: StoreRevision
        let document: JSONValue
        var name: String { key.name }
    }

    private static func changes(
        for client: WatchClient, after first: StoreRevision, to last: StoreRevision, _ history: History
    ) -> [Change] {
        guard first < last else { return [] }
        return history.commits[Int(first)..<Int(last)].flatMap { changes(of: $0, for: client) }
    }

    private static func changes(of commit: StoreCommit, for client: WatchClient) -> [Change] {
        commit.events.compactMap { event in
            guard event.object.key.type == client.type else { return nil }
            let was = event.previous.map { client.wants($0.document) } ?? false
            let isNow = event.change != .deleted && client.wants(event.object.document)
            guard was || isNow else { return nil }
            let type = !was ? "ADDED" : isNow ? "MODIFIED" : "DELETED"
            return Change(type: type, key: event.object.key, revision: commit.revision, document: event.object.document)
        }
    }

    /// PrevKV: what the store's own watch says was there before, was.
    private func check(_ events: [StoreEvent], _ history: History) -> String? {
        for event in events {
            let before = history.object(event.object.key, at: event.object.revision - 1)
            if before?.revision != event.previous?.revision {
                return "PrevKV: \(event.object.key) at \(event.object.revision) replaced \(before?.revision ?? 0)"
            }
        }
        return nil
    }
}
