extension Validation {
    /// What a change of a stored object does that is not allowed: fields that never change.
    ///
    /// A field that the new document leaves out is not a change; the server fills it in.
    public static func errorsOnUpdate(old: JSONValue, new: JSONValue, type: ResourceType) -> [FieldError] {
        let identity = ["name", "namespace", "uid"].compactMap {
            unchanged(["metadata", $0], old, new, mayBeAbsent: true)
        }
        return identity + frozenFields(old, type).compactMap { unchanged([$0], old, new, mayBeAbsent: false) }
            + pinnedNode(old, new, type) + frozenSwitch(old, new, type)
    }

    /// The top-level fields of an object that cannot change any more.
    private static func frozenFields(_ old: JSONValue, _ type: ResourceType) -> [String] {
        let isImmutable = old["immutable"]?.bool == true
        switch type {
        case .revision: return ["spec"]
        case .configMap: return isImmutable ? ["data", "binaryData"] : []
        case .secret: return isImmutable ? ["data", "type"] : ["type"]
        default: return []
        }
    }

    private static func unchanged(
        _ names: [String], _ old: JSONValue, _ new: JSONValue, mayBeAbsent: Bool
    ) -> FieldError? {
        let (before, after) = (old[path: names] ?? .null, new[path: names] ?? .null)
        if before == after || before.isNull && mayBeAbsent || after.isNull && mayBeAbsent { return nil }
        let path = FieldPath(names.map { .name($0) })
        let shown = before.object == nil && names.count > 1 ? "; it is \(before.shownInMessages)" : ""
        return FieldError(path, .forbidden, "cannot be changed" + shown)
    }

    /// A pod stays on its node.
    private static func pinnedNode(_ old: JSONValue, _ new: JSONValue, _ type: ResourceType) -> [FieldError] {
        guard type == .pod, let before = old["spec"]?["nodeName"]?.string, !before.isEmpty,
            new["spec"]?["nodeName"]?.string != before
        else { return [] }
        let path = FieldPath(names: "spec", "nodeName")
        return [FieldError(path, .forbidden, "cannot be changed; it is \"\(before)\"")]
    }

    /// What is immutable stays so.
    private static func frozenSwitch(_ old: JSONValue, _ new: JSONValue, _ type: ResourceType) -> [FieldError] {
        guard [.configMap, .secret].contains(type), old["immutable"]?.bool == true, new["immutable"]?.bool != true
        else {
            return []
        }
        return [FieldError(FieldPath(names: "immutable"), .forbidden, "cannot be unset once it is true")]
    }
}
