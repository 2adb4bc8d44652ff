import Model
import Testing

@testable import Network

/// The bytes of each request, as on a little-endian machine.
@Suite struct RouteMessagesTests {
    @Test func `a bridge is made up with its name, address and size`() throws {
        let address = HardwareAddress(for: try IPAddress("10.77.0.1"))
        #expect(
            RouteMessage.makeBridge(name: "martlet0", hardwareAddress: address, mtu: 1500).bytes == [
                0x54, 0, 0, 0, 16, 0, 0x05, 0x06,  // length 84, RTM_NEWLINK, REQUEST | ACK | CREATE | EXCL
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                0, 0, 0, 0, 0, 0, 0, 0,  // family, padding, type, index
                1, 0, 0, 0, 1, 0, 0, 0,  // IFF_UP, change IFF_UP
                13, 0, 3, 0, 0x6D, 0x61, 0x72, 0x74, 0x6C, 0x65, 0x74, 0x30, 0, 0, 0, 0,  // IFLA_IFNAME martlet0
                10, 0, 1, 0, 0x0A, 0x4D, 0x0A, 0x4D, 0, 1, 0, 0,  // IFLA_ADDRESS
                8, 0, 4, 0, 0xDC, 0x05, 0, 0,  // IFLA_MTU 1500
                16, 0, 18, 0,  // IFLA_LINKINFO
                11, 0, 1, 0, 0x62, 0x72, 0x69, 0x64, 0x67, 0x65, 0, 0,  // IFLA_INFO_KIND bridge
            ])
    }

    @Test func `a pair is made with its peer in another namespace`() throws {
        let pair = LinkPair(
            name: "mlt0", bridge: 7, peerName: "eth0",
            peerHardwareAddress: HardwareAddress(for: try IPAddress("10.77.0.2")), peerNamespace: 9, mtu: 1500)
        #expect(
            RouteMessage.makePair(pair).bytes == [
                0x8C, 0, 0, 0, 16, 0, 0x05, 0x06,  // length 140, RTM_NEWLINK, REQUEST | ACK | CREATE | EXCL
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                0, 0, 0, 0, 0, 0, 0, 0,  // family, padding, type, index
                1, 0, 0, 0, 1, 0, 0, 0,  // IFF_UP, change IFF_UP
                9, 0, 3, 0, 0x6D, 0x6C, 0x74, 0x30, 0, 0, 0, 0,  // IFLA_IFNAME mlt0
                8, 0, 4, 0, 0xDC, 0x05, 0, 0,  // IFLA_MTU 1500
                8, 0, 10, 0, 7, 0, 0, 0,  // IFLA_MASTER 7
                80, 0, 18, 0,  // IFLA_LINKINFO
                9, 0, 1, 0, 0x76, 0x65, 0x74, 0x68, 0, 0, 0, 0,  // IFLA_INFO_KIND veth
                64, 0, 2, 0,  // IFLA_INFO_DATA
                60, 0, 1, 0,  // VETH_INFO_PEER
                0, 0, 0, 0, 0, 0, 0, 0,  // family, padding, type, index
                0, 0, 0, 0, 0, 0, 0, 0,  // flags, change
                9, 0, 3, 0, 0x65, 0x74, 0x68, 0x30, 0, 0, 0, 0,  // IFLA_IFNAME eth0
                10, 0, 1, 0, 0x0A, 0x4D, 0x0A, 0x4D, 0, 2, 0, 0,  // IFLA_ADDRESS
                8, 0, 4, 0, 0xDC, 0x05, 0, 0,  // IFLA_MTU 1500
                8, 0, 28, 0, 9, 0, 0, 0,  // IFLA_NET_NS_FD 9
            ])
    }

    @Test func `a link is set up, set down, put on a bridge and deleted`() {
        #expect(
            RouteMessage.setLink(index: 5, up: true).bytes == [
                0x20, 0, 0, 0, 16, 0, 0x05, 0,  // length 32, RTM_NEWLINK, REQUEST | ACK
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                0, 0, 0, 0, 5, 0, 0, 0,  // family, padding, type, index 5
                1, 0, 0, 0, 1, 0, 0, 0,  // IFF_UP, change IFF_UP
            ])
        #expect(RouteMessage.setLink(index: 5, up: false).bytes.suffix(8) == [0, 0, 0, 0, 1, 0, 0, 0])
        #expect(
            RouteMessage.setMaster(index: 5, master: 7).bytes == [
                0x28, 0, 0, 0, 16, 0, 0x05, 0,  // length 40, RTM_NEWLINK, REQUEST | ACK
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                0, 0, 0, 0, 5, 0, 0, 0,  // family, padding, type, index 5
                0, 0, 0, 0, 0, 0, 0, 0,  // flags, change
                8, 0, 10, 0, 7, 0, 0, 0,  // IFLA_MASTER 7
            ])
        #expect(
            RouteMessage.deleteLink(name: "mlt0").bytes == [
                0x2C, 0, 0, 0, 17, 0, 0x05, 0,  // length 44, RTM_DELLINK, REQUEST | ACK
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                0, 0, 0, 0, 0, 0, 0, 0,  // family, padding, type, index
                0, 0, 0, 0, 0, 0, 0, 0,  // flags, change
                9, 0, 3, 0, 0x6D, 0x6C, 0x74, 0x30, 0, 0, 0, 0,  // IFLA_IFNAME mlt0
            ])
    }

    @Test func `an address and a default route are added`() throws {
        #expect(
            RouteMessage.addAddress(try CIDR("10.77.0.2/16"), index: 3).bytes == [
                0x28, 0, 0, 0, 20, 0, 0x05, 0x06,  // length 40, RTM_NEWADDR, REQUEST | ACK | CREATE | EXCL
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                2, 16, 0, 0, 3, 0, 0, 0,  // AF_INET, /16, flags, scope, index 3
                8, 0, 2, 0, 10, 77, 0, 2,  // IFA_LOCAL
                8, 0, 1, 0, 10, 77, 0, 2,  // IFA_ADDRESS
            ])
        #expect(
            RouteMessage.addDefaultRoute(gateway: try IPAddress("10.77.0.1"), index: 3).bytes == [
                0x2C, 0, 0, 0, 24, 0, 0x05, 0x06,  // length 44, RTM_NEWROUTE, REQUEST | ACK | CREATE | EXCL
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                2, 0, 0, 0, 254, 4, 0, 1,  // AF_INET, to /0, from /0, tos, main, static, universe, unicast
                0, 0, 0, 0,  // flags
                8, 0, 5, 0, 10, 77, 0, 1,  // RTA_GATEWAY
                8, 0, 4, 0, 3, 0, 0, 0,  // RTA_OIF 3
            ])
    }

    @Test func `lists are asked for`() {
        #expect(
            RouteMessage.links().bytes == [
                0x20, 0, 0, 0, 18, 0, 0x01, 0x03,  // length 32, RTM_GETLINK, REQUEST | DUMP
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                0, 0, 0, 0, 0, 0, 0, 0,  // family, padding, type, index
                0, 0, 0, 0, 0, 0, 0, 0,  // flags, change
            ])
        #expect(
            RouteMessage.addresses(.ipv4).bytes == [
                0x18, 0, 0, 0, 22, 0, 0x01, 0x03,  // length 24, RTM_GETADDR, REQUEST | DUMP
                0, 0, 0, 0, 0, 0, 0, 0,  // sequence, port
                2, 0, 0, 0, 0, 0, 0, 0,  // AF_INET, /0, flags, scope, index
            ])
    }
}
