/// What is wrong with one field of a document, with what a person needs to put it right.
public struct FieldError: Error, Hashable, Sendable {
    /// The kind of mistake.
    public enum Reason: String, Sendable, CaseIterable {
        /// The schema has no such field.
        case unknownField
        /// The field must be set and is not.
        case required
        /// The value is of another kind: a string where a number belongs.
        case typeMismatch
        /// The value is of the right kind, and its content is not acceptable.
        case invalidValue
        /// The value is not one of the allowed ones.
        case notSupported
        /// The value must be unique and another one equals it.
        case duplicate
        /// The value contradicts another field's.
        case conflict
        /// The field may not be set, or not be changed.
        case forbidden
    }

    /// The field.
    public var path: FieldPath
    /// The kind of mistake.
    public var reason: Reason
    /// What is wrong or what was expected, in lower case, without path and without what was found.
    public var message: String
    /// What was probably meant.
    public var suggestion: String?
    /// What was found, as messages write it; absent for values that are kept from other eyes.
    public var found: String?
    /// The values or names that are accepted, where they can be listed.
    public var allowed: [String]

    /// Makes an error.
    public init(
        _ path: FieldPath, _ reason: Reason, _ message: String, suggestion: String? = nil, found: String? = nil,
        allowed: [String] = []
    ) {
        self.path = path
        self.reason = reason
        self.message = message
        self.suggestion = suggestion
        self.found = found
        self.allowed = allowed
    }
}

extension FieldError: CustomStringConvertible {
    /// The whole message with its path: `spec.replica: unknown field; did you mean "replicas"?`.
    public var description: String {
        path.elements.isEmpty ? explanation : "\(path): \(explanation)"
    }

    /// The whole message without the path: `expected an integer from 1 to 65535, found "http"`.
    public var explanation: String {
        var text = message
        if let found { text += ", found \(found)" }
        if let suggestion {
            let quoted = reason == .typeMismatch ? suggestion : "\"\(suggestion)\""
            text += "; did you mean \(quoted)?"
        } else if reason == .unknownField, !allowed.isEmpty {
            text += "; known fields: \(allowed.joined(separator: ", "))"
        }
        return text
    }
}

extension JSONValue {
    /// The value as an error message shows it: scalars as JSON, long ones cut short, the rest by kind.
    public var shownInMessages: String {
        switch self {
        case .null: return "nothing"
        case .array: return "a list"
        case .object: return "an object"
        case .string(let text) where text.unicodeScalars.count > 60:
            return JSONValue.string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(57))) + "...").text()
        default: return self.text()
        }
    }
}

extension FieldError {
    /// The candidate that a person probably meant by a word; nil when none is near.
    public static func nearest(_ word: String, among candidates: [String]) -> String? {
        NearestName.of(word, among: candidates)
    }
}
