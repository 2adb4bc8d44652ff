/// A place in a text, counted from 1; columns count Unicode scalars.
public struct YAMLMark: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The line.
    public var line: Int
    /// The column.
    public var column: Int

    /// Makes a mark.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// `LINE:COLUMN`.
    public var description: String { "\(line):\(column)" }

    /// Orders by place.
    public static func < (left: YAMLMark, right: YAMLMark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// A value of a YAML document and where it starts. Aliases and merge keys are already followed.
public struct YAMLNode: Hashable, Sendable {
    /// What the value is.
    public enum Content: Hashable, Sendable {
        /// Text.
        case scalar(YAMLScalar)
        /// A list.
        case sequence([YAMLNode])
        /// Entries in writing order; their keys are unique.
        case mapping([YAMLEntry])
    }

    /// What the value is.
    public var content: Content
    /// Where it starts.
    public var mark: YAMLMark

    /// Makes a node.
    public init(_ content: Content, mark: YAMLMark) {
        self.content = content
        self.mark = mark
    }

    /// The entries, or nil for any other kind of value.
    public var entries: [YAMLEntry]? { if case .mapping(let entries) = content { entries } else { nil } }
    /// The elements, or nil for any other kind of value.
    public var elements: [YAMLNode]? { if case .sequence(let elements) = content { elements } else { nil } }
    /// The scalar, or nil for any other kind of value.
    public var scalar: YAMLScalar? { if case .scalar(let scalar) = content { scalar } else { nil } }

    /// The value of a mapping's key.
    public subscript(key: String) -> YAMLNode? { entries?.first { $0.key == key }?.value }
}

/// One entry of a mapping.
public struct YAMLEntry: Hashable, Sendable {
    /// The key.
    public var key: String
    /// Where the key starts.
    public var keyMark: YAMLMark
    /// The value.
    public var value: YAMLNode

    /// Makes an entry.
    public init(key: String, keyMark: YAMLMark, value: YAMLNode) {
        self.key = key
        self.keyMark = keyMark
        self.value = value
    }
}

/// The text of a scalar and how it was written, which decides what it means.
public struct YAMLScalar: Hashable, Sendable {
    /// The text, without quotes and with escapes replaced.
    public var text: String
    /// Whether it stood without quotes, so that it may be a number, a boolean or null.
    public var isPlain: Bool

    /// Makes a scalar.
    public init(_ text: String, isPlain: Bool) {
        self.text = text
        self.isPlain = isPlain
    }
}

/// Why a text is not a YAML stream this parser accepts, and where.
public struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where.
    public var mark: YAMLMark
    /// What was found, in lower case without a full stop.
    public var message: String

    /// Makes an error.
    public init(_ mark: YAMLMark, _ message: String) {
        self.mark = mark
        self.message = message
    }

    /// `LINE:COLUMN: MESSAGE`.
    public var description: String { "\(mark): \(message)" }
}

/// How much a YAML text may ask of its reader.
public struct YAMLLimits: Sendable {
    /// Bytes of the whole text.
    public var bytes = 4 << 20
    /// Bytes of one scalar.
    public var scalarBytes = 2 << 20
    /// How deeply sequences and mappings nest, aliases included.
    public var depth = 64
    /// Values in the whole stream, with every alias counted as what it stands for.
    public var nodes = 200_000
    /// Bytes of all scalars and keys, with every alias counted as what it stands for.
    public var expandedBytes = 8 << 20

    /// Makes the limits that manifests have.
    public init() {}
}
