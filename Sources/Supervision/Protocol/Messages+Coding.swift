/// A message is an array: its name and then its values, in the order of their declaration. Synthesized coding would give every
/// message a type of keys, for which each supervisor would keep tables.
extension SupervisorRequest: Codable {
    /// Writes the name and the values.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        switch self {
        case .adopt(let config): try values.encode("adopt", config)
        case .launch(let request): try values.encode("launch", request)
        case .signal(let container, let signal):
            try values.encode("signal", container)
            try values.encode(signal)
        case .forget(let container): try values.encode("forget", container)
        case .list: try values.encode("list")
        case .exec(let request): try values.encode("exec", request)
        case .subscribe: try values.encode("subscribe")
        case .shutdown: try values.encode("shutdown")
        }
    }

    /// Reads the name and the values; throws when there is no such name, or a value is of another type.
    public init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        let name: String = try values.next()
        switch name {
        case "adopt": self = .adopt(try values.next())
        case "launch": self = .launch(try values.next())
        case "signal": self = .signal(container: try values.next(), signal: try values.next())
        case "forget": self = .forget(container: try values.next())
        case "list": self = .list
        case "exec": self = .exec(try values.next())
        case "subscribe": self = .subscribe
        case "shutdown": self = .shutdown
        default:
            throw DecodingError.dataCorruptedError(in: values, debugDescription: "there is no request \(name)")
        }
    }
}

extension SupervisorReply: Codable {
    /// Writes the name and the values.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        switch self {
        case .done: try values.encode("done")
        case .container(let record): try values.encode("container", record)
        case .containers(let records): try values.encode("containers", records)
        case .started(let pid): try values.encode("started", pid)
        case .failed(let kind, let message):
            try values.encode("failed", kind)
            try values.encode(message)
        case .ended(let container): try values.encode("ended", container)
        }
    }

    /// Reads the name and the values; throws when there is no such name, or a value is of another type.
    public init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        let name: String = try values.next()
        switch name {
        case "done": self = .done
        case "container": self = .container(try values.next())
        case "containers": self = .containers(try values.next())
        case "started": self = .started(pid: try values.next())
        case "failed": self = .failed(kind: try values.next(), message: try values.next())
        case "ended": self = .ended(container: try values.next())
        default:
            throw DecodingError.dataCorruptedError(in: values, debugDescription: "there is no reply \(name)")
        }
    }
}

extension UnkeyedEncodingContainer {
    /// Appends a message's name and its first value.
    fileprivate mutating func encode(_ name: String, _ value: some Encodable) throws {
        try encode(name)
        try encode(value)
    }
}

extension UnkeyedDecodingContainer {
    /// The next value, of the type that the place takes.
    fileprivate mutating func next<Value: Decodable>() throws -> Value { try decode(Value.self) }
}
