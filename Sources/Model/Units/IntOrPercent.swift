/// A count that may be relative: `2`, or `25%` of some whole.
public enum IntOrPercent: Hashable, Sendable {
    case count(Int)
    case percent(Int)

    /// The count of a whole, a percentage rounded up: 25% of 10 is 3.
    public func roundedUp(of whole: Int) -> Int {
        switch self {
        case .count(let count): count
        case .percent(let percent): (whole * percent + 99) / 100
        }
    }

    /// The count of a whole, a percentage rounded down: 25% of 10 is 2.
    public func roundedDown(of whole: Int) -> Int {
        switch self {
        case .count(let count): count
        case .percent(let percent): whole * percent / 100
        }
    }
}

extension IntOrPercent: CustomStringConvertible {
    /// The count as a manifest writes it.
    public var description: String {
        switch self {
        case .count(let count): "\(count)"
        case .percent(let percent): "\(percent)%"
        }
    }

    /// Parses `2` or `25%`; nil for anything else, negative counts included.
    public init?(_ text: String) {
        let isPercent = text.hasSuffix("%")
        let digits = isPercent ? text.dropLast() : text[...]
        guard digits.allSatisfy({ $0.isASCII && $0.isNumber }), let value = Int(digits) else { return nil }
        self = isPercent ? .percent(value) : .count(value)
    }
}

extension IntOrPercent: Codable {
    /// Decodes an integer or a percentage string.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let count = try? container.decode(Int.self) {
            self = .count(count)
            return
        }
        let text = try container.decode(String.self)
        guard let value = IntOrPercent(text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "\"\(text)\" is not a count or a percentage"))
        }
        self = value
    }

    /// Encodes an integer, or a percentage string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .count(let count): try container.encode(count)
        case .percent: try container.encode(description)
        }
    }
}
