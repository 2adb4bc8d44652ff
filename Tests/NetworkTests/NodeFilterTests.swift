import Model
import Testing

@testable import Network

@Suite struct NodeFilterTests {
    private func filter(_ change: (inout NodeFilter) throws -> Void = { _ in }) throws -> NodeFilter {
        var filter = NodeFilter(
            table: "martlet0", bridge: "martlet0", bridgeAddress: try IPAddress("10.77.0.1"),
            podRange: try CIDR("10.77.0.0/16"), serviceRange: try CIDR("10.78.0.0/16"))
        try change(&filter)
        return filter
    }

    private func target(_ port: HostPort, _ address: String) throws -> NodeFilter.Target {
        NodeFilter.Target(port: port, address: try IPAddress(address))
    }

    @Test func `a table is put in place of itself in one transaction`() throws {
        let lines = try filter().text.split(separator: "\n").map(String.init)
        #expect(
            lines.prefix(3) == ["table inet martlet0", "delete table inet martlet0", "table inet martlet0 {"])
    }

    @Test func `pods reach the outside under the node's address, and each other under their own`() throws {
        let text = try filter { $0.otherRanges = [try CIDR("10.80.3.7/16")] }.text
        let rule =
            "ip saddr 10.77.0.0/16 ip daddr != { 10.77.0.0/16, 10.78.0.0/16, 10.80.0.0/16 } "
            + "oifname != \"martlet0\" masquerade"
        #expect(text.contains(rule))
    }

    @Test func `ports of the node lead to pods, each protocol's to its own`() throws {
        let text = try filter {
            $0.hostPorts = [
                try target(HostPort(.tcp, 8080, podPort: 80), "10.77.0.5"),
                try target(HostPort(.udp, 5000, podPort: 53), "10.77.0.6"),
                try target(HostPort(.tcp, 443, podPort: 8443), "10.77.0.5"),
            ]
        }.text
        #expect(text.contains("elements = { 443 : 10.77.0.5 . 8443, 8080 : 10.77.0.5 . 80 }"))
        #expect(text.contains("elements = { 5000 : 10.77.0.6 . 53 }"))
    }

    @Test func `without ports of the node there are no empty lists, which nft does not read`() throws {
        #expect(try !filter().text.contains("elements"))
        #expect(!UDPFilter(table: "t", services: []).text.contains("elements"))
    }

    @Test(arguments: [
        ("martlet0", "martlet0"), ("mlt-1a2b3c4d", "mlt-1a2b3c4d"), ("br0", "martlet-br0"),
        ("a b\"}", "martlet-a_b__"), ("ä", "martlet-_"),
    ])
    func `a table has the bridge's name, without what could end it`(bridge: String, table: String) {
        #expect(NodeFilter.tableName(bridge: bridge) == table)
    }

    @Test func `packets to a UDP port of a virtual address are spread over its pods`() throws {
        let endpoints = ["10.77.0.3", "10.77.0.2"].map { try? Destination(IPAddress($0), 5353) }.compactMap { $0 }
        let services = [
            UDPService(Destination(try IPAddress("10.78.0.9"), 123), endpoints: []),
            UDPService(Destination(try IPAddress("10.78.0.5"), 53), endpoints: endpoints),
        ]
        let text = UDPFilter(table: "martlet0-udp", services: services).text
        #expect(text.contains("elements = { 10.78.0.5 . 53 : goto service-0 }"))
        #expect(text.contains("numgen inc mod 2 map { 0 : 10.77.0.2 . 5353, 1 : 10.77.0.3 . 5353 }"))
        #expect(!text.contains("10.78.0.9"))
    }
}

@Suite struct FlowTargetsTests {
    private let targets: FlowTargets

    init() throws {
        targets = FlowTargets(
            podRange: try CIDR("10.77.0.0/16"), serviceRange: try CIDR("10.78.0.0/16"),
            services: [
                Destination(try IPAddress("10.78.0.5"), 53): [
                    Destination(try IPAddress("10.77.0.2"), 53), Destination(try IPAddress("10.80.0.2"), 53),
                ],
                Destination(try IPAddress("10.78.0.6"), 53): [],
            ],
            hostPorts: [5000: Destination(try IPAddress("10.77.0.2"), 53)])
    }

