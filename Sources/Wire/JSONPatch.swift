public import Model

/// Why a patch cannot be applied.
public struct PatchError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Whether the patch itself is no patch, rather than one that does not fit the document.
    public var isMalformed: Bool
    /// What is wrong, in lower case without a full stop.
    public var description: String

    /// Makes an error.
    public init(isMalformed: Bool, _ description: String) {
        self.isMalformed = isMalformed
        self.description = description
    }
}

/// JSON Patch (RFC 6902): operations that are done in order, all or none.
public struct JSONPatch: Sendable {
    private enum Operation: Sendable {
        case add(JSONPointer, JSONValue)
        case remove(JSONPointer)
        case replace(JSONPointer, JSONValue)
        case move(from: JSONPointer, to: JSONPointer)
        case copy(from: JSONPointer, to: JSONPointer)
        case test(JSONPointer, JSONValue)
    }

    /// The most operations one patch may have; each may copy a whole document.
    public static let maximumOperations = 10_000
    /// The largest document that copying may build, in values.
    private static let maximumValues = 1_000_000

    private var operations: [Operation] = []

    /// Reads a patch document.
    public init(_ document: JSONValue) throws(PatchError) {
        guard let entries = document.array else {
            throw PatchError(isMalformed: true, "a JSON patch is an array of operations, not a \(document.kindName)")
        }
        guard entries.count <= Self.maximumOperations else {
            throw PatchError(isMalformed: true, "a JSON patch has at most \(Self.maximumOperations) operations")
        }
        for (index, entry) in entries.enumerated() {
            do throws(PatchError) {
                operations.append(try Self.operation(entry))
            } catch {
                throw PatchError(isMalformed: true, "operation \(index): \(error)")
            }
        }
    }

    /// The patched document.
    public func apply(to document: JSONValue) throws(PatchError) -> JSONValue {
        var result = document
        var copied = 0
        for operation in operations {
            switch operation {
            case .add(let path, let value): try result.insert(value, at: path.tokens[...], path: path)
            case .remove(let path): try result.remove(at: path.tokens[...], path: path)
            case .replace(let path, let value): try result.replace(with: value, at: path.tokens[...], path: path)
            case .move(let source, let path):
                let value = try result.value(at: source)
                try result.remove(at: source.tokens[...], path: source)
                try result.insert(value, at: path.tokens[...], path: path)
            case .copy(let source, let path):
                let value = try result.value(at: source)
                copied += value.valueCount
                guard copied <= Self.maximumValues else {
                    throw PatchError(isMalformed: false, "the patch copies more than \(Self.maximumValues) values")
                }
                try result.insert(value, at: path.tokens[...], path: path)
            case .test(let path, let value):
                guard try result.value(at: path) == value else {
                    throw PatchError(isMalformed: false, "testing value at \(path) failed")
                }
            }
        }
        return result
    }

    private static func operation(_ entry: JSONValue) throws(PatchError) -> Operation {
        guard let name = entry["op"]?.string else { throw PatchError(isMalformed: true, "op is missing") }
        let path = try pointer(entry, "path")
        func value() throws(PatchError) -> JSONValue {
            guard let value = entry["value"] else { throw PatchError(isMalformed: true, "value is missing") }
            return value
        }
        switch name {
        case "add": return .add(path, try value())
        case "remove": return .remove(path)
        case "replace": return .replace(path, try value())
        case "test": return .test(path, try value())
        case "copy": return .copy(from: try pointer(entry, "from"), to: path)
        case "move":
            let source = try pointer(entry, "from")
            guard !(path.tokens.count > source.tokens.count && path.tokens.starts(with: source.tokens)) else {
                throw PatchError(isMalformed: true, "\(source) cannot be moved into itself")
            }
            return .move(from: source, to: path)
        default: throw PatchError(isMalformed: true, "unknown op \"\(name)\"")
        }
    }

    private static func pointer(_ entry: JSONValue, _ member: String) throws(PatchError) -> JSONPointer {
        guard let text = entry[member]?.string else { throw PatchError(isMalformed: true, "\(member) is missing") }
        guard let pointer = JSONPointer(text) else {
            throw PatchError(isMalformed: true, "\(member) \"\(text)\" is not a JSON pointer (RFC 6901)")
        }
        return pointer
    }
}

extension JSONValue {
    fileprivate var valueCount: Int {
        switch self {
        case .array(let elements): elements.reduce(1) { $0 + $1.valueCount }
        case .object(let object): object.members.reduce(1) { $0 + $1.value.valueCount }
        default: 1
        }
    }

    fileprivate func value(at path: JSONPointer) throws(PatchError) -> JSONValue {
        var current = self
        for token in path.tokens {
            switch current {
            case .object(let object):
                guard let next = object[token] else { throw Self.missing(path) }
                current = next
            case .array(let elements): current = elements[try Self.index(token, below: elements.count, path)]
            default: throw Self.missing(path)
            }
        }
        return current
    }

    fileprivate mutating func insert(
        _ value: JSONValue, at tokens: ArraySlice<String>, path: JSONPointer
    ) throws(PatchError) {
        guard let token = tokens.first else {
            self = value
            return
        }
        if tokens.count > 1 {
            try change(token, path) { (child: inout JSONValue) throws(PatchError) in
                try child.insert(value, at: tokens.dropFirst(), path: path)
            }
            return
        }
        switch self {
        case .object: self[token] = value
        case .array(var elements):
            let index = token == "-" ? elements.count : try Self.index(token, below: elements.count + 1, path)
            elements.insert(value, at: index)
            self = .array(elements)
        default: throw Self.missing(path)
        }
    }

    fileprivate mutating func remove(at tokens: ArraySlice<String>, path: JSONPointer) throws(PatchError) {
        guard let token = tokens.first else {
            self = .null
            return
        }
        if tokens.count > 1 {
            try change(token, path) { (child: inout JSONValue) throws(PatchError) in
                try child.remove(at: tokens.dropFirst(), path: path)
            }
            return
        }
        switch self {
        case .object(let object):
            guard object[token] != nil else { throw Self.missing(path) }
            self[token] = nil
        case .array(var elements):
            elements.remove(at: try Self.index(token, below: elements.count, path))
            self = .array(elements)
        default: throw Self.missing(path)
        }
    }

    fileprivate mutating func replace(
        with value: JSONValue, at tokens: ArraySlice<String>, path: JSONPointer
    ) throws(PatchError) {
        guard let token = tokens.first else {
            self = value
            return
        }
        try change(token, path) { (child: inout JSONValue) throws(PatchError) in
            try child.replace(with: value, at: tokens.dropFirst(), path: path)
        }
    }

    private mutating func change(
        _ token: String, _ path: JSONPointer, _ body: (inout JSONValue) throws(PatchError) -> Void
    ) throws(PatchError) {
        switch self {
        case .object(let object):
            guard var child = object[token] else { throw Self.missing(path) }
            try body(&child)
            self[token] = child
        case .array(var elements):
            let index = try Self.index(token, below: elements.count, path)
            try body(&elements[index])
            self = .array(elements)
        default: throw Self.missing(path)
        }
    }

    /// An array index (RFC 6901 section 4): digits without a leading zero.
    private static func index(_ token: String, below limit: Int, _ path: JSONPointer) throws(PatchError) -> Int {
        let digits = token.utf8
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            digits.count == 1 || digits.first != 0x30, let index = Int(token), index < limit
        else { throw missing(path) }
        return index
    }

    private static func missing(_ path: JSONPointer) -> PatchError {
        PatchError(isMalformed: false, "the document has no value at \(path)")
    }
}
