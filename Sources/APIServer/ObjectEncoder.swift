import Model
import Store
import Synchronization
import Wire

/// Which rendering of an object is wanted.
struct ObjectView: Hashable, Sendable {
    var form = ResponseForm.object
    var policy = TableObjectPolicy.metadata
}

/// Serializes stored objects and remembers the bytes of those that were asked for lately. Stored objects never change,
/// so what was remembered is right for as long as the object is held.
final class ObjectEncoder: Sendable {
    private struct Key: Hashable {
        var object: ObjectIdentifier
        var view: ObjectView
        var event: WatchEventType?
        // Ages change from second to second.
        var second: Int64
    }

    private struct Entry {
        // Keeps the identity in the key from being given to another object.
        var object: StoredObject
        var bytes: [UInt8]
    }

    /// Two generations: when the young one is full it becomes the old one, and what was old is forgotten.
    private struct Generations {
        var young: [Key: Entry] = [:]
        var old: [Key: Entry] = [:]
        var size = 0
    }

    private let memory = Mutex(Generations())
    private let generationBytes: Int

    init(generationBytes: Int = 512 << 10) { self.generationBytes = generationBytes }

    /// The object as a whole document.
    func document(_ object: StoredObject) -> [UInt8] {
        remembered(Key(object: ObjectIdentifier(object), view: ObjectView(), event: nil, second: 0), object) {
            object.document.serialized()
        }
    }

    /// One line of a watch stream about an object.
    func event(_ type: WatchEventType, _ object: StoredObject, _ view: ObjectView, now: Timestamp) -> [UInt8] {
        let second = view.form == .table ? now.seconds : 0
        let key = Key(object: ObjectIdentifier(object), view: view, event: type, second: second)
        return remembered(key, object) {
            WireEncoding.watchEvent(type, object: Self.render(object, view, now: now).serialized())
        }
    }

    private static func render(_ object: StoredObject, _ view: ObjectView, now: Timestamp) -> JSONValue {
        switch view.form {
        case .table:
            Table.document(
                of: [object.document], type: object.key.type,
                metadata: WireEncoding.listMetadata(revision: object.revision), policy: view.policy, now: now)
        case .metadata: Table.partialMetadata(of: object.document)
        default: object.document
        }
    }

    private func remembered(_ key: Key, _ object: StoredObject, _ make: () -> [UInt8]) -> [UInt8] {
        if let known = memory.withLock({ $0.young[key] ?? $0.old[key] }) { return known.bytes }
        let bytes = make()
        memory.withLock { memory in
            if memory.size + bytes.count > generationBytes {
                memory.old = memory.young
                memory.young = [:]
                memory.size = 0
            }
            memory.young[key] = Entry(object: object, bytes: bytes)
            memory.size += bytes.count
        }
        return bytes
    }
}
