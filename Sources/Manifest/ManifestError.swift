import Model
import YAML

/// What is wrong in a manifest, and where.
public struct ManifestError: Error, Hashable, Sendable {
    /// The file as it was named; `standard input` for `-`.
    public var file: String
    /// The line, counted from 1; absent when the whole file is meant.
    public var line: Int?
    /// The column, counted from 1.
    public var column: Int?
    /// The field; absent when the text itself is wrong.
    public var path: FieldPath?
    /// What is wrong, in lower case, without the place and without what was found.
    public var message: String
    /// What was found.
    public var found: String?
    /// The values or names that are accepted, where they can be listed.
    public var allowed: [String] = []
    /// What was probably meant.
    public var suggestion: String?
    /// The whole message without the place.
    private var explanation: String

    /// Makes an error about a file or its text.
    init(file: String, _ message: String, at mark: YAMLMark? = nil) {
        self.file = file
        self.message = message
        explanation = message
        line = mark?.line
        column = mark?.column
    }

    /// Makes an error about a field.
    init(file: String, _ error: FieldError, at mark: YAMLMark) {
        self.file = file
        line = mark.line
        column = mark.column
        path = error.path
        message = error.message
        found = error.found
        allowed = error.allowed
        suggestion = error.suggestion
        explanation = error.description
    }
}

extension ManifestError: CustomStringConvertible {
    /// The message with its place: `web.yaml:12:5: spec.replica: unknown field; did you mean "replicas"?`.
    public var description: String {
        var place = file
        if let line { place += ":\(line)" }
        if let column { place += ":\(column)" }
        return "\(place): \(explanation)"
    }
}

/// Everything that is wrong in the manifests that were read.
public struct ManifestErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// The errors, in the order of files and places; never empty.
    public var errors: [ManifestError]

    /// One line an error.
    public var description: String { errors.map(\.description).joined(separator: "\n") }
}
