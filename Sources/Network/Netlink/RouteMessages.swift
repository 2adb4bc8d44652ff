import Model

/// The requests of rtnetlink(7) that pods' networks need. Numbers are those of linux/rtnetlink.h, linux/if_link.h,
/// linux/if_addr.h and linux/veth.h.
enum RouteMessage {
    static let newLink: UInt16 = 16
    static let deleteLink: UInt16 = 17
    static let getLink: UInt16 = 18
    static let newAddress: UInt16 = 20
    static let deleteAddress: UInt16 = 21
    static let getAddress: UInt16 = 22
    static let newRoute: UInt16 = 24

    /// `IFF_UP`.
    static let up: UInt32 = 1

    /// `IFLA_` attributes of a link.
    enum LinkAttribute {
        static let address: UInt16 = 1
        static let name: UInt16 = 3
        static let mtu: UInt16 = 4
        static let master: UInt16 = 10
        static let info: UInt16 = 18
        static let namespace: UInt16 = 28
        /// `IFLA_INFO_KIND` and `IFLA_INFO_DATA`, inside `info`.
        static let kind: UInt16 = 1
        static let data: UInt16 = 2
        /// `IFLA_INFO_SLAVE_KIND` and `IFLA_INFO_SLAVE_DATA`: what a link is to its master.
        static let portKind: UInt16 = 4
        static let portData: UInt16 = 5
        /// `IFLA_BRPORT_MODE`, inside `portData`.
        static let hairpin: UInt16 = 4
        /// `VETH_INFO_PEER`, inside `data`.
        static let peer: UInt16 = 1
    }

    /// `IFA_` attributes of an address.
    enum AddressAttribute {
        static let address: UInt16 = 1
        static let local: UInt16 = 2
    }

    /// `RTA_` attributes of a route.
    enum RouteAttribute {
        static let interface: UInt16 = 4
        static let gateway: UInt16 = 5
    }

    /// Makes a bridge that is up.
    static func makeBridge(name: String, hardwareAddress: HardwareAddress, mtu: UInt32) -> NetlinkMessage {
        request(newLink, Netlink.create | Netlink.exclusive) { payload in
            payload.linkHeader(flags: up, change: up)
            payload.attribute(LinkAttribute.name, name)
            payload.attribute(LinkAttribute.address, hardwareAddress.bytes)
            payload.attribute(LinkAttribute.mtu, mtu)
            payload.nested(LinkAttribute.info) { $0.attribute(LinkAttribute.kind, "bridge") }
        }
    }

    /// Makes a pair of connected links: one here, up and on a bridge, the other in another namespace, down.
    static func makePair(_ pair: LinkPair) -> NetlinkMessage {
        request(newLink, Netlink.create | Netlink.exclusive) { payload in
            payload.linkHeader(flags: up, change: up)
            payload.attribute(LinkAttribute.name, pair.name)
            payload.attribute(LinkAttribute.mtu, pair.mtu)
            payload.attribute(LinkAttribute.master, UInt32(bitPattern: pair.bridge))
            payload.nested(LinkAttribute.info) { info in
                info.attribute(LinkAttribute.kind, "veth")
                info.nested(LinkAttribute.data) { data in
                    data.nested(LinkAttribute.peer) { peer in
                        peer.linkHeader()
                        peer.attribute(LinkAttribute.name, pair.peerName)
                        peer.attribute(LinkAttribute.address, pair.peerHardwareAddress.bytes)
                        peer.attribute(LinkAttribute.mtu, pair.mtu)
                        peer.attribute(LinkAttribute.namespace, UInt32(bitPattern: pair.peerNamespace))
                    }
                }
            }
        }
    }

    /// Sets a link up or down.
    static func setLink(index: Int32, up isUp: Bool) -> NetlinkMessage {
        request(newLink) { $0.linkHeader(index: index, flags: isUp ? up : 0, change: up) }
    }

    /// Puts a link on a bridge.
    static func setMaster(index: Int32, master: Int32) -> NetlinkMessage {
        request(newLink) { payload in
            payload.linkHeader(index: index)
            payload.attribute(LinkAttribute.master, UInt32(bitPattern: master))
        }
    }

