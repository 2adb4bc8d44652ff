extension JSONValue {
    /// How a document is laid out as text.
    public enum Layout: Sendable {
        /// No white space.
        case compact
        /// Two spaces an indentation level, as `-o json` prints.
        case indented
    }

    /// The document as UTF-8 text.
    public func serialized(_ layout: Layout = .compact) -> [UInt8] {
        var writer = Writer(layout: layout)
        writer.write(self)
        return writer.bytes
    }

    /// The document as text.
    public func text(_ layout: Layout = .compact) -> String { String(decoding: serialized(layout), as: UTF8.self) }

    /// The document with the members of every object in order of their names, so that equal documents have equal text.
    public var canonical: JSONValue {
        switch self {
        case .array(let elements): return .array(elements.map(\.canonical))
        case .object(let object):
            var sorted = JSONObject()
            for member in object.members.sorted(by: { $0.name < $1.name }) {
                sorted.appendUnchecked(member.name, member.value.canonical)
            }
            return .object(sorted)
        default: return self
        }
    }
}

private struct Writer {
    let layout: JSONValue.Layout
    var bytes: [UInt8] = []
    var depth = 0

    init(layout: JSONValue.Layout) {
        self.layout = layout
        bytes.reserveCapacity(1024)
    }

    mutating func write(_ value: JSONValue) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .number(let value): bytes.append(contentsOf: String(value).utf8)
        case .string(let value): write(string: value)
        case .array(let elements):
            list("[", "]", count: elements.count) { (writer, index) in writer.write(elements[index]) }
        case .object(let object):
            list("{", "}", count: object.count) { (writer, index) in
                writer.write(string: object.members[index].name)
                writer.bytes.append(UInt8(ascii: ":"))
                if writer.layout == .indented { writer.bytes.append(UInt8(ascii: " ")) }
                writer.write(object.members[index].value)
            }
        }
    }

    private mutating func list(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, count: Int, _ element: (inout Writer, Int) -> Void
    ) {
        bytes.append(UInt8(ascii: open))
        depth += 1
        for index in 0..<count {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            newline()
            element(&self, index)
        }
        depth -= 1
        if count > 0 { newline() }
        bytes.append(UInt8(ascii: close))
    }

    private mutating func newline() {
        guard layout == .indented else { return }
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: depth * 2))
    }

    private mutating func write(string: String) {
        bytes.append(UInt8(ascii: "\""))
        for byte in string.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
            case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
            case 0x0A: bytes.append(contentsOf: "\\n".utf8)
            case 0x0D: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                let digits = Array("0123456789abcdef".utf8)
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
