/// What a value of a document must look like.
///
/// One table of schemas for each type (`Schema.of`) is what validation, defaults, the OpenAPI document and the manifest
/// reference are all derived from.
public indirect enum Schema: Sendable {
    /// An object with known fields. Rules tie its fields together.
    case object(fields: [Field], additional: Additional = .none, rules: [Rule] = [])
    /// An object whose names the user chooses.
    case map(values: Schema, keys: StringFormat = .text)
    /// A list. With a `key`, elements are objects that differ in that member; with `unique`, elements differ.
    case array(items: Schema, minItems: Int = 0, key: String? = nil, unique: Bool = false)
    /// A string of a format.
    case string(format: StringFormat = .text)
    /// A whole number within bounds.
    case integer(min: Int64 = .min, max: Int64 = .max)
    /// A number within bounds.
    case number(min: Double = -.infinity, max: Double = .infinity)
    /// True or false.
    case boolean
    /// A count of 0 or more, or a percentage such as `25%` up to the maximum.
    case intOrPercent(maxPercent: Int = 100)
    /// Anything at all.
    case any
    /// A value that fits one of several schemas, told apart by the kind of value.
    case oneOf([Schema])

    /// What becomes of fields that the schema does not list.
    public enum Additional: Sendable {
        /// They are mistakes.
        case none
        /// They are kept as they are.
        case any
    }

    /// One of the listed strings.
    public static func enumeration(_ values: String...) -> Schema { .string(format: .enumeration(values)) }
    /// A list of strings of a format.
    public static func strings(_ format: StringFormat = .text, minItems: Int = 0, unique: Bool = false) -> Schema {
        .array(items: .string(format: format), minItems: minItems, unique: unique)
    }
}

/// A field of an object.
public struct Field: Sendable {
    /// The member's name.
    public var name: String
    /// What its value must look like.
    public var schema: Schema
    /// Whether it must be set.
    public var required: Bool
    /// The value it has when it is not set.
    public var `default`: JSONValue?
    /// A sibling whose presence suspends the default: `replicas` has none beside `autoscale`.
    public var defaultUnless: String?
    /// A sentence for people, without a full stop.
    public var description: String
    /// Whether the field is accepted and stored while nothing acts on it yet; `FieldStatus` decides.
    public var notYetInEffect: Bool = false

    /// Makes a field.
    public init(
        _ name: String, _ schema: Schema, _ description: String, required: Bool = false, default: JSONValue? = nil,
        defaultUnless: String? = nil
    ) {
        self.name = name
        self.schema = schema
        self.required = required
        self.default = `default`
        self.defaultUnless = defaultUnless
        self.description = description
    }
}

/// A rule that ties the fields of one object together.
public struct Rule: Sendable {
    /// The rule in a sentence, for the reference.
    public let description: String
    /// Finds what breaks the rule in an object at a path. The object has its defaults; its fields may still be of the
    /// wrong kind, which is reported elsewhere.
    public let check: @Sendable (JSONObject, FieldPath) -> [FieldError]

    /// Makes a rule.
    public init(_ description: String, check: @escaping @Sendable (JSONObject, FieldPath) -> [FieldError]) {
        self.description = description
        self.check = check
    }

    /// Exactly one of several fields is set.
    public static func exactlyOne(of names: String...) -> Rule {
        let list = names.joined(separator: ", ")
        return Rule("exactly one of \(list) is set") { object, path in
            let present = names.filter { object[$0] != nil }
            if present.isEmpty {
                return [FieldError(path, .required, "one of \(list) must be set", allowed: names)]
            }
            return present.dropFirst().map {
                FieldError(path.appending($0), .conflict, "only one of \(list) may be set, and \(present[0]) is")
            }
        }
    }

    /// A number is at most another one.
    static func ordered(_ low: String, _ high: String) -> Rule {
        Rule("\(low) is at most \(high)") { object, path in
            guard let lowValue = object[low]?.integer, let highValue = object[high]?.integer, lowValue > highValue
            else {
                return []
            }
            return [
                FieldError(
                    path.appending(low), .conflict, "expected at most \(high), which is \(highValue)",
                    found: "\(lowValue)")
            ]
        }
    }
}

extension Schema {
    /// What values of this schema are called in messages: `an integer from 1 to 65535`.
    public var expectation: String {
        switch self {
        case .object, .map: return "an object"
        case .array: return "a list"
        case .string(let format): return format.name == StringFormat.argument.name ? "a string" : format.expectation
        case .integer(let min, let max):
            return "an integer" + Self.range(min == .min ? nil : "\(min)", max == .max ? nil : "\(max)")
        case .number(let min, let max):
            return "a number" + Self.range(min.isFinite ? Self.short(min) : nil, max.isFinite ? Self.short(max) : nil)
        case .boolean: return "true or false"
        case .intOrPercent: return "a count or a percentage such as 25%"
        case .any: return "anything"
        case .oneOf(let alternatives): return alternatives.map(\.alternativeExpectation).joined(separator: ", or ")
        }
    }

    /// What an alternative is called: objects by their fields.
    private var alternativeExpectation: String {
        guard case .object(let fields, _, _) = self else { return expectation }
        return fields.isEmpty ? "{}" : "an object with \(fields.map(\.name).joined(separator: ", "))"
    }

    private static func range(_ min: String?, _ max: String?) -> String {
        switch (min, max) {
        case (let min?, let max?): " from \(min) to \(max)"
        case (let min?, nil): " of at least \(min)"
        case (nil, let max?): " of at most \(max)"
        case (nil, nil): ""
        }
    }

    private static func short(_ number: Double) -> String { Int64(exactly: number).map { "\($0)" } ?? "\(number)" }

    /// Whether a value is of the kind this schema describes, whatever its content.
    func acceptsKind(of value: JSONValue) -> Bool {
        switch (self, value) {
        case (.any, _), (.object, .object), (.map, .object), (.array, .array), (.boolean, .bool): true
        case (.string(let format), .string), (.string(let format), .integer), (.string(let format), .number):
            value.string != nil || format.acceptsNumbers
        case (.integer, _): value.integer != nil
        case (.number, _): value.number != nil
        case (.intOrPercent, .string), (.intOrPercent, .integer): true
        case (.oneOf(let alternatives), _): alternatives.contains { $0.acceptsKind(of: value) }
        default: false
        }
    }
}
