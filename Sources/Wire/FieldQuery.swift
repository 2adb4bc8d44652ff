public import Model

/// A field selector as text: `metadata.name=web,status.phase!=Failed` (Kubernetes "Field Selectors").
public struct FieldQuery: Hashable, Sendable {
    /// One requirement.
    public struct Requirement: Hashable, Sendable {
        /// The path of the field.
        public var path: String
        /// What it is compared to.
        public var value: String
        /// Whether it must be equal rather than different.
        public var isEqual: Bool
        /// The path's members.
        fileprivate var members: [String]
    }

    /// Why a text is not a field selector of a type.
    public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        /// What is wrong, in lower case without a full stop.
        public var description: String
    }

    /// The requirements, in writing order.
    public var requirements: [Requirement] = []

    /// Parses a selector; an empty one matches everything.
    ///
    /// - Parameter type: the type of the objects; each has its own fields that one can select by.
    public init(_ text: String, type: ResourceType) throws(ParseError) {
        for part in try Self.parts(of: text) where !part.isEmpty {
            let requirement = try Self.requirement(part, selector: text)
            guard Self.supported(for: type).contains(requirement.path) else {
                throw ParseError(
                    description: "field label not supported: \"\(requirement.path)\" for \(type.qualifiedName); "
                        + "supported: \(Self.supported(for: type).joined(separator: ", "))")
            }
            requirements.append(requirement)
        }
    }

    /// Whether a document fulfils every requirement; an absent field is the empty text.
    public func matches(_ document: JSONValue) -> Bool {
        requirements.allSatisfy { requirement in
            let value = document[path: requirement.members]
            let text =
                switch value {
                case nil, .null?: ""
                case .string(let text)?: text
                case .bool(let flag)?: flag ? "true" : "false"
                case let other?: other.text()
                }
            return (text == requirement.value) == requirement.isEqual
        }
    }

    /// The value that a field must have, if the selector fixes it.
    public func required(_ path: String) -> String? {
        requirements.first { $0.isEqual && $0.path == path }?.value
    }

    /// The fields that objects of a type can be selected by.
    public static func supported(for type: ResourceType) -> [String] {
        let common = type.isNamespaced ? ["metadata.name", "metadata.namespace"] : ["metadata.name"]
        switch type {
        case .pod:
            return common + [
                "spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP",
            ]
        case .node: return common + ["spec.unschedulable"]
        case .namespace: return common + ["status.phase"]
        case .secret: return common + ["type"]
        case .event:
            let involved = ["kind", "namespace", "name", "uid", "apiVersion", "fieldPath"]
            return common + involved.map { "involvedObject.\($0)" } + ["reason", "type", "source"]
        default: return common
        }
    }

    private static func requirement(_ part: String, selector: String) throws(ParseError) -> Requirement {
        guard let equals = part.firstIndex(of: "=") else {
            throw ParseError(description: "invalid field selector \"\(selector)\": expected NAME=VALUE in \"\(part)\"")
        }
        var path = part[..<equals]
        var value = part[part.index(after: equals)...]
        let isEqual = path.last != "!"
        if !isEqual { path.removeLast() } else if value.first == "=" { value.removeFirst() }
        let name = String(path.trimmingSpaces)
        return Requirement(
            path: name, value: String(value.trimmingSpaces), isEqual: isEqual,
            // An event's source is its component.
            members: name == "source" ? ["source", "component"] : name.split(separator: ".").map(String.init))
    }

    /// Splits at the commas that no backslash precedes; a backslash takes the next character as it is.
    private static func parts(of text: String) throws(ParseError) -> [String] {
        var parts = [""]
        var isEscaped = false
        for character in text {
            switch (isEscaped, character) {
            case (true, ","), (true, "="), (true, "\\"):
                parts[parts.count - 1].append(character)
                isEscaped = false
            case (true, _):
                throw ParseError(description: "invalid field selector \"\(text)\": invalid escape \\\(character)")
            case (false, "\\"): isEscaped = true
            case (false, ","): parts.append("")
            case (false, _): parts[parts.count - 1].append(character)
            }
        }
        guard !isEscaped else { throw ParseError(description: "invalid field selector \"\(text)\": ends in \\") }
        return parts
    }
}

extension Substring {
    fileprivate var trimmingSpaces: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
