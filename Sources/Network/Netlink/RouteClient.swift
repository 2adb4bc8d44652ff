import Glibc
import Linux
import Model

/// The address of an interface on an Ethernet.
struct HardwareAddress: Hashable, Sendable, CustomStringConvertible {
    /// The six bytes in the order of the wire.
    var bytes: [UInt8]

    /// The address of the interface that has an Internet address: a locally administered one (the second lowest bit of
    /// the first byte), so that an Internet address that is given to another pod leads to the same hardware address
    /// and nobody's ARP table is wrong.
    init(for address: IPAddress) {
        bytes = [0x0A, 0x4D] + address.bytes.suffix(4)
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    var description: String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
    }
}

/// A network interface as it was observed.
struct Link: Hashable, Sendable {
    var index: Int32
    var name: String
    /// `bridge`, `veth`; nil for hardware and the loopback interface.
    var kind: String?
    /// The index of the bridge that it is on.
    var master: Int32?
    var isUp: Bool
    var mtu: UInt32
    var hardwareAddress: HardwareAddress

    init?(_ message: NetlinkMessage) {
        var reader = NetlinkReader(message.payload.bytes)
        guard message.type == RouteMessage.newLink, reader.take(4) != nil, let index = reader.number(Int32.self),
            let flags = reader.number(UInt32.self), reader.take(4) != nil
        else { return nil }
        let attributes = reader.attributes()
        self.index = index
        isUp = flags & RouteMessage.up != 0
        name = attributes[RouteMessage.LinkAttribute.name]?.netlinkText ?? ""
        master = attributes[RouteMessage.LinkAttribute.master]?.netlinkNumber()
        mtu = attributes[RouteMessage.LinkAttribute.mtu]?.netlinkNumber() ?? 0
        hardwareAddress = HardwareAddress(bytes: attributes[RouteMessage.LinkAttribute.address] ?? [])
        var info = NetlinkReader(attributes[RouteMessage.LinkAttribute.info] ?? [])
        kind = info.attributes()[RouteMessage.LinkAttribute.kind]?.netlinkText
    }
}

/// Links, addresses and routes of one network namespace.
struct RouteClient: Sendable {
    let socket: any NetlinkSocket

    /// All links.
    func links() throws(LinuxError) -> [Link] {
        try ask("list links", "", RouteMessage.links()).compactMap(Link.init)
    }

    /// A link by its name; nil when there is none.
    func link(named name: String) throws(LinuxError) -> Link? {
        do {
            return try ask("get link", name, RouteMessage.link(name: name)).lazy.compactMap(Link.init).first
        } catch let error where error.errno == ENODEV {
            return nil
        }
    }

    /// Makes a bridge that is up.
    func makeBridge(name: String, hardwareAddress: HardwareAddress, mtu: UInt32) throws(LinuxError) {
        let request = RouteMessage.makeBridge(name: name, hardwareAddress: hardwareAddress, mtu: mtu)
        _ = try ask("make bridge", name, request)
    }

    /// Makes a pair of connected links.
    func makePair(_ pair: LinkPair) throws(LinuxError) {
        _ = try ask("make link", pair.name, RouteMessage.makePair(pair))
    }

    /// Sets a link up or down.
    func setLink(_ link: Link, up: Bool) throws(LinuxError) {
        _ = try ask("set link", link.name, RouteMessage.setLink(index: link.index, up: up))
    }

    /// Puts a link on a bridge.
    func setMaster(_ link: Link, master: Link) throws(LinuxError) {
        _ = try ask("set master", link.name, RouteMessage.setMaster(index: link.index, master: master.index))
    }

    /// Lets a link's bridge send back over it what came from it: a pod that asks a port of the node or a virtual address may be
    /// the one that answers. Where the bridge's packets go through the packet filter (br_netfilter), they are turned round in
    /// the bridge.
    func allowHairpin(_ name: String) throws(LinuxError) {
        _ = try ask("allow hairpin", name, RouteMessage.allowHairpin(name: name))
    }

    /// Deletes a link; nothing happens when there is none.
    func deleteLink(named name: String) throws(LinuxError) {
        do {
            _ = try ask("delete link", name, RouteMessage.deleteLink(name: name))
        } catch let error where error.errno == ENODEV {
            return
        }
    }

    /// Gives a link an address in a network; nothing happens when it has it.
    func addAddress(_ address: CIDR, to link: Link) throws(LinuxError) {
        do {
            _ = try ask("add address \(address)", link.name, RouteMessage.addAddress(address, index: link.index))
        } catch let error where error.errno == EEXIST {
            return
        }
    }

    /// Takes an address from a link; nothing happens when it has it not.
    func removeAddress(_ address: CIDR, from link: Link) throws(LinuxError) {
        do {
            _ = try ask("remove address \(address)", link.name, RouteMessage.removeAddress(address, index: link.index))
        } catch let error where error.errno == EADDRNOTAVAIL {
            return
        }
    }

    /// The addresses of a link.
    func addresses(of link: Link, family: AddressFamily = .ipv4) throws(LinuxError) -> [CIDR] {
        try ask("list addresses", link.name, RouteMessage.addresses(family)).compactMap { message in
            var reader = NetlinkReader(message.payload.bytes)
            guard message.type == RouteMessage.newAddress, reader.take(1) != nil,
                let length = reader.number(UInt8.self),
                reader.take(2) != nil, reader.number(Int32.self) == link.index
            else { return nil }
            let bytes = reader.attributes()[RouteMessage.AddressAttribute.local] ?? []
            return IPAddress(bytes: bytes).flatMap { try? CIDR($0, prefixLength: Int(length)) }
        }
    }

    /// Adds the default route; nothing happens when there is one.
    func addDefaultRoute(gateway: IPAddress, through link: Link) throws(LinuxError) {
        do {
            let request = RouteMessage.addDefaultRoute(gateway: gateway, index: link.index)
            _ = try ask("add default route via \(gateway)", link.name, request)
        } catch let error where error.errno == EEXIST {
            return
        }
    }

    /// Makes a request, and has an error say what it was about.
    private func ask(
        _ operation: String, _ path: String, _ request: NetlinkMessage
    ) throws(LinuxError) -> [NetlinkMessage] {
        do {
            return try socket.exchange(request)
        } catch {
            throw LinuxError(operation, path: path, errno: error.errno, detail: error.detail)
        }
    }
}
