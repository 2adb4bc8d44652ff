public import Model

/// Strategic merge patch: a merge patch that also merges lists, by a key of their elements, and knows directives
/// (Kubernetes "Update API Objects in Place Using kubectl patch"; API conventions, "Patch operations").
public enum StrategicMergePatch {
    /// How the elements of the lists with a member's name are told apart.
    private enum ListRule {
        /// Objects, by the value of a member.
        case key(String)
        /// Plain values, by themselves.
        case set
    }

    /// The document that a patch makes of another one.
    ///
    /// - Parameter type: the lists of core types are merged by the keys of the core v1 types; those of other types
    ///   are replaced, as a merge patch does.
    public static func apply(
        _ patch: JSONValue, to target: JSONValue, type: ResourceType
    ) throws(PatchError) -> JSONValue {
        guard case .object(let changes) = patch else {
            throw PatchError(isMalformed: true, "a strategic merge patch is an object, not a \(patch.kindName)")
        }
        let merger = Merger(mergesLists: type.group.isEmpty)
        return try merger.merge(changes, into: target.object ?? JSONObject()) ?? .object(JSONObject())
    }

    private struct Merger {
        let mergesLists: Bool

        /// The merged object; nil when the patch deletes it.
        func merge(_ patch: JSONObject, into target: JSONObject) throws(PatchError) -> JSONValue? {
            var result = target
            switch patch["$patch"]?.string {
            case "delete": return nil
            case "replace": return .object(patch.withoutDirectives)
            case nil, "merge": break
            case let directive?: throw PatchError(isMalformed: true, "unknown $patch directive \"\(directive)\"")
            }
            for change in patch.members where !change.name.hasPrefix("$") {
                guard !change.value.isNull else {
                    result[change.name] = nil
                    continue
                }
                result[change.name] = try merged(change.name, change.value, into: result[change.name])
            }
            try applyDirectives(patch, to: &result)
            return .object(result)
        }

        private func merged(
            _ name: String, _ value: JSONValue, into target: JSONValue?
        ) throws(PatchError) -> JSONValue? {
            switch value {
            case .object(let changes): return try merge(changes, into: target?.object ?? JSONObject())
            case .array(let elements):
                guard mergesLists, let rule = Self.rules[name] else {
                    return .array(try replaced(elements))
                }
                return .array(try merge(elements, into: target?.array ?? [], by: rule))
            default: return value
            }
        }

        /// The elements of a list that is replaced as a whole.
        private func replaced(_ elements: [JSONValue]) throws(PatchError) -> [JSONValue] {
            var result: [JSONValue] = []
            for element in elements where element["$patch"] == nil { result.append(element.withoutDirectives) }
            return result
        }

        private func merge(
            _ changes: [JSONValue], into target: [JSONValue], by rule: ListRule
        ) throws(PatchError) -> [JSONValue] {
            if changes.contains(where: { $0["$patch"]?.string == "replace" }) { return try replaced(changes) }
            var result = target
            for change in changes {
                switch rule {
                case .set: if !result.contains(change) { result.append(change) }
                case .key(let key): try merge(change, into: &result, key: key)
                }
            }
            return result
        }

        private func merge(_ change: JSONValue, into list: inout [JSONValue], key: String) throws(PatchError) {
            guard case .object(let members) = change, let identity = members[key] else {
                throw PatchError(isMalformed: true, "an element of a merged list has no \"\(key)\": \(change.text())")
            }
            let index = list.firstIndex { $0[key] == identity }
            let merged = try merge(members, into: index.flatMap { list[$0].object } ?? JSONObject())
            switch (index, merged) {
            case (let index?, let merged?): list[index] = merged
            case (let index?, nil): list.remove(at: index)
            case (nil, let merged?): list.append(merged)
            case (nil, nil): break
            }
        }

        private func applyDirectives(_ patch: JSONObject, to result: inout JSONObject) throws(PatchError) {
            for directive in patch.members where directive.name.hasPrefix("$") {
                guard let values = directive.value.array else { continue }
                if directive.name == "$retainKeys" {
                    let retained = values.compactMap(\.string)
                    for key in result.keys where !retained.contains(key) { result[key] = nil }
                } else if let list = directive.name.afterPrefix("$deleteFromPrimitiveList/") {
                    result[list] = result[list]?.array.map { .array($0.filter { !values.contains($0) }) }
                } else if let list = directive.name.afterPrefix("$setElementOrder/"), mergesLists {
                    result[list] = result[list]?.array.map { .array(ordered($0, like: values, name: list)) }
                }
            }
        }

        /// The elements in the order of a directive; what it does not name stays behind its present predecessor.
        private func ordered(_ elements: [JSONValue], like order: [JSONValue], name: String) -> [JSONValue] {
            func rank(_ element: JSONValue) -> Int? {
                guard case .key(let key) = Self.rules[name] else { return order.firstIndex(of: element) }
                return order.firstIndex { $0[key] == element[key] }
            }
            var previous = -1
            let ranked = elements.enumerated().map { index, element in
                previous = rank(element) ?? previous
                return (rank: previous, index: index, element: element)
            }
            return ranked.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map(\.element)
        }

        /// The merge keys of core v1's lists (`patchMergeKey` in the Kubernetes API reference), by member name.
        private static let rules: [String: ListRule] = [
            "containers": .key("name"), "initContainers": .key("name"), "env": .key("name"),
            "volumes": .key("name"), "ports": .key("containerPort"), "volumeMounts": .key("mountPath"),
            "imagePullSecrets": .key("name"), "hostAliases": .key("ip"), "conditions": .key("type"),
            "addresses": .key("type"), "ownerReferences": .key("uid"), "finalizers": .set,
        ]
    }
}

extension String {
    fileprivate func afterPrefix(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}

extension JSONObject {
    /// The object without the members that are directives of a strategic merge patch.
    fileprivate var withoutDirectives: JSONObject {
        var result = JSONObject()
        for member in members where !member.name.hasPrefix("$") && !member.value.isNull {
            result[member.name] = member.value.withoutDirectives
        }
        return result
    }
}

extension JSONValue {
    fileprivate var withoutDirectives: JSONValue {
        switch self {
        case .object(let object): .object(object.withoutDirectives)
        case .array(let elements): .array(elements.map(\.withoutDirectives))
        default: self
        }
    }
}
