import Model
import YAML

extension YAMLNode {
    /// The node as a JSON tree, with what cannot be converted noted as errors.
    func json(errors: inout [YAMLError]) -> JSONValue {
        switch content {
        case .sequence(let elements): return .array(elements.map { $0.json(errors: &errors) })
        case .mapping(let entries):
            var object = JSONObject()
            for entry in entries { object.appendUnchecked(entry.key, entry.value.json(errors: &errors)) }
            return .object(object)
        case .scalar(let scalar):
            switch scalar.meaning {
            case .null: return .null
            case .bool(let value): return .bool(value)
            case .integer(let value): return .integer(value)
            case .number(let value): return .number(value)
            case .string: return .string(scalar.text)
            case .refused(let message):
                errors.append(YAMLError(mark, message))
                return .string(scalar.text)
            }
        }
    }
}

/// Finds the places of a document's fields in the text it came from.
public struct SourceMap: Sendable {
    private let root: YAMLNode

    /// Makes the map of a document.
    public init(_ root: YAMLNode) { self.root = root }

    /// The entry of a path, or of its nearest ancestor that is in the text.
    private func entry(of path: FieldPath) -> (keyMark: YAMLMark?, node: YAMLNode, isExact: Bool) {
        var node = root
        var keyMark: YAMLMark?
        for element in path.elements {
            switch (element, node.content) {
            case (.name(let name), .mapping(let entries)):
                guard let entry = entries.first(where: { $0.key == name }) else { return (keyMark, node, false) }
                (keyMark, node) = (entry.keyMark, entry.value)
            case (.index(let index), .sequence(let elements)) where elements.indices.contains(index):
                (keyMark, node) = (nil, elements[index])
            default: return (keyMark, node, false)
            }
        }
        return (keyMark, node, true)
    }

    /// Where a field's key starts, or its value for an element of a list; of a field that is not in the text, where
    /// the nearest field around it starts.
    public func key(of path: FieldPath) -> YAMLMark {
        let entry = entry(of: path)
        return entry.keyMark ?? entry.node.mark
    }

    /// Where a field's value starts; of a field that is not in the text, where the nearest field around it starts.
    public func value(of path: FieldPath) -> YAMLMark {
        let entry = entry(of: path)
        return entry.isExact ? entry.node.mark : entry.keyMark ?? entry.node.mark
    }

    /// The text of a plain scalar as it is written; nil for anything else.
    func plainText(of path: FieldPath) -> String? {
        let entry = entry(of: path)
        guard entry.isExact, let scalar = entry.node.scalar, scalar.isPlain else { return nil }
        return scalar.text
    }
}
