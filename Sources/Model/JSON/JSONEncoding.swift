extension Encodable {
    /// The value as a JSON tree. Absent optionals are left out, and in this module empty arrays and dictionaries too;
    /// dictionaries are written in order of their keys.
    public var json: JSONValue {
        let box = TreeBox()
        do {
            try TreeEncoder(box: box, codingPath: []).encode(self)
        } catch {
            // Nothing in TreeEncoder throws, and no model type writes an `encode(to:)` that does.
            preconditionFailure("encoding \(Self.self) failed: \(error)")
        }
        return box.value
    }
}

/// The place that one value is encoded into; containers fill it in as they go.
private final class TreeBox {
    enum Content {
        case value(JSONValue)
        case object([(name: String, box: TreeBox)])
        case array([TreeBox])
    }
    var content = Content.object([])

    var value: JSONValue {
        switch content {
        case .value(let value): return value
        case .array(let boxes): return .array(boxes.map(\.value))
        case .object(let members):
            var object = JSONObject()
            for member in members { object[member.name] = member.box.value }
            return .object(object)
        }
    }

    func member(_ name: String) -> TreeBox {
        let box = TreeBox()
        if case .object(var members) = content {
            content = .object([])
            members.append((name, box))
            content = .object(members)
        }
        return box
    }

    func element() -> TreeBox {
        let box = TreeBox()
        if case .array(var boxes) = content {
            content = .array([])
            boxes.append(box)
            content = .array(boxes)
        }
        return box
    }
}

private struct TreeEncoder: Encoder {
    let box: TreeBox
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func encode<T: Encodable>(_ value: T) throws {
        switch value {
        case let tree as JSONValue: box.content = .value(tree)
        case let map as any StringKeyedMap: try map.encodeSorted(into: self)
        default: try value.encode(to: self)
        }
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if case .value = box.content { box.content = .object([]) }
        return KeyedEncodingContainer(KeyedTreeEncoder<Key>(box: box, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        box.content = .array([])
        return UnkeyedTreeEncoder(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        ScalarTreeEncoder(box: box, codingPath: codingPath)
    }
}

/// Dictionaries by string, which are written in order of their keys so that equal values have equal text.
private protocol StringKeyedMap {
    func encodeSorted(into encoder: TreeEncoder) throws
}

extension Dictionary: StringKeyedMap where Key == String, Value: Encodable {
    fileprivate func encodeSorted(into encoder: TreeEncoder) throws {
        encoder.box.content = .object([])
        for (key, value) in sorted(by: { $0.key < $1.key }) {
            try TreeEncoder(box: encoder.box.member(key), codingPath: encoder.codingPath).encode(value)
        }
    }
}

private struct KeyedTreeEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let box: TreeBox
    let codingPath: [any CodingKey]

    func child(_ key: Key) -> TreeEncoder {
        TreeEncoder(box: box.member(key.stringValue), codingPath: codingPath + [key])
    }
    mutating func encodeNil(forKey key: Key) throws { child(key).box.content = .value(.null) }
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try child(key).encode(value) }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> { child(key).container(keyedBy: keyType) }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        child(key).unkeyedContainer()
    }
    mutating func superEncoder() -> any Encoder { TreeEncoder(box: box, codingPath: codingPath) }
    mutating func superEncoder(forKey key: Key) -> any Encoder { child(key) }
}

private struct UnkeyedTreeEncoder: UnkeyedEncodingContainer {
    let box: TreeBox
    let codingPath: [any CodingKey]
    var count = 0

    init(box: TreeBox, codingPath: [any CodingKey]) {
        self.box = box
        self.codingPath = codingPath
    }

    mutating func child() -> TreeEncoder {
        count += 1
        return TreeEncoder(box: box.element(), codingPath: codingPath)
    }
    mutating func encodeNil() throws { child().box.content = .value(.null) }
    mutating func encode<T: Encodable>(_ value: T) throws { try child().encode(value) }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type
    ) -> KeyedEncodingContainer<Nested> { child().container(keyedBy: keyType) }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { child().unkeyedContainer() }
    mutating func superEncoder() -> any Encoder { child() }
}

private struct ScalarTreeEncoder: SingleValueEncodingContainer {
    let box: TreeBox
    let codingPath: [any CodingKey]

    mutating func encodeNil() throws { box.content = .value(.null) }
    mutating func encode(_ value: Bool) throws { box.content = .value(.bool(value)) }
    mutating func encode(_ value: String) throws { box.content = .value(.string(value)) }
    mutating func encode(_ value: Double) throws { box.content = .value(.number(value)) }
    mutating func encode(_ value: Float) throws { box.content = .value(.number(Double(value))) }
    mutating func encode(_ value: Int) throws { integer(value) }
    mutating func encode(_ value: Int8) throws { integer(value) }
    mutating func encode(_ value: Int16) throws { integer(value) }
    mutating func encode(_ value: Int32) throws { integer(value) }
    mutating func encode(_ value: Int64) throws { integer(value) }
    mutating func encode(_ value: UInt) throws { integer(value) }
    mutating func encode(_ value: UInt8) throws { integer(value) }
    mutating func encode(_ value: UInt16) throws { integer(value) }
    mutating func encode(_ value: UInt32) throws { integer(value) }
    mutating func encode(_ value: UInt64) throws { integer(value) }
    mutating func encode<T: Encodable>(_ value: T) throws {
        try TreeEncoder(box: box, codingPath: codingPath).encode(value)
    }

    private func integer(_ value: some BinaryInteger) {
        box.content = .value(Int64(exactly: value).map { .integer($0) } ?? .number(Double(value)))
    }
}

extension KeyedEncodingContainer {
    /// Encodes an array unless it is empty. Synthesized encoders of this module prefer this overload.
    mutating func encode<T: Encodable>(_ value: [T], forKey key: Key) throws {
        if !value.isEmpty { try encodeIfPresent(Optional(value), forKey: key) }
    }

    /// Encodes a dictionary unless it is empty.
    mutating func encode<T: Encodable>(_ value: [String: T], forKey key: Key) throws {
        if !value.isEmpty { try encodeIfPresent(Optional(value), forKey: key) }
    }
}

extension JSONValue: Codable {
    /// Decodes any JSON document; only decoders of JSON trees are supported.
    public init(from decoder: any Decoder) throws {
        if let container = try? decoder.singleValueContainer() {
            if container.decodeNil() { self = .null; return }
            if let value = try? container.decode(Bool.self) { self = .bool(value); return }
            if let value = try? container.decode(Int64.self) { self = .integer(value); return }
            if let value = try? container.decode(Double.self) { self = .number(value); return }
            if let value = try? container.decode(String.self) { self = .string(value); return }
            if let value = try? container.decode([JSONValue].self) { self = .array(value); return }
            let members = try container.decode([String: JSONValue].self)
            var object = JSONObject()
            for (name, value) in members.sorted(by: { $0.key < $1.key }) { object[name] = value }
            self = .object(object)
            return
        }
        throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "not JSON"))
    }

    /// Encodes the document.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let object):
            try container.encode(Dictionary(uniqueKeysWithValues: object.members.map { ($0.name, $0.value) }))
        }
    }
}
