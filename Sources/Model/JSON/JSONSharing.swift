extension JSONValue {
    /// The same document, made of an older one's parts wherever the two are equal, so that both together take little more memory
    /// than one: a version of an object differs from the one before in a few members.
    public func sharing(with older: JSONValue) -> JSONValue { shared(with: older).value }

    /// The value that shares, and whether it is the older one, in writing order too.
    private func shared(with older: JSONValue) -> (value: JSONValue, isOlder: Bool) {
        switch (self, older) {
        case (.object(let object), .object(let before)):
            let (shared, isOlder) = object.shared(with: before) { $0.shared(with: $1) }
            return isOlder ? (older, true) : (.object(shared), false)
        case (.array(let elements), .array(let before)):
            return JSONValue.shared(elements, before)
        // Equality of objects does not look at the order, so only what has no members is compared by it.
        default: return self == older ? (older, true) : (self, false)
        }
    }

    private static func shared(_ elements: [JSONValue], _ before: [JSONValue]) -> (JSONValue, Bool) {
        var isOlder = elements.count == before.count
        var result = elements
        for index in elements.indices where index < before.count {
            let (value, isSame) = elements[index].shared(with: before[index])
            result[index] = value
            isOlder = isOlder && isSame
        }
        return isOlder ? (.array(before), true) : (.array(result), false)
    }
}

extension JSONObject {
    /// The object made of an older one's members where they are equal, and whether all are, in the same order.
    fileprivate func shared(
        with before: JSONObject, _ share: (JSONValue, JSONValue) -> (value: JSONValue, isOlder: Bool)
    ) -> (JSONObject, Bool) {
        var isOlder = count == before.count
        var result = JSONObject(reserving: count)
        for (index, member) in members.enumerated() {
            let older = before.member(member.name, near: index)
            let (value, isSame) = older.map { share(member.value, $0.value) } ?? (member.value, false)
            result.appendUnchecked(older?.name ?? member.name, value)
            isOlder = isOlder && isSame && before.members[index].name == member.name
        }
        return (result, isOlder)
    }

    /// The member of a name, which is looked for first where one version of an object has what another has.
    private func member(_ name: String, near index: Int) -> Member? {
        if index < count, members[index].name == name { return members[index] }
        // A member was added or left out before it. Objects with very many members are not worth a search for each.
        return count > 64 ? nil : members.first { $0.name == name }
    }
}
