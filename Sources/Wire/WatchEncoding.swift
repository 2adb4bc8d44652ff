public import Model

/// What an entry of a watch stream says.
public enum WatchEventType: String, Sendable, Hashable {
    case added = "ADDED"
    case modified = "MODIFIED"
    case deleted = "DELETED"
    case bookmark = "BOOKMARK"
    case error = "ERROR"
}

/// The bytes of watch streams and lists. They are put together from the bytes of single objects, which can be kept:
/// a thousand watchers of an object share one serialization.
public enum WireEncoding {
    /// One line of a watch stream.
    public static func watchEvent(_ type: WatchEventType, object: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(object.count + 40)
        bytes += Array("{\"type\":\"\(type.rawValue)\",\"object\":".utf8)
        bytes += object
        bytes += Array("}\n".utf8)
        return bytes
    }

    /// A bookmark's object: the type, and how far the watch has come.
    public static func bookmark(_ type: ResourceType, revision: UInt64, endsInitialEvents: Bool = false) -> JSONValue {
        var metadata: JSONValue = ["resourceVersion": .string(String(revision))]
        if endsInitialEvents { metadata["annotations"] = ["k8s.io/initial-events-end": "true"] }
        return ["kind": .string(type.kind), "apiVersion": .string(type.apiVersion), "metadata": metadata]
    }

    /// A list's metadata.
    ///
    /// - Parameters:
    ///   - next: where the list goes on, if it was cut.
    ///   - remaining: how many objects are left then.
    public static func listMetadata(revision: UInt64, next: ContinueToken? = nil, remaining: Int? = nil) -> JSONValue {
        var metadata: JSONValue = ["resourceVersion": .string(String(revision))]
        if let next { metadata["continue"] = .string(next.text) }
        if let remaining { metadata["remainingItemCount"] = .integer(Int64(remaining)) }
        return metadata
    }

    /// A list of objects that are serialized already.
    public static func list(kind: String, apiVersion: String, metadata: JSONValue, items: [[UInt8]]) -> [UInt8] {
        let head: JSONValue = ["kind": .string(kind), "apiVersion": .string(apiVersion), "metadata": metadata]
        var bytes = head.serialized()
        bytes.reserveCapacity(bytes.count + items.reduce(16) { $0 + $1.count + 1 })
        bytes.removeLast()
        bytes += Array(",\"items\":[".utf8)
        for (index, item) in items.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += item
        }
        bytes += Array("]}".utf8)
        return bytes
    }
}
