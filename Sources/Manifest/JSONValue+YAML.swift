import Model
import YAML

extension JSONValue {
    /// The document as YAML text in block style, as `-o yaml` prints it. Reading the text gives the same document.
    public var yaml: String {
        var writer = YAMLWriter()
        writer.write(self, level: 0, inSequence: true)
        // The document is written like an element of a list, behind a space.
        return writer.text.dropFirst() + "\n"
    }
}

private struct YAMLWriter {
    var text = ""

    /// Writes a value behind the `:` of a key, or behind the `-` of an element, where its first line may follow at once.
    mutating func write(_ value: JSONValue, level: Int, inSequence: Bool) {
        switch value {
        case .object(let object) where !object.isEmpty:
            for (index, member) in object.members.enumerated() {
                text += index == 0 && inSequence ? " " : newline(level)
                write(key: member.name, level: level)
                write(member.value, level: level + 1, inSequence: false)
            }
        case .array(let elements) where !elements.isEmpty:
            // As kubectl prints them, elements of a key stand below the key itself.
            let level = inSequence ? level : level - 1
            for (index, element) in elements.enumerated() {
                text += index == 0 && inSequence ? " " : newline(level)
                text += "-"
                write(element, level: level + 1, inSequence: true)
            }
        case .object: text += " {}"
        case .array: text += " []"
        case .string(let string):
            text += " " + (Self.literal(string, level: max(level, 1)) ?? Self.inline(string))
        case .null, .bool, .integer, .number: text += " " + value.text()
        }
    }

    private func newline(_ level: Int) -> String { "\n" + String(repeating: " ", count: level * 2) }

    /// A key of more than 1024 characters must be marked as one (YAML 1.2.2 section 8.2.2).
    private mutating func write(key: String, level: Int) {
        let written = Self.inline(key)
        text += written.unicodeScalars.count > 1000 ? "? \(written)\(newline(level)):" : "\(written):"
    }

    /// A string on one line, in quotes where it would otherwise mean something else.
    static func inline(_ string: String) -> String { isSafePlain(string) ? string : quoted(string) }

    private static func isSafePlain(_ string: String) -> Bool {
        // Bytes are compared, not characters: a combining mark would hide the space that it stands on.
        let bytes = Array(string.utf8)
        guard let first = bytes.first, let last = bytes.last, !indicators.contains(first), last != space, last != colon,
            YAMLScalar(string, isPlain: true).meaning == .string
        else { return false }
        // YAML 1.1 readers take these for booleans, and numbers with ':', '_' or '-' for times and dates.
        if ["y", "n", "yes", "no", "on", "off", "<<", "="].contains(string.lowercased()) { return false }
        if numberStart.contains(first), bytes.allSatisfy(numberLike.contains) { return false }
        if bytes.starts(with: "---".utf8) || bytes.starts(with: "...".utf8) { return false }
        let isCut = zip(bytes, bytes.dropFirst()).contains {
            ($0 == colon && $1 == space) || ($0 == space && $1 == hash)
        }
        return !isCut && string.unicodeScalars.allSatisfy { isPrintable($0) && $0 != "\n" && $0 != "\t" }
    }

    private static let space = UInt8(ascii: " ")
    private static let tab = UInt8(ascii: "\t")
    private static let colon = UInt8(ascii: ":")
    private static let hash = UInt8(ascii: "#")
    private static let numberStart = Array("0123456789+-.".utf8)
    private static let numberLike = Array("0123456789+-.:_xXoOTZabcdefABCDEF ".utf8)
    private static let indicators = Array("-?:,[]{}#&*!|>'\"%@` ".utf8)

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x20...0x7E, 0xA0...0x2027, 0x202A...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD: true
        case 0x10000...: true
        default: false
        }
    }

    private static func quoted(_ string: String) -> String {
        var text = "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            case "\r": text += "\\r"
            case _ where isPrintable(scalar): text.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            }
        }
        return text + "\""
    }

    /// A string of several lines as a literal block; nil where that could not give it back exactly.
    private static func literal(_ string: String, level: Int) -> String? {
        guard string.unicodeScalars.contains("\n"), string.unicodeScalars.allSatisfy(isPrintable) else { return nil }
        var lines = string.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
        let isUnsafe = lines.contains { $0.first == tab || $0.last == space || $0.last == tab }
        guard !isUnsafe, let first = lines.first?.first, first != space else { return nil }
        let endings = lines.reversed().prefix { $0.isEmpty }.count
        lines.removeLast(endings)
        let mark = endings == 0 ? "|-" : endings == 1 ? "|" : "|+"
        let indentation = String(repeating: " ", count: level * 2)
        let body =
            lines.map { $0.isEmpty ? "" : indentation + String(decoding: $0, as: UTF8.self) }
            + Array(repeating: "", count: max(0, endings - 1))
        return mark + "\n" + body.joined(separator: "\n")
    }
}
