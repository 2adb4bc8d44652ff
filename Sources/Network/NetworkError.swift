public import Linux
public import Model

/// Why a pod could not be connected.
public enum NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A name, an address or a range makes no sense.
    case invalid(String)
    /// No address of the range is free. So many of them rest since they were given back, and the first of those is free in
    /// so long; nil when none rests.
    case exhausted(CIDR, resting: Int, nextFree: TimeSpan?)
    /// Another pod has what can be had only once.
    case conflict(String)
    /// The kernel refused.
    case system(LinuxError)

    /// What is wrong.
    public var description: String {
        switch self {
        case .invalid(let message), .conflict(let message): message
        case .exhausted(let range, _, nil): "no free address in \(range)"
        case .exhausted(let range, let resting, let nextFree?):
            "no free address in \(range): \(resting) of those given back lately rest, the next is free in \(nextFree)"
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
