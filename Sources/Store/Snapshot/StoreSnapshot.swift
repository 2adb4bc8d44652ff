import Model

/// Everything that a store holds at one revision, without its history.
///
/// As text it is lines of JSON: a head that says the revision and how many objects follow, then one object a line.
public struct StoreSnapshot: Sendable {
    /// The store's revision.
    public let revision: StoreRevision
    /// Every object in key order, each with the revision that wrote it.
    public let objects: [StoredObject]

    /// Takes a store's present content, in no time and without holding anybody up.
    public init(of store: any Store) {
        let (objects, revision) = store.list(StoreScope(type: nil))
        (self.objects, self.revision) = (objects, revision)
    }

    /// The text.
    public var text: [UInt8] {
        let head: JSONValue = [
            "format": .string(Self.format), "revision": .integer(Int64(revision)),
            "objects": .integer(Int64(objects.count)),
        ]
        var text = head.serialized() + [UInt8(ascii: "\n")]
        for object in objects {
            text += Array("{\"revision\":\(object.revision),\"ordinal\":\(object.ordinal),\"document\":".utf8)
            text += object.bytes
            text += Array("}\n".utf8)
        }
        return text
    }

    private static let format = "martlet-snapshot/1"

    /// Reads the text.
    ///
    /// - Throws: `SnapshotError` that names the line; a text that was cut is one.
    public init(text: ArraySlice<UInt8>) throws(SnapshotError) {
        let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard let first = lines.first, let head = try? JSONValue(parsing: Array(first)),
            head["format"]?.string == Self.format, let revision = head["revision"]?.integer, revision >= 0,
            let count = head["objects"]?.integer
        else { throw SnapshotError(message: "line 1 is not the head of a \(Self.format)") }
        guard lines.count == count + 2, lines.last?.isEmpty == true else {
            throw SnapshotError(message: "the head promises \(count) objects, and \(lines.count - 2) lines follow")
        }
        self.revision = StoreRevision(revision)
        var objects: [StoredObject] = []
        for (index, line) in lines.dropFirst().dropLast().enumerated() {
            objects.append(try Self.object(line, line: index + 2, upTo: StoreRevision(revision)))
        }
        self.objects = objects
    }

    private static func object(
        _ text: ArraySlice<UInt8>, line: Int, upTo limit: StoreRevision
    ) throws(SnapshotError) -> StoredObject {
        guard let value = try? JSONValue(parsing: Array(text)), let document = value["document"],
            let revision = value["revision"]?.integer, let ordinal = value["ordinal"]?.integer,
            revision > 0, StoreRevision(revision) <= limit, (0..<Int64(Staging.changeLimit)).contains(ordinal)
        else { throw SnapshotError(message: "line \(line) is not an object of the snapshot") }
        let (version, kind) = (document["apiVersion"]?.string ?? "", document["kind"]?.string ?? "")
        guard let type = ResourceType.named(apiVersion: version, kind: kind),
            let name = document["metadata"]?["name"]?.string
        else {
            throw SnapshotError(
                message: "line \(line) is of a kind that this martlet does not know: \(version) \(kind)")
        }
        let key = ObjectKey(
            type, namespace: type.isNamespaced ? document["metadata"]?["namespace"]?.string ?? "" : "", name: name)
        return StoredObject(
            key: key, revision: StoreRevision(revision), ordinal: Int(ordinal), document: document)
    }
}

/// Why a text is not a snapshot.
public struct SnapshotError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, with the line.
    public let message: String

    /// What is wrong, with the line.
    public var description: String { message }
}