    /// Lets a bridge send a packet back over the link that it came from.
    static func allowHairpin(name: String) -> NetlinkMessage {
        request(newLink) { payload in
            payload.linkHeader()
            payload.attribute(LinkAttribute.name, name)
            payload.nested(LinkAttribute.info) { info in
                info.attribute(LinkAttribute.portKind, "bridge")
                info.nested(LinkAttribute.portData) { $0.attribute(LinkAttribute.hairpin, UInt8(1)) }
            }
        }
    }

    /// Deletes a link; the other one of a pair goes with it.
    static func deleteLink(name: String) -> NetlinkMessage {
        request(deleteLink) { payload in
            payload.linkHeader()
            payload.attribute(LinkAttribute.name, name)
        }
    }

    /// Asks for one link.
    static func link(name: String) -> NetlinkMessage {
        request(getLink) { payload in
            payload.linkHeader()
            payload.attribute(LinkAttribute.name, name)
        }
    }

    /// Asks for all links.
    static func links() -> NetlinkMessage {
        NetlinkMessage(
            type: getLink, flags: Netlink.request | Netlink.dump, payload: NetlinkPayload { $0.linkHeader() })
    }

    /// Gives a link an address in a network.
    static func addAddress(_ address: CIDR, index: Int32) -> NetlinkMessage {
        request(newAddress, Netlink.create | Netlink.exclusive) { payload in
            payload.addressHeader(address.address.family, prefixLength: address.prefixLength, index: index)
            payload.attribute(AddressAttribute.local, address.address.bytes)
            payload.attribute(AddressAttribute.address, address.address.bytes)
        }
    }

    /// Takes an address from a link.
    static func removeAddress(_ address: CIDR, index: Int32) -> NetlinkMessage {
        request(deleteAddress) { payload in
            payload.addressHeader(address.address.family, prefixLength: address.prefixLength, index: index)
            payload.attribute(AddressAttribute.local, address.address.bytes)
        }
    }

    /// Asks for all addresses of a family.
    static func addresses(_ family: AddressFamily) -> NetlinkMessage {
        NetlinkMessage(
            type: getAddress, flags: Netlink.request | Netlink.dump,
            payload: NetlinkPayload { $0.addressHeader(family, prefixLength: 0, index: 0) })
    }

    /// Adds the route to everything else through a gateway.
    static func addDefaultRoute(gateway: IPAddress, index: Int32) -> NetlinkMessage {
        request(newRoute, Netlink.create | Netlink.exclusive) { payload in
            // struct rtmsg: lengths of destination and source, type of service, table main, origin static, scope
            // universe, type unicast, flags.
            for byte in [gateway.family.number, 0, 0, 0, 254, 4, 0, 1] { payload.append(byte) }
            payload.append(UInt32(0))
            payload.attribute(RouteAttribute.gateway, gateway.bytes)
            payload.attribute(RouteAttribute.interface, UInt32(bitPattern: index))
        }
    }

    private static func request(
        _ type: UInt16, _ flags: UInt16 = 0, _ build: (inout NetlinkPayload) -> Void
    ) -> NetlinkMessage {
        NetlinkMessage(
            type: type, flags: Netlink.request | Netlink.acknowledge | flags, payload: NetlinkPayload(build))
    }
}

/// A pair of connected links to be made.
struct LinkPair: Hashable, Sendable {
    /// The name of the link here.
    var name: String
    /// The index of the bridge that it is put on.
    var bridge: Int32
    /// The name of the link in the other namespace.
    var peerName: String
    /// Its hardware address.
    var peerHardwareAddress: HardwareAddress
    /// A descriptor of the other namespace.
    var peerNamespace: Int32
    /// The largest packet, in bytes, on both.
    var mtu: UInt32
}

extension NetlinkPayload {
    /// Appends `struct ifinfomsg`: family, padding, type, index, flags, and which flags are to change.
    mutating func linkHeader(index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        append(UInt32(0))
        append(index)
        append(flags)
        append(change)
    }

    /// Appends `struct ifaddrmsg`: family, prefix length, flags, scope (universe), index.
    mutating func addressHeader(_ family: AddressFamily, prefixLength: Int, index: Int32) {
        for byte in [family.number, UInt8(prefixLength), 0, 0] { append(byte) }
        append(index)
    }
}
