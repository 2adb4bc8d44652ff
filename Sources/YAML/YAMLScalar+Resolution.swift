extension YAMLScalar {
    /// What a scalar means in YAML 1.2's core schema (section 10.3.2).
    public enum Meaning: Equatable, Sendable {
        case null
        case bool(Bool)
        case integer(Int64)
        case number(Double)
        case string
        /// A plain scalar that looks like a value and that readers disagree on, or that JSON has no room for; the
        /// message says what to write instead.
        case refused(String)
    }

    /// What the scalar means. `yes`, `no`, `on` and `off` are strings, as in YAML 1.2 and unlike YAML 1.1.
    public var meaning: Meaning {
        guard isPlain else { return .string }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN":
            return .refused("\(text) is no finite number; quote it to make it a string")
        default: break
        }
        guard let first = text.utf8.first, "+-.0123456789".utf8.contains(first) else { return .string }
        return Self.prefixed(text) ?? Self.decimal(text) ?? Self.floating(text) ?? .string
    }

    /// `0o17` and `0x1F`.
    private static func prefixed(_ text: String) -> Meaning? {
        for (prefix, radix) in [("0o", 8), ("0x", 16)] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            guard let first = digits.first, first != "+", first != "-",
                digits.allSatisfy({ $0.isASCII && ($0.hexDigitValue ?? 16) < radix })
            else { return nil }
            return Int64(digits, radix: radix).map { .integer($0) } ?? outOfRange(text)
        }
        return nil
    }

    private static func decimal(_ text: String) -> Meaning? {
        let digits = text.hasPrefix("+") || text.hasPrefix("-") ? text.dropFirst() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        if digits.utf8.count > 1, digits.hasPrefix("0") {
            let octal = "0o" + digits.drop { $0 == "0" }
            return .refused(
                "\(text) is octal to some YAML readers and decimal to others; write \(octal) for octal, or quote it")
        }
        return Int64(text).map { .integer($0) } ?? outOfRange(text)
    }

    /// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
    private static func floating(_ text: String) -> Meaning? {
        var rest = Array(text.utf8)[...]
        func digits() -> Int {
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        if let sign = rest.first, sign == 0x2B || sign == 0x2D { rest = rest.dropFirst() }
        var mantissa = digits()
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            mantissa += digits()
        }
        guard mantissa > 0 else { return nil }
        if let mark = rest.first, mark == UInt8(ascii: "e") || mark == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == 0x2B || sign == 0x2D { rest = rest.dropFirst() }
            guard digits() > 0 else { return nil }
        }
        guard rest.isEmpty else { return nil }
        // `Double` reads neither a leading nor a trailing point.
        var readable = text.hasPrefix("+") ? String(text.dropFirst()) : text
        if readable.hasPrefix(".") { readable = "0" + readable }
        if readable.hasPrefix("-.") { readable = "-0" + readable.dropFirst() }
        if let point = readable.firstIndex(of: ".") {
            let next = readable.index(after: point)
            if next == readable.endIndex || !readable[next].isNumber { readable.insert("0", at: next) }
        }
        guard let value = Double(readable), value.isFinite else { return outOfRange(text) }
        return .number(value)
    }

    private static func outOfRange(_ text: String) -> Meaning {
        .refused("\(text.prefix(40)) is too large a number; quote it to make it a string")
    }
}
