import Glibc
import Linux
public import Model
import Synchronization
import Threads

/// How a pod is connected.
public struct PodNetwork: Sendable, Hashable {
    /// The pod's address.
    public var address: IPAddress
    /// The length of the prefix of the node's network.
    public var prefix: Int
    /// The bridge's address, where everything else is sent.
    public var gateway: IPAddress
    /// The name of the interface in the pod.
    public var interface: String
}

/// The pods' network on one node: a bridge, and for each pod a pair of links from the bridge into its namespace.
///
/// Made so that a crash at any instant loses nothing: an address is recorded before the kernel has anything of it, and
/// given back after the kernel has nothing left. Every method may be repeated, and called from any thread.
public final class NodeNetwork: Sendable {
    /// A range that others do not take unless told to: not Docker (172.17.0.0/12 and 192.168.0.0/16), Podman
    /// (10.88.0.0/16, 10.89.0.0/16), kubeadm and its networks (10.244.0.0/16, 10.96.0.0/12, 192.168.0.0/16), k3s
    /// (10.42.0.0/16, 10.43.0.0/16) or LXD (10.0.3.0/24).
    public static let defaultRange = "10.77.0.0/16"

    /// The range of virtual addresses, which others do not take either.
    public static let defaultServiceRange = "10.78.0.0/16"

    /// The bridge's name.
    public let bridge: String
    /// Who has which address.
    public let plan: PodAddressPlan
    /// The range that Apps' virtual addresses are from.
    public let serviceRange: CIDR
    /// The largest packet in bytes.
    public let mtu: UInt32
    let ipv6: Bool
    let hostNamespacePath: String
    let records: Mutex<AddressRecords>
    let bridgeState = Mutex(BridgeState())
    let filterState = Mutex(FilterState())
    private let openHostClient = Mutex<RouteClient?>(nil)
    let idleClients = Mutex<[RouteClient]>([])

    /// Describes a network and adopts the addresses that were given before. Touches nothing of the kernel's.
    ///
    /// - Parameters:
    ///   - bridge: The bridge's name, at most 15 bytes.
    ///   - cidr: The range of this node's pods.
    ///   - serviceCIDR: The range of virtual addresses.
    ///   - runDirectory: Where addresses are recorded, in `network/` and `resting/`.
    ///   - mtu: The largest packet in bytes.
    ///   - ipv6: Whether pods may use IPv6 among themselves; otherwise it is off in them.
    ///   - hostNamespacePath: The namespace of the bridge; another than the process's own makes a second machine.
    ///   - clock: The time since the machine started.
    public init(
        bridge: String = "martlet0", cidr: String = NodeNetwork.defaultRange,
        serviceCIDR: String = NodeNetwork.defaultServiceRange, runDirectory: String,
        mtu: UInt32 = 1500, ipv6: Bool = false, hostNamespacePath: String = "/proc/self/ns/net",
        clock: @escaping @Sendable () -> TimeSpan = { MachineClock.monotonic }
    ) throws(NetworkError) {
        guard (1...15).contains(bridge.utf8.count), !bridge.contains("/"), !bridge.contains(where: \.isWhitespace)
        else {
            throw .invalid("bad bridge name \(bridge)")
        }
        self.bridge = bridge
        self.mtu = mtu
        self.ipv6 = ipv6
        self.hostNamespacePath = hostNamespacePath
        plan = try PodAddressPlan(cidr: cidr)
        serviceRange = try Self.serviceRange(serviceCIDR, besides: plan.range)
        records = Mutex(
            try AddressRecords(
                directory: "\(runDirectory)/network", restingDirectory: "\(runDirectory)/resting", clock: clock))
    }

    /// Reads the range of virtual addresses.
    private static func serviceRange(_ text: String, besides pods: CIDR) throws(NetworkError) -> CIDR {
        let range = try CIDR(text)
        guard range.address == range.first else {
            throw .invalid(
                "service range \(range) has bits behind the prefix: did you mean \(range.first)/\(range.prefixLength)?")
        }
        guard !range.overlaps(pods) else {
            throw .invalid("service range \(range) overlaps the pods' range \(pods); choose another --service-cidr")
        }
        return range
    }

    /// The pods that have an address, with it.
    public var addresses: [String: IPAddress] { records.withLock { $0.addresses } }

    /// The node's address as pods see it.
    public var hostAddress: IPAddress { plan.bridgeAddress }

    /// The name of the link on the bridge that leads to a pod: `mlt` and 44 bits of a hash of its UID (FNV-1a), within
    /// the 15 bytes that a name may have.
    public static func linkName(podUID: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in podUID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        let text = String((hash ^ hash >> 44) & 0xFFF_FFFF_FFFF, radix: 16)
        return linkPrefix + String(repeating: "0", count: 11 - text.count) + text
    }

    static let linkPrefix = "mlt"
    static let podInterface = "eth0"

    /// The conversation about the host's links, opened once: a socket in another namespace takes a thread, which on a busy
    /// machine waits for its turn.
    func hostClient() throws(LinuxError) -> RouteClient {
        let result = openHostClient.withLock { client in
            Result { () throws(LinuxError) in
                if let client { return client }
                let opened = try Self.client(NetworkNamespace(path: hostNamespacePath))
                client = opened
                return opened
            }
        }
        return try result.get()
    }

    /// Opens a conversation about the links of a namespace.
    static func client(_ namespace: borrowing NetworkNamespace) throws(LinuxError) -> RouteClient {
        RouteClient(socket: try namespace.run { () throws(LinuxError) in try KernelNetlinkSocket() })
    }
}
