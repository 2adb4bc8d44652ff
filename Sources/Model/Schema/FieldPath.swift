/// The place of a value in a document: `spec.ports[0].port`.
public struct FieldPath: Hashable, Sendable {
    /// One step down into a document.
    public enum Element: Hashable, Sendable {
        /// A member of an object.
        case name(String)
        /// An element of an array, counted from 0.
        case index(Int)
    }

    /// The steps from the document's root.
    public var elements: [Element]

    /// Makes a path; without elements it is the document itself.
    public init(_ elements: [Element] = []) { self.elements = elements }

    /// Makes a path of member names.
    public init(names: String...) { elements = names.map { .name($0) } }

    /// The path of a member of the value at this path.
    public func appending(_ name: String) -> FieldPath { FieldPath(elements + [.name(name)]) }

    /// The path of an element of the array at this path.
    public func appending(_ index: Int) -> FieldPath { FieldPath(elements + [.index(index)]) }

    /// The path of the value that holds this one; nil for the document itself.
    public var parent: FieldPath? { elements.isEmpty ? nil : FieldPath(Array(elements.dropLast())) }

    /// Whether the value at this path is inside, or is, the value at another path.
    public func isInside(_ other: FieldPath) -> Bool { elements.starts(with: other.elements) }
}

extension FieldPath: CustomStringConvertible {
    /// The path as messages write it: `spec.ports[0].port`. A name that is more than letters, digits, `-` and `_` is
    /// written in brackets: `metadata.labels["app.kubernetes.io/name"]`.
    public var description: String {
        var text = ""
        for element in elements {
            switch element {
            case .index(let index): text += "[\(index)]"
            case .name(let name) where Self.isPlain(name): text += text.isEmpty ? name : ".\(name)"
            case .name(let name): text += "[\(JSONValue.string(name).text())]"
            }
        }
        return text
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0.isASCIIAlphanumeric || $0 == 0x2D || $0 == 0x5F }
    }
}

extension JSONValue {
    /// The value at a path; nil when there is none.
    public subscript(at path: FieldPath) -> JSONValue? {
        var value = self
        for element in path.elements {
            switch (element, value) {
            case (.name(let name), .object(let object)):
                guard let member = object[name] else { return nil }
                value = member
            case (.index(let index), .array(let elements)) where elements.indices.contains(index):
                value = elements[index]
            default: return nil
            }
        }
        return value
    }
}
