/// A length of time, written in manifests as a Go duration string: `10s`, `1m30s`, `250ms`, `2h`. Resolution is 1 ns.
public struct TimeSpan: Hashable, Comparable, Sendable {
    /// The length in nanoseconds; may be negative in arithmetic, never in a manifest.
    public var nanoseconds: Int64

    /// Makes a length from nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }
    /// No time.
    public static let zero = TimeSpan(nanoseconds: 0)
    /// A length in milliseconds; saturates like all arithmetic of lengths, which users choose.
    public static func milliseconds(_ count: Int64) -> TimeSpan { TimeSpan(nanoseconds: 1_000_000) * count }
    /// A length in seconds.
    public static func seconds(_ count: Int64) -> TimeSpan { TimeSpan(nanoseconds: 1_000_000_000) * count }
    /// A length in minutes.
    public static func minutes(_ count: Int64) -> TimeSpan { seconds(60) * count }
    /// A length in hours.
    public static func hours(_ count: Int64) -> TimeSpan { seconds(3600) * count }

    /// The length in whole milliseconds, rounded down.
    public var wholeMilliseconds: Int64 { nanoseconds / 1_000_000 }
    /// The length in whole seconds, rounded down.
    public var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
    /// The length in seconds.
    public var inSeconds: Double { Double(nanoseconds) / 1e9 }

    /// Orders by length.
    public static func < (left: TimeSpan, right: TimeSpan) -> Bool { left.nanoseconds < right.nanoseconds }
    /// Adds two lengths; saturates instead of overflowing.
    public static func + (left: TimeSpan, right: TimeSpan) -> TimeSpan {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return TimeSpan(nanoseconds: overflow ? (right.nanoseconds < 0 ? .min : .max) : sum)
    }
    /// Subtracts a length; saturates instead of overflowing.
    public static func - (left: TimeSpan, right: TimeSpan) -> TimeSpan {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        return TimeSpan(nanoseconds: overflow ? (right.nanoseconds < 0 ? .max : .min) : difference)
    }
    /// Multiplies a length; saturates instead of overflowing, so that a back-off may double for ever.
    public static func * (left: TimeSpan, right: Int64) -> TimeSpan {
        let (product, overflow) = left.nanoseconds.multipliedReportingOverflow(by: right)
        return TimeSpan(nanoseconds: overflow ? ((left.nanoseconds < 0) != (right < 0) ? .min : .max) : product)
    }
}

extension TimeSpan: CustomStringConvertible, LosslessStringConvertible {
    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000),
        ("ns", 1),
    ]

    /// The length as a manifest writes it, largest unit first: `1m30s`; no time is `0s`.
    public var description: String {
        if nanoseconds == 0 { return "0s" }
        var rest = nanoseconds.magnitude
        var text = nanoseconds < 0 ? "-" : ""
        for unit in Self.units {
            let size = unit.nanoseconds.magnitude
            if rest >= size { text += "\(rest / size)\(unit.name)" }
            rest %= size
        }
        return text
    }

    /// Parses a manifest's length: one or more of a number, with or without a fraction, and a unit of `h`, `m`, `s`,
    /// `ms`, `us`, `ns`, or a bare `0`. Nil for anything else, negative lengths included.
    public init?(_ text: String) {
        if text == "0" {
            self = .zero
            return
        }
        var total: Int64 = 0
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unitName = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unitName.count)
            guard let unit = Self.units.first(where: { $0.name == unitName }),
                let part = Self.scaled(digits, by: unit.nanoseconds)
            else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            if overflow { return nil }
            total = sum
        }
        self.init(nanoseconds: total)
    }

    private static func scaled(_ digits: Substring, by unit: Int64) -> Int64? {
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let whole = Int64(first) else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        guard parts.count == 2 else { return product }
        let digits = parts[1]
        guard (1...12).contains(digits.utf8.count), let fraction = Int128(digits) else { return nil }
        let divisor = (0..<digits.utf8.count).reduce(Int128(1)) { power, _ in power * 10 }
        let (sum, sumOverflow) = product.addingReportingOverflow(Int64(fraction * Int128(unit) / divisor))
        return sumOverflow ? nil : sum
    }
}

extension TimeSpan: Codable {
    /// Decodes a manifest's length string.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let span = TimeSpan(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is not a duration such as 10s"))
        }
        self = span
    }

    /// Encodes the length as a string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