    static let cases: [(source: String, target: String, port: UInt16, answers: String, isStale: Bool, why: Comment)] = [
        ("10.77.0.9", "10.78.0.5", 53, "10.77.0.2", false, "a pod that is ready answers"),
        ("10.77.0.9", "10.78.0.5", 53, "10.80.0.2", false, "a pod of another node that is ready answers"),
        ("10.77.0.9", "10.78.0.5", 53, "10.77.0.3", true, "a pod that is not ready any more answers"),
        ("10.77.0.9", "10.78.0.5", 53, "10.80.0.3", true, "a pod of another node that is gone answers"),
        ("10.77.0.9", "10.78.0.5", 53, "10.78.0.5", true, "it began before a pod was ready"),
        ("10.77.0.9", "10.78.0.6", 53, "10.77.0.2", true, "no pod of the service is ready"),
        ("10.77.0.9", "10.78.0.6", 53, "10.78.0.6", false, "no pod was ready, and none is"),
        ("10.77.0.9", "10.78.0.7", 53, "10.77.0.2", true, "the service is gone"),
        ("192.0.2.9", "192.0.2.1", 5000, "10.77.0.2", false, "the port of the node leads there"),
        ("192.0.2.9", "192.0.2.1", 5000, "10.77.0.4", true, "the port of the node leads elsewhere now"),
        ("192.0.2.9", "192.0.2.1", 5001, "10.77.0.4", true, "the port of the node leads nowhere now"),
        ("192.0.2.9", "192.0.2.1", 5000, "192.0.2.1", true, "it began before the port led anywhere"),
        ("10.77.0.9", "192.0.2.8", 5000, "192.0.2.8", false, "a pod speaks with another machine"),
        ("10.77.0.9", "10.77.0.3", 5000, "10.77.0.3", false, "pods speak with each other"),
        ("192.0.2.9", "192.0.2.1", 7000, "192.0.2.1", false, "a program of the node answers"),
        ("192.0.2.9", "192.0.2.1", 7000, "172.17.0.2", false, "somebody else translates"),
    ]

    @Test(arguments: cases)
    func `a UDP flow is forgotten when`(
        flow: (source: String, target: String, port: UInt16, answers: String, isStale: Bool, why: Comment)
    ) throws {
        let answering: UInt16 = flow.answers == flow.target ? flow.port : 53
        var tracked = TrackedFlow(
            transport: .udp, source: Destination(try IPAddress(flow.source), 40000),
            target: Destination(try IPAddress(flow.target), flow.port),
            answers: Destination(try IPAddress(flow.answers), answering))
        #expect(targets.isStale(tracked) == flow.isStale, flow.why)
        tracked.transport = .tcp
        #expect(!targets.isStale(tracked))
    }

    @Test func `a flow is asked for, read and forgotten by its addresses and ports`() throws {
        let flow = TrackedFlow(
            transport: .udp, source: Destination(try IPAddress("10.77.0.9"), 40000),
            target: Destination(try IPAddress("10.78.0.5"), 53),
            answers: Destination(try IPAddress("10.78.0.5"), 53))
        let forget = NetfilterMessage.forget(flow)
        #expect(forget.type == 0x0102)
        // The kernel tells of flows as it wants them named; the reply's direction follows.
        var told = NetlinkMessage(type: 0x0100, flags: 0, payload: forget.payload)
        #expect(NetfilterMessage.flow(of: told) == nil)
        let original = forget.payload.bytes.dropFirst(8)
        told.payload = NetlinkPayload { payload in
            payload.netfilterHeader(family: 2)
            payload.attribute(1, Array(original))
            payload.attribute(2, NetfilterMessage.forget(reversed(flow)).payload.bytes.dropFirst(8).map { $0 })
        }
        #expect(NetfilterMessage.flow(of: told) == flow)
    }

    private func reversed(_ flow: TrackedFlow) -> TrackedFlow {
        TrackedFlow(
            transport: flow.transport, source: flow.target, target: flow.source, answers: flow.source)
    }
}

@Suite struct SocketTableTests {
    private static let table = """
          sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
           0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
           1: 05004E0A:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
           2: 0200004D:0050 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 3
           3: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4
           4: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 5
        """

    @Test(
        arguments: [
            (80, ["127.0.0.1", "10.78.0.5"]), (8080, ["0.0.0.0"]), (443, ["IPv6"]), (81, []),
        ] as [(UInt16, [String])])
    func `listening sockets are told from connections`(port: UInt16, addresses: [String]) {
        let found = SocketTable.listeners(Self.table, on: HostPort(.tcp, port, podPort: 1))
        #expect(found.map { $0.map(\.description) ?? "IPv6" } == addresses)
        #expect(SocketTable.listeners(Self.table, on: HostPort(.udp, port, podPort: 1)).isEmpty)
    }

    @Test func `what we listen on ourselves is in nobody's way`() throws {
        let ours = OwnListeners(serviceRange: try CIDR("10.78.0.0/16"), bridgeAddress: try IPAddress("10.77.0.1"))
        let (http, dns) = (HostPort(.tcp, 80, podPort: 80), HostPort(.udp, 53, podPort: 53))
        #expect(ours.contains(try IPAddress("10.78.0.5"), http))
        #expect(ours.contains(try IPAddress("10.77.0.1"), dns))
        #expect(!ours.contains(try IPAddress("10.77.0.1"), http))
        #expect(!ours.contains(try IPAddress("0.0.0.0"), dns))
        #expect(!ours.contains(nil, http))
    }
}
