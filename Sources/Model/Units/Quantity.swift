/// An amount of a resource as Kubernetes writes it: `250m`, `0.5`, `2`, `128Mi`, `1G`, `1e3`.
///
/// Held in thousandths (a CPU amount in millicores, a byte count in thousandths of a byte) with the text the user wrote.
public struct Quantity: Sendable {
    /// The amount in thousandths, rounded up.
    public let thousandths: Int64
    /// The text as written.
    public let text: String

    /// The amount, rounded up to a whole number: bytes, counts.
    public var whole: Int64 { thousandths / 1000 + (thousandths % 1000 > 0 ? 1 : 0) }

    /// Makes a CPU amount.
    public static func millicores(_ count: Int64) -> Quantity {
        Quantity(thousandths: count, text: count % 1000 == 0 ? "\(count / 1000)" : "\(count)m")
    }

    /// Makes an amount in bytes, written with the largest binary suffix that divides it.
    public static func bytes(_ count: Int64) -> Quantity {
        for (suffix, power) in [("Gi", Int64(1) << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)]
        where count != 0 && count % power == 0 {
            return Quantity(thousandths: count * 1000, text: "\(count / power)\(suffix)")
        }
        return Quantity(thousandths: count * 1000, text: "\(count)")
    }

    /// Makes a plain count.
    public static func count(_ count: Int64) -> Quantity { Quantity(thousandths: count * 1000, text: "\(count)") }

    private init(thousandths: Int64, text: String) {
        self.thousandths = thousandths
        self.text = text
    }
}

extension Quantity: LosslessStringConvertible, CustomStringConvertible {
    /// The text as written.
    public var description: String { text }

    private static let suffixes: [(name: String, scale: Double)] = [
        ("Ki", 1024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
        ("Pi", 1_125_899_906_842_624), ("m", 0.001), ("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15),
        ("", 1),
    ]

    /// Parses a Kubernetes quantity; nil for anything else, negative amounts and amounts beyond 9 PB included.
    public init?(_ text: String) {
        guard let last = Self.suffixes.first(where: { text.hasSuffix($0.name) }) else { return nil }
        let digits = text.dropLast(last.name.count)
        guard let first = digits.first, first.isASCII, first.isNumber || first == ".",
            digits.allSatisfy({ $0.isASCII && ($0.isNumber || ".eE+-".contains($0)) }), let value = Double(digits)
        else { return nil }
        let scaled = (value * last.scale * 1000).rounded(.up)
        guard scaled.isFinite, scaled >= 0, let exact = Int64(exactly: scaled) else { return nil }
        self.init(thousandths: exact, text: text)
    }
}

extension Quantity: Hashable, Comparable {
    /// Equal amounts are equal however they are written.
    public static func == (left: Quantity, right: Quantity) -> Bool { left.thousandths == right.thousandths }
    /// Orders by amount.
    public static func < (left: Quantity, right: Quantity) -> Bool { left.thousandths < right.thousandths }
    /// Hashes the amount.
    public func hash(into hasher: inout Hasher) { hasher.combine(thousandths) }
}

extension Quantity: Codable {
    /// Decodes a quantity string, or a bare number.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try (try? container.decode(Int64.self)).map(String.init) ?? container.decode(String.self)
        guard let value = Quantity(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is not a quantity such as 128Mi"))
        }
        self = value
    }

    /// Encodes the text as written.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}
