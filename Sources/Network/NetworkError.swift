import Linux

/// Why a pod could not be connected.
public enum NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A name, an address or a range makes no sense.
    case invalid(String)
    /// All addresses of the range are in use.
    case exhausted(CIDR)
    /// The kernel refused.
    case system(LinuxError)

    /// What is wrong.
    public var description: String {
        switch self {
        case .invalid(let message): message
        case .exhausted(let range): "no free address in \(range)"
        case .system(let error): error.description
        }
    }
}

/// Runs system calls, turning their error into the network's.
func system<Value>(_ body: () throws(LinuxError) -> Value) throws(NetworkError) -> Value {
    do {
        return try body()
    } catch {
        throw .system(error)
    }
}
