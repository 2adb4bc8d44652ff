import Model
import Store
import Synchronization

/// Lists that were cut at `limit`, so that all pages show the objects of one moment. Objects never change
/// and are shared with the store, so holding them costs little.
final class ListPages: Sendable {
    /// Which list it is: the same request at the same revision.
    struct Key: Hashable, Sendable {
        var scope: StoreScope
        var revision: StoreRevision
        var labels: String
        var fields: String
    }

    private struct Entry {
        var objects: [StoredObject]
        var expires: Timestamp
    }

    private static let lifetime = TimeSpan.minutes(5)
    private static let maximumEntries = 64

    private let entries = Mutex<[Key: Entry]>([:])

    /// Keeps a list for its further pages. Whatever is too old, or the list that ends first, makes room.
    func keep(_ objects: [StoredObject], as key: Key, now: Timestamp) {
        entries.withLock { entries in
            entries = entries.filter { $0.value.expires > now }
            if entries.count >= Self.maximumEntries, entries[key] == nil,
                let first = entries.min(by: { $0.value.expires < $1.value.expires })?.key
            {
                entries[first] = nil
            }
            entries[key] = Entry(objects: objects, expires: now + Self.lifetime)
        }
    }

    /// A list that was kept; nil when it is no longer held.
    func objects(_ key: Key, now: Timestamp) -> [StoredObject]? {
        entries.withLock { entries in
            guard let entry = entries[key], entry.expires > now else { return nil }
            entries[key]?.expires = now + Self.lifetime
            return entry.objects
        }
    }
}
