public import Model

/// What the node's packet filter has to do for pods: the table's text as nft(8) reads it, a pure function of what is wanted.
///
/// Only what HAProxy cannot do is here. TCP connections to virtual addresses are served by it, listening on them.
struct NodeFilter: Sendable, Hashable {
    /// The table's name.
    var table: String
    /// The bridge's name.
    var bridge: String
    /// The bridge's address.
    var bridgeAddress: IPAddress
    /// The range of this node's pods.
    var podRange: CIDR
    /// The range of virtual addresses.
    var serviceRange: CIDR
    /// Further ranges that see pods under their own addresses: those of other nodes' pods.
    var otherRanges: [CIDR] = []
    /// The node's ports that lead to pods.
    var hostPorts: [Target] = []

    /// A port of the node and the pod's address that it leads to.
    struct Target: Sendable, Hashable {
        var port: HostPort
        var address: IPAddress
    }

    /// The commands that put the table in place of what there is of it, in one transaction. Connections that are established
    /// keep their translation: it is a property of the connection, and the kernel asks the table only for their first packet.
    var text: String {
        """
        table inet \(table)
        delete table inet \(table)
        table inet \(table) {
        \(hostPortMap(.tcp))
        \(hostPortMap(.udp))
            chain guard {
                type filter hook prerouting priority raw; policy accept;
                iifname "\(bridge)" ip daddr 127.0.0.0/8 drop
        \(untracked)
            }
            chain untracked {
                type filter hook output priority raw; policy accept;
        \(untracked)
            }
            chain input {
                type filter hook input priority filter; policy accept;
                ip daddr \(serviceRange) tcp flags & (syn | ack) == syn socket wildcard 1 reject with tcp reset
                ip daddr \(serviceRange) meta l4proto udp ct direction original reject
                iifname != { "\(bridge)", "lo" } ip daddr \(bridgeAddress) meta l4proto { tcp, udp } th dport 53 drop
            }
            chain host-ports {
                ip daddr \(serviceRange) return
                ip daddr \(bridgeAddress) meta l4proto { tcp, udp } th dport 53 return
                dnat ip to tcp dport map @host-ports-tcp
                dnat ip to udp dport map @host-ports-udp
            }
            chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                fib daddr type local goto host-ports
            }
            chain output {
                type nat hook output priority -100; policy accept;
                fib daddr type local goto host-ports
            }
            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                ip saddr 127.0.0.0/8 oifname "\(bridge)" masquerade
                ip saddr \(podRange) ip daddr \(podRange) ct status dnat masquerade
                ip saddr \(podRange) ip daddr != { \(innerRanges) } oifname != "\(bridge)" masquerade
            }
        }

        """
    }

    /// The ranges within which pods keep their own addresses.
    private var innerRanges: String {
        ([podRange, serviceRange] + otherRanges).map { "\($0.first)/\($0.prefixLength)" }.joined(separator: ", ")
    }

    /// Nobody translates connections to virtual addresses of TCP: to follow each is work for every packet, and takes a place in a table
    /// that is full one day (nf_conntrack-sysctl.rst, nf_conntrack_max).
    private var untracked: String {
        """
                ip daddr \(serviceRange) meta l4proto tcp notrack
                ip saddr \(serviceRange) meta l4proto tcp notrack
        """
    }

    private func hostPortMap(_ transport: Transport) -> String {
        let elements = hostPorts.filter { $0.port.transport == transport }.sorted { $0.port.port < $1.port.port }
            .map { "\($0.port.port) : \($0.address) . \($0.port.podPort)" }
        return """
                map host-ports-\(transport.rawValue.lowercased()) {
                    type inet_service : ipv4_addr . inet_service
            \(Self.elements(elements))    }
            """
    }

    /// The elements of a map; none may not be written as an empty list.
    static func elements(_ elements: [String]) -> String {
        elements.isEmpty ? "" : "        elements = { \(elements.joined(separator: ", ")) }\n"
    }

    /// The name of the table of a bridge: its own, without what nft(8) does not take in names, and beginning as ours do.
    static func tableName(bridge: String) -> String {
        let plain = String(
            bridge.unicodeScalars.map { scalar -> Character in
                let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
                return isPlain || scalar == "-" || scalar == "." ? Character(scalar) : "_"
            })
        return plain.hasPrefix("martlet") || plain.hasPrefix("mlt-") ? plain : "martlet-\(plain)"
    }
}

/// An address and a port.
public struct Destination: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The address.
    public var address: IPAddress
    /// The port.
    public var port: UInt16

    /// Puts the two together.
    public init(_ address: IPAddress, _ port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `10.1.2.3:80`.
    public var description: String { "\(address):\(port)" }

    /// The order of the addresses, then of the ports.
    public static func < (left: Destination, right: Destination) -> Bool {
        (left.address, left.port) < (right.address, right.port)
    }
}

/// A UDP port of a virtual address, and where its packets go.
public struct UDPService: Sendable, Hashable {
    /// The virtual address and the port.
    public var destination: Destination
    /// The pods that are ready; new flows go to them in turn.
    public var endpoints: [Destination]

    /// Describes a service.
    public init(_ destination: Destination, endpoints: [Destination]) {
        self.destination = destination
        self.endpoints = endpoints
    }
}

/// The table that spreads packets to UDP ports of virtual addresses: one of its own, so that after a restart it stays as it is
/// until somebody knows the endpoints again.
struct UDPFilter: Sendable, Hashable {
    /// The table's name.
    var table: String
    /// What there is to serve.
    var services: [UDPService]

    /// The commands that put the table in place of what there is of it, in one transaction.
    var text: String {
        let served = services.filter { !$0.endpoints.isEmpty }.sorted { $0.destination < $1.destination }
        let entries = served.enumerated().map { index, service in
            "\(service.destination.address) . \(service.destination.port) : goto service-\(index)"
        }
        return """
            table inet \(table)
            delete table inet \(table)
            table inet \(table) {
            \(served.enumerated().map { chain($0, $1) }.joined())\
                map services {
                    type ipv4_addr . inet_service : verdict
            \(NodeFilter.elements(entries))    }
                chain prerouting {
                    type nat hook prerouting priority dstnat; policy accept;
                    ip daddr . udp dport vmap @services
                }
                chain output {
                    type nat hook output priority -100; policy accept;
                    ip daddr . udp dport vmap @services
                }
            }

            """
    }

    private func chain(_ index: Int, _ service: UDPService) -> String {
        let targets = service.endpoints.sorted().enumerated().map { "\($0) : \($1.address) . \($1.port)" }
        return """
                chain service-\(index) {
                    meta l4proto udp dnat ip to numgen inc mod \(targets.count) map { \(targets.joined(separator: ", ")) }
                }

            """
    }
}
