public import Model

/// JSON Merge Patch (RFC 7386).
public enum MergePatch {
    /// The document that a patch makes of another one: members are merged, null removes, anything else replaces.
    public static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var result = target.object ?? JSONObject()
        for change in changes.members {
            if change.value.isNull {
                result[change.name] = nil
            } else {
                result[change.name] = apply(change.value, to: result[change.name] ?? .null)
            }
        }
        return .object(result)
    }
}
