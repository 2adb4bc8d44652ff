/// A JSON document (RFC 8259) as a tree. Objects keep the order in which their members were written, so that what a
/// user wrote comes back in the order in which they wrote it.
///
/// Integers are kept apart from other numbers because Kubernetes-style APIs compare them exactly. Two objects are
/// equal when they have the same members, in any order.
public enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object, in the order in which they were written; names are unique.
public struct JSONObject: Sendable {
    /// One member.
    public struct Member: Sendable {
        /// The member's name.
        public var name: String
        /// The member's value.
        public var value: JSONValue

        /// Makes a member.
        public init(name: String, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// The members, in writing order.
    public private(set) var members: [Member] = []

    /// Makes an empty object.
    public init() {}

    /// Makes an empty object with room for exactly so many members.
    init(reserving count: Int) { members.reserveCapacity(count) }

    /// The member names in writing order.
    public var keys: [String] { members.map(\.name) }

    /// Whether there is no member.
    public var isEmpty: Bool { members.isEmpty }

    /// How many members there are.
    public var count: Int { members.count }

    /// The value of a member; assigning nil removes it, assigning to a new name appends it.
    public subscript(name: String) -> JSONValue? {
        get { members.first { $0.name == name }?.value }
        set {
            let index = members.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(name: name, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Appends a member that the caller knows to be new; a decoder that has checked for duplicates uses it.
    public mutating func appendUnchecked(_ name: String, _ value: JSONValue) {
        members.append(Member(name: name, value: value))
    }
}

extension JSONObject: Equatable {
    /// Whether both have the same members with the same values, in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.members.count == right.members.count else { return false }
        if zip(left.members, right.members).allSatisfy({ $0.name == $1.name }) {
            return zip(left.members, right.members).allSatisfy { $0.value == $1.value }
        }
        // An object may have very many members, and each look-up by name passes them all.
        var values: [String: JSONValue] = [:]
        for member in right.members { values[member.name] = member.value }
        return left.members.allSatisfy { values[$0.name] == $0.value }
    }
}

extension JSONValue: Equatable {
    /// Whether both are the same document; `1` and `1.0` are equal.
    public static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.integer(let left), .integer(let right)): left == right
        case (.number(let left), .number(let right)): left == right
        case (.integer(let left), .number(let right)): Double(left) == right
        case (.number(let left), .integer(let right)): left == Double(right)
        case (.string(let left), .string(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension JSONValue: Hashable {
    /// Hashes what equality compares: objects by the number of their members, numbers as floating point.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .bool(let value): hasher.combine(value)
        case .integer(let value): hasher.combine(Double(value))
        case .number(let value): hasher.combine(value)
        case .string(let value): hasher.combine(value)
        case .array(let value): hasher.combine(value)
        case .object(let value): hasher.combine(value.count)
        }
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Makes an object from a literal; the last of two equal names wins.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (name, value) in elements { self[name] = value }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByBooleanLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByNilLiteral
{
    /// Makes a string.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Makes a boolean.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Makes an integer.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// Makes a number.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// Makes an array.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// Makes an object; the last of two equal names wins.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (name, value) in elements { object[name] = value }
        self = .object(object)
    }
    /// Makes null.
    public init(nilLiteral: ()) { self = .null }
}

extension JSONValue {
    /// The string, or nil for any other kind of value.
    public var string: String? { if case .string(let value) = self { value } else { nil } }
    /// The integer, also of a number without a fraction; nil for any other kind of value.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int64(exactly: value)
        default: nil
        }
    }
    /// The number, or nil for any other kind of value.
    public var number: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
    /// The boolean, or nil for any other kind of value.
    public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    /// The elements, or nil for any other kind of value.
    public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    /// The members, or nil for any other kind of value.
    public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
    /// Whether this is null.
    public var isNull: Bool { if case .null = self { true } else { false } }

    /// The name of the kind of value, as an error message says it: `object`, `array`, `string`, `integer`, ...
    public var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }

    /// A member of an object; nil when this is not an object or has no such member. Assigning makes this an object
    /// if it is null; assigning to any other kind of value has no effect.
    public subscript(name: String) -> JSONValue? {
        get { object?[name] }
        set {
            switch self {
            case .object(var members):
                self = .null  // Releases the only other reference, so that the change is made in place.
                members[name] = newValue
                self = .object(members)
            case .null:
                guard let newValue else { return }
                self = [name: newValue]
            default: break
            }
        }
    }

    /// The value at a path of member names; assigning makes the objects on the way.
    public subscript(path path: [String]) -> JSONValue? {
        get { path.reduce(Optional(self)) { $0?[$1] } }
        set {
            guard let first = path.first else {
                self = newValue ?? .null
                return
            }
            guard path.count > 1 else {
                self[first] = newValue
                return
            }
            var child = self[first] ?? .object(JSONObject())
            if child.object == nil { child = .object(JSONObject()) }
            child[path: Array(path.dropFirst())] = newValue
            self[first] = child
        }
    }
}
