import Glibc
import Linux
import Model
import Synchronization

extension NodeNetwork {
    /// Refuses ports of the node on which one of its programs listens: it would get no connections any more. Those that the pod
    /// has already are not looked at.
    func refuseListening(_ hostPorts: [HostPort], _ podUID: String) throws(NetworkError) {
        let own = records.withLock { $0.records[podUID]?.hostPorts ?? [] }
        let new = hostPorts.filter { !own.contains($0) }
        if new.isEmpty { return }
        let ours = OwnListeners(serviceRange: serviceRange, bridgeAddress: plan.bridgeAddress)
        let taken = try system { () throws(LinuxError) in
            try NetworkNamespace(path: hostNamespacePath).run { () throws(LinuxError) in
                // The kernel's table of sockets is large, and takes milliseconds to read: only where somebody is there at all.
                for port in new where try !SocketTable.canBind(port) {
                    let found = try SocketTable.listeners(on: port)
                    if found.contains(where: { !ours.contains($0, port) }) { return HostPort?.some(port) }
                }
                return nil
            }
        }
        guard let taken else { return }
        throw .conflict("port \(taken.port)/\(taken.transport) of the node is taken by a program that listens on it")
    }
}

/// Where our own programs listen: on addresses that ports of the node do not lead away from.
struct OwnListeners: Sendable {
    var serviceRange: CIDR
    var bridgeAddress: IPAddress

    /// Whether it is HAProxy on a virtual address or dnsmasq on the bridge's; nil is an address of IPv6.
    func contains(_ address: IPAddress?, _ port: HostPort) -> Bool {
        guard let address else { return false }
        return serviceRange.contains(address) || address == bridgeAddress && port.port == 53
    }
}

/// The sockets of a network namespace, as `/proc/net/tcp`, `tcp6`, `udp` and `udp6` show them: proc_net(5).
enum SocketTable {
    /// The addresses on which a port of the calling thread's namespace is listened on.
    static func listeners(on port: HostPort) throws(LinuxError) -> [IPAddress?] {
        var found: [IPAddress?] = []
        for version in ["", "6"] {
            let file = "/proc/thread-self/net/\(port.transport.rawValue.lowercased())\(version)"
            // Kernels without IPv6 have no such file.
            if fileExists(file) { found += listeners(try readText(file, limit: 256 << 20), on: port) }
        }
        return found
    }

    /// Whether a port of the calling thread's namespace can be had on all addresses.
    static func canBind(_ port: HostPort) throws(LinuxError) -> Bool {
        let type = (port.transport == .tcp ? SOCK_STREAM : SOCK_DGRAM).rawValue | SOCK_CLOEXEC.rawValue
        let socket = Descriptor(owning: try systemCall("socket") { Glibc.socket(AF_INET, Int32(type), 0) })
        let raw = socket.raw
        if port.transport == .tcp {
            // Connections that have ended would take the port for a minute more: socket(7).
            var on: Int32 = 1
            try systemCall("setsockopt") {
                setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
            }
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.port.bigEndian
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(raw, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return code == 0
    }

    /// The addresses on which a port is listened on; nil stands for one of IPv6.
    static func listeners(_ text: String, on port: HostPort) -> [IPAddress?] {
        // TCP_LISTEN, and TCP_CLOSE, which for UDP says that it is not connected.
        let state = port.transport == .tcp ? "0A" : "07"
        let number = String(port.port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - number.count) + number
        return text.split(separator: "\n").dropFirst().compactMap { line in
            let words = line.split(separator: " ", maxSplits: 4)
            guard words.count > 3, words[3] == state, words[1].hasSuffix(suffix) else { return nil }
            // The bytes of IPv4 as a number of this machine, which is little-endian.
            let digits = words[1].prefix(8)
            guard words[1].utf8.count == 13, let bits = UInt32(digits, radix: 16) else { return .some(nil) }
            return IPAddress(family: .ipv4, bits: UInt128(bits.byteSwapped))
        }
    }
}
