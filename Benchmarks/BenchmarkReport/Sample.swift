public import Model

/// One measurement of one side.
public struct Sample: Sendable, Hashable {
    /// Whose measurement it is.
    public enum Side: String, Sendable, Hashable {
        case ours
        case theirs
    }

    /// The benchmark it belongs to: `api`.
    public var name: String
    /// What was measured: `durable writes, 32 clients`.
    public var work: String
    /// Who was measured.
    public var side: Side
    /// The peer's name and version; empty for ours.
    public var peer: String
    /// The figure.
    public var value: Double
    /// `s`, `ms`, `MB`, `1/s`.
    public var unit: String

    /// Makes a measurement of ours, or with a peer one of theirs.
    public init(name: String, work: String, peer: String? = nil, value: Double, unit: String) {
        self.name = name
        self.work = work
        self.side = peer == nil ? .ours : .theirs
        self.peer = peer ?? ""
        self.value = value
        self.unit = unit
    }

    /// The line that a measuring program prints.
    public var json: JSONValue {
        [
            "name": .string(name), "work": .string(work), "side": .string(side.rawValue), "peer": .string(peer),
            "value": .number(value), "unit": .string(unit),
        ]
    }

    /// Reads such a line; nil when a member is missing or of another kind.
    public init?(json: JSONValue) {
        guard let name = json["name"]?.string, let work = json["work"]?.string,
            let side = (json["side"]?.string).flatMap(Side.init), let value = json["value"]?.double,
            let unit = json["unit"]?.string
        else { return nil }
        let peer = json["peer"]?.string ?? ""
        self.init(name: name, work: work, peer: side == .theirs ? peer : nil, value: value, unit: unit)
    }
}

extension JSONValue {
    /// A number of either kind.
    fileprivate var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
