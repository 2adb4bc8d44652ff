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

    /// What a suffix multiplies by: powers of 2 and of 10.
    private static let suffixes: [(name: String, binary: Int, decimal: Int)] = [
        ("Ki", 10, 0), ("Mi", 20, 0), ("Gi", 30, 0), ("Ti", 40, 0), ("Pi", 50, 0), ("n", 0, -9), ("u", 0, -6),
        ("m", 0, -3), ("k", 0, 3), ("M", 0, 6), ("G", 0, 9), ("T", 0, 12), ("P", 0, 15),
    ]

    /// Parses a Kubernetes quantity; nil for anything else, negative amounts and amounts beyond 9 PB included.
    public init?(_ text: String) {
        let suffix = Self.suffixes.first { text.hasSuffix($0.name) }
        var rest = text.utf8.dropLast(suffix?.name.utf8.count ?? 0)
        guard var (digits, exponent) = Self.decimal(&rest) else { return nil }
        if suffix == nil, !rest.isEmpty {
            guard let power = Self.exponent(rest) else { return nil }
            exponent += power
            rest = rest.dropFirst(rest.count)
        }
        guard rest.isEmpty else { return nil }
        exponent += 3 + (suffix?.decimal ?? 0)
        digits <<= Int128(suffix?.binary ?? 0)
        guard let exact = Self.scaled(digits, exponent) else { return nil }
        self.init(thousandths: exact, text: text)
    }

    /// Digits with or without a point as a whole number and a power of 10; nil without digits or with more than 18,
    /// which hold every amount there is.
    private static func decimal(_ rest: inout Substring.UTF8View) -> (digits: Int128, exponent: Int)? {
        var (digits, exponent, count, isFraction): (Int128, Int, Int, Bool) = (0, 0, 0, false)
        while let byte = rest.first {
            if byte.isASCIIDigit {
                digits = digits * 10 + Int128(byte - 0x30)
                count += 1
                if isFraction { exponent -= 1 }
            } else if byte == UInt8(ascii: "."), !isFraction {
                isFraction = true
            } else {
                break
            }
            guard count <= 18 else { return nil }
            rest = rest.dropFirst()
        }
        return count > 0 ? (digits, exponent) : nil
    }

    /// `e3`, `E-3`.
    private static func exponent(_ text: Substring.UTF8View) -> Int? {
        guard let first = text.first, first == UInt8(ascii: "e") || first == UInt8(ascii: "E"), text.count <= 4 else {
            return nil
        }
        return Int(Substring(text.dropFirst()))
    }

    /// A number times a power of 10, rounded up; nil when it does not fit.
    private static func scaled(_ digits: Int128, _ exponent: Int) -> Int64? {
        var value = digits
        if exponent >= 0 {
            for _ in 0..<exponent where value != 0 {
                guard value <= Int128(Int64.max) else { return nil }
                value *= 10
            }
        } else {
            var rest = false
            for _ in 0..<(-exponent) where value != 0 {
                rest = rest || value % 10 != 0
                value /= 10
            }
            if rest { value += 1 }
        }
        return Int64(exactly: value)
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
        let number =
            (try? container.decode(Int64.self)).map { "\($0)" } ?? (try? container.decode(Double.self)).map { "\($0)" }
        let text = try number ?? container.decode(String.self)
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
