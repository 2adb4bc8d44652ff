import Linux

/// A message is an array: its name and then its values, in the order of their declaration. Synthesized coding would give every
/// message a type of keys, for which each supervisor would keep tables.
extension SupervisorRequest: Codable {
    /// Writes the name and the values.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.unkeyedContainer()
        switch self {
        case .adopt(let config): try values.append("adopt", config)
        case .launch(let request): try values.append("launch", request)
        case .signal(let container, let signal): try values.append("signal", container, signal)
        case .forget(let container): try values.append("forget", container)
        case .list: try values.append("list")
        case .exec(let request): try values.append("exec", request)
        case .subscribe: try values.append("subscribe")
        case .shutdown: try values.append("shutdown")
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
        case .done: try values.append("done")
        case .container(let record): try values.append("container", record)
        case .containers(let records): try values.append("containers", records)
        case .started(let pid): try values.append("started", pid)
        case .failed(let kind, let message): try values.append("failed", kind, message)
        case .ended(let container): try values.append("ended", container)
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
