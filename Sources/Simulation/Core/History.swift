import Model
import Store

/// What truly happened in the store, seen from its disk: every commit that is durable, whoever was told of it. Checkers hold against
/// it what everybody else sees.
final class History {
    /// Every commit, from the first one on.
    private(set) var commits: [StoreCommit] = []
    /// The objects as they are now.
    private(set) var objects: [ObjectKey: StoredObject] = [:]
    private var versions: [ObjectKey: [(revision: StoreRevision, object: StoredObject?)]] = [:]
    /// The last revision that anybody was told of.
    private(set) var acknowledged: StoreRevision = 0

    /// The last durable revision.
    var revision: StoreRevision { commits.last?.revision ?? 0 }

    /// Adds a commit that has become durable.
    func add(_ commit: StoreCommit) {
        commits.append(commit)
        for event in commit.events {
            let object = event.change == .deleted ? nil : event.object
            objects[event.object.key] = object
            versions[event.object.key, default: []].append((commit.revision, object))
        }
    }

    /// Notes that somebody was told of everything up to a revision.
    func acknowledge(_ revision: StoreRevision) { acknowledged = max(acknowledged, revision) }

    /// All objects as they are now, in order of their keys.
    var sorted: [StoredObject] { objects.values.sorted { $0.key < $1.key } }

    /// The objects of a type, in order of their keys.
    func objects(of type: ResourceType) -> [StoredObject] {
        objects.values.filter { $0.key.type == type }.sorted { $0.key < $1.key }
    }

    /// An object as it was at a revision.
    func object(_ key: ObjectKey, at revision: StoreRevision) -> StoredObject? {
        versions[key]?.last { $0.revision <= revision }?.object
    }

    /// The versions that an object had between two revisions, the one at the first included; nil stands for none.
    func versions(of key: ObjectKey, from first: StoreRevision, to last: StoreRevision) -> [StoredObject?] {
        let changes = (versions[key] ?? []).filter { $0.revision > first && $0.revision <= last }
        return [object(key, at: first)] + changes.map(\.object)
    }
}
