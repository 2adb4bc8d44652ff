/// A protocol with ports.
public enum Transport: String, Sendable, Hashable, Comparable, CustomStringConvertible {
    /// RFC 9293.
    case tcp = "TCP"
    /// RFC 768.
    case udp = "UDP"

    /// `TCP`, `UDP`.
    public var description: String { rawValue }

    /// The order of the names.
    public static func < (left: Transport, right: Transport) -> Bool { left.rawValue < right.rawValue }
}

/// A port of the node that leads to a pod.
public struct HostPort: Sendable, Hashable {
    /// The protocol.
    public var transport: Transport
    /// The port on every address of the node.
    public var port: UInt16
    /// The port on the pod's address.
    public var podPort: UInt16

    /// Describes a port.
    public init(_ transport: Transport, _ port: UInt16, podPort: UInt16) {
        self.transport = transport
        self.port = port
        self.podPort = podPort
    }

    /// Whether the node can have only one of the two.
    func isSameOnNode(as other: HostPort) -> Bool { transport == other.transport && port == other.port }
}
