import Model

extension Netlink {
    /// The protocol for the packet filter and connection tracking: `NETLINK_NETFILTER`.
    static let netfilter: Int32 = 12
}

/// The requests to the kernel's packet filter that are made without libnftables. Numbers are those of linux/netfilter/nfnetlink.h,
/// nf_tables.h and nfnetlink_conntrack.h; numbers in attributes are in the network's order.
enum NetfilterMessage {
    /// `NFNL_SUBSYS_NFTABLES` and `NFNL_SUBSYS_CTNETLINK`: the upper byte of a message's type.
    private static let tables: UInt16 = 10 << 8
    private static let connections: UInt16 = 1 << 8

    private static let newGeneration: UInt16 = tables | 15
    private static let getGeneration: UInt16 = tables | 16
    private static let newConnection: UInt16 = connections | 0
    private static let getConnection: UInt16 = connections | 1
    private static let deleteConnection: UInt16 = connections | 2

    /// Asks how often the packet filter was changed.
    static func generation() -> NetlinkMessage {
        NetlinkMessage(
            type: getGeneration, flags: Netlink.request | Netlink.acknowledge,
            payload: NetlinkPayload { $0.netfilterHeader(family: 0) })
    }

    /// The answer's number; nil for another message.
    static func generation(of message: NetlinkMessage) -> UInt32? {
        var reader = NetlinkReader(message.payload.bytes)
        guard message.type == newGeneration, reader.take(4) != nil else { return nil }
        return reader.attributes()[1]?.netlinkNumber().map { UInt32(bigEndian: $0) }
    }

    /// Asks for all connections of a family.
    static func flows(_ family: AddressFamily) -> NetlinkMessage {
        NetlinkMessage(
            type: getConnection, flags: Netlink.request | Netlink.dump,
            payload: NetlinkPayload { $0.netfilterHeader(family: family.number) })
    }

    /// Has the kernel forget a connection.
    static func forget(_ flow: TrackedFlow) -> NetlinkMessage {
        NetlinkMessage(
            type: deleteConnection, flags: Netlink.request | Netlink.acknowledge,
            payload: NetlinkPayload { payload in
                payload.netfilterHeader(family: flow.source.address.family.number)
                payload.nested(nestedFlag | 1) { tuple in  // CTA_TUPLE_ORIG
                    tuple.nested(nestedFlag | 1) { addresses in  // CTA_TUPLE_IP
                        addresses.attribute(1, flow.source.address.bytes)  // CTA_IP_V4_SRC
                        addresses.attribute(2, flow.target.address.bytes)  // CTA_IP_V4_DST
                    }
                    tuple.nested(nestedFlag | 2) { ports in  // CTA_TUPLE_PROTO
                        ports.attribute(1, flow.transport.number)  // CTA_PROTO_NUM
                        ports.attribute(2, flow.source.port.bigEndian)
                        ports.attribute(3, flow.target.port.bigEndian)
                    }
                }
            })
    }

    /// A connection that the kernel told of; nil for other messages, and for protocols without ports.
    static func flow(of message: NetlinkMessage) -> TrackedFlow? {
        var reader = NetlinkReader(message.payload.bytes)
        guard message.type == newConnection, reader.take(4) != nil else { return nil }
        let attributes = reader.attributes()
        guard let original = attributes[1].flatMap(tuple), let reply = attributes[2].flatMap(tuple) else { return nil }
        return TrackedFlow(
            transport: original.transport, source: original.source, target: original.target, answers: reply.source)
    }

    /// A `CTA_TUPLE`: addresses and ports of one direction.
    private static func tuple(_ bytes: [UInt8]) -> (transport: Transport, source: Destination, target: Destination)? {
        var reader = NetlinkReader(bytes)
        let parts = reader.attributes()
        var addressReader = NetlinkReader(parts[1] ?? [])
        var portReader = NetlinkReader(parts[2] ?? [])
        let addresses = addressReader.attributes()
        let ports = portReader.attributes()
        guard let source = addresses[1].flatMap(IPAddress.init(bytes:)),
            let target = addresses[2].flatMap(IPAddress.init(bytes:)),
            let transport = ports[1]?.first.flatMap(Transport.init(number:)),
            let sourcePort: UInt16 = ports[2]?.netlinkNumber(), let targetPort: UInt16 = ports[3]?.netlinkNumber()
        else { return nil }
        return (
            transport, Destination(source, UInt16(bigEndian: sourcePort)),
            Destination(target, UInt16(bigEndian: targetPort))
        )
    }

    /// `NLA_F_NESTED`.
    private static let nestedFlag: UInt16 = 0x8000
}

extension NetlinkPayload {
    /// Appends `struct nfgenmsg`: family, version, resource.
    mutating func netfilterHeader(family: UInt8) {
        for byte in [family, 0, 0, 0] { append(byte) }
    }
}

extension Transport {
    /// The number of the protocol in IP.
    var number: UInt8 { self == .tcp ? 6 : 17 }

    init?(number: UInt8) {
        switch number {
        case 6: self = .tcp
        case 17: self = .udp
        default: return nil
        }
    }
}
