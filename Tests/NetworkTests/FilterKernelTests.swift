import Glibc
import Linux
import Model
import Testing
import Threads

@testable import Network

/// The packet filter on the real kernel: node, pods and another machine are namespaces of the test.
@Suite(.enabled(if: isRoot), .timeLimit(.minutes(10))) struct FilterKernelTests {
    /// A node with a network, and another machine that is connected to it.
    private struct Machines {
        let node: TestNamespace
        let outside: TestNamespace
        let network: NodeNetwork
        /// The node's address towards the other machine, and that one's.
        let nodeAddress: IPAddress
        let outsideAddress: IPAddress

        init(_ directory: String) throws {
            node = try TestNamespace()
            outside = try TestNamespace()
            network = try NodeNetwork(cidr: "10.9.8.0/24", runDirectory: directory, hostNamespacePath: node.path)
            nodeAddress = try IPAddress("192.0.2.1")
            outsideAddress = try IPAddress("192.0.2.2")
            let client = try network.hostClient()
            let there = try NodeNetwork.client(NetworkNamespace(path: outside.path))
            try client.makePair(
                LinkPair(
                    name: "wire0", bridge: 0, peerName: "eth0",
                    peerHardwareAddress: HardwareAddress(for: outsideAddress),
                    peerNamespace: outside.raw, mtu: 1500))
            try client.addAddress(
                CIDR(nodeAddress, prefixLength: 24), to: try #require(try client.link(named: "wire0")))
            let peer = try #require(try there.link(named: "eth0"))
            try there.addAddress(CIDR(outsideAddress, prefixLength: 24), to: peer)
            try there.setLink(peer, up: true)
            try client.setLink(try #require(try client.link(named: "lo")), up: true)
            try network.ensureBridge()
            try network.ensureFilter()
        }

        func restarted(_ directory: String) throws -> NodeNetwork {
            try NodeNetwork(cidr: "10.9.8.0/24", runDirectory: directory, hostNamespacePath: node.path)
        }

        func attach(_ podUID: String, _ ports: [HostPort] = []) throws -> (pod: TestNamespace, address: IPAddress) {
            let pod = try TestNamespace()
            let own = try network.attach(podUID: podUID, networkNamespacePath: pod.path, hostPorts: ports)
            return (pod, own.address)
        }
    }

    private func withMachines(_ body: (Machines, String) throws -> Void) throws {
        try withTemporaryDirectory { directory in try body(Machines(directory), directory) }
    }

    private func ruleset(_ machines: Machines) throws -> String {
        try PacketFilter(namespacePath: machines.node.path).run("list ruleset")
    }

    @Test func `a pod reaches another machine under the node's address and another pod under its own`() throws {
        try withMachines { machines, _ in
            let (first, firstAddress) = try machines.attach("one")
            let (second, secondAddress) = try machines.attach("two")
            let outside = try Listener(in: machines.outside)
            #expect(try connect(from: first, to: machines.outsideAddress, port: outside.port) == 0)
            #expect(try outside.peer() == machines.nodeAddress)
            let inPod = try Listener(in: second)
            #expect(try connect(from: first, to: secondAddress, port: inPod.port) == 0)
            #expect(try inPod.peer() == firstAddress)
        }
    }

    @Test func `a port of the node leads to its pod from everywhere`() throws {
        try withMachines { machines, _ in
            let (pod, address) = try machines.attach("one", [HostPort(.tcp, 8080, podPort: 80)])
            let (other, _) = try machines.attach("two")
            let listener = try Listener(in: pod, port: 80)
            #expect(try connect(from: machines.outside, to: machines.nodeAddress, port: 8080) == 0)
            #expect(try listener.peer() == machines.outsideAddress)
            #expect(try connect(from: machines.node, to: machines.nodeAddress, port: 8080) == 0)
            _ = try listener.peer()
            #expect(try connect(from: machines.node, to: IPAddress("127.0.0.1"), port: 8080) == 0)
            #expect(try listener.peer() == machines.network.hostAddress)
            #expect(try connect(from: other, to: machines.nodeAddress, port: 8080) == 0)
            #expect(try listener.peer() == machines.network.hostAddress)
            #expect(try connect(from: pod, to: machines.network.hostAddress, port: 8080) == 0)
            #expect(try listener.peer() == machines.network.hostAddress)
            #expect(try connect(from: machines.node, to: address, port: 80) == 0)
        }
    }

    @Test func `a port of the node that is another pod's is refused, and is free when that pod has gone`() throws {
        try withMachines { machines, _ in
            let port = HostPort(.tcp, 8080, podPort: 80)
            _ = try machines.attach("one", [port])
            #expect(throws: NetworkError.conflict("port 8080/TCP of the node is taken by pod one")) {
                try machines.attach("two", [port])
            }
            try machines.network.detach(podUID: "one")
            #expect(try connect(from: machines.outside, to: machines.nodeAddress, port: 8080) == ECONNREFUSED)
            let (pod, _) = try machines.attach("two", [port])
            let listener = try Listener(in: pod, port: 80)
            #expect(try connect(from: machines.outside, to: machines.nodeAddress, port: 8080) == 0)
            _ = try listener.peer()
        }
    }

    @Test(arguments: [Transport.tcp, .udp])
    func `a port on which a program of the node listens is refused`(transport: Transport) throws {
        try withMachines { machines, _ in
            let own = try IPAddress("127.0.0.1")
            let tcp = try Listener(in: machines.node, on: own)
            let udp = try Datagrams(in: machines.node)
            let taken = transport == .tcp ? tcp.port : udp.port
            let error = #expect(throws: NetworkError.self) {
                try machines.attach("one", [HostPort(transport, taken, podPort: 80)])
            }
            #expect(
                error?.description
                    == "port \(taken)/\(transport) of the node is taken by a program that listens on it")
            #expect(machines.network.addresses.isEmpty)
            let free = taken == 65535 ? taken - 1 : taken + 1
            _ = try machines.attach("one", [HostPort(transport, free, podPort: 80)])
        }
    }

    @Test func `pods that come and go at the same time leave the table as the last one wants it`() throws {
        try withMachines { machines, _ in
            let network = machines.network
            let pods = try (0..<8).map { _ in try TestNamespace() }
            let failures = Monitor<[String]>([])
            /// Does something for each pod, all at once.
            func together(_ body: @escaping @Sendable (Int) throws -> Void) throws {
                let threads = try pods.indices.map { index throws in
                    try Thread {
                        do { try body(index) } catch { failures.change { $0.append("\(error)") } }
                    }
                }
                for thread in threads { thread.join() }
            }
            try together { index in
                let port = HostPort(.tcp, UInt16(9000 + index), podPort: 80)
                _ = try network.attach(
                    podUID: "p\(index)", networkNamespacePath: pods[index].path, hostPorts: [port])
            }
            let rules = try ruleset(machines)
            for (podUID, address) in network.addresses {
                #expect(rules.contains("900\(podUID.dropFirst()) : \(address) . 80"))
            }
            try together { index in try network.detach(podUID: "p\(index)") }
            #expect(try !ruleset(machines).contains("900"))
            #expect(failures.change { $0 } == [])
            #expect(network.addresses.isEmpty)
        }
    }

    @Test func `a sweep takes the ports of pods that are no more`() throws {
        try withMachines { machines, directory in
            _ = try machines.attach("one", [HostPort(.tcp, 8080, podPort: 80)])
            let restarted = try machines.restarted(directory)
            try restarted.ensureFilter()
            #expect(try ruleset(machines).contains("8080 : 10.9.8.2 . 80"))
            try restarted.sweep(livePodUIDs: [])
            #expect(try !ruleset(machines).contains("8080"))
        }
    }

    @Test func `loopback addresses of the node are let in only where a port of the node needs it`() throws {
        try withMachines { machines, _ in
            let setting = "ipv4/conf/martlet0/route_localnet"
            #expect(try machines.node.setting(setting) == "0")
            _ = try machines.attach("one", [HostPort(.tcp, 8080, podPort: 80)])
            #expect(try machines.node.setting(setting) == "1")
            try machines.network.detach(podUID: "one")
            #expect(try machines.node.setting(setting) == "0")
        }
    }

    @Test func `CVE-2020-8558: what a pod sends to a loopback address does not reach the node's programs`() throws {
        try withMachines { machines, _ in
            let (pod, _) = try machines.attach("one", [HostPort(.udp, 8080, podPort: 80)])
            #expect(try machines.node.setting("ipv4/conf/martlet0/route_localnet") == "1")
            // The pod has no loopback address and routes them, as a container with NET_ADMIN may have it.
            let inside = try NodeNetwork.client(NetworkNamespace(path: pod.path))
            try inside.removeAddress(CIDR("127.0.0.1/8"), from: try #require(try inside.link(named: "lo")))
            try pod.run { () throws(LinuxError) in
                try writeFile("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1")
            }
            let program = try Datagrams(in: machines.node)
            let sender = try Datagrams(in: pod)
            let loopback = try IPAddress("127.0.0.1")
            try sender.send(1, to: loopback, port: program.port)
            try sender.send(2, to: machines.network.hostAddress, port: program.port)
            #expect(try program.receive().byte == 2)
            // Without the rule it does reach them.
            try PacketFilter(namespacePath: machines.node.path).run("flush chain inet martlet0 guard")
            try sender.send(3, to: loopback, port: program.port)
            #expect(try program.receive().byte == 3)
        }
    }

    @Test func `a connection goes on when the table is replaced`() throws {
        try withMachines { machines, _ in
            let (pod, _) = try machines.attach("one", [HostPort(.tcp, 8080, podPort: 80)])
            let listener = try Listener(in: pod, port: 80)
            let outer = try Connection(from: machines.outside, to: machines.nodeAddress, port: 8080)
            let inner = try listener.accepted()
            _ = try machines.attach("two", [HostPort(.tcp, 8081, podPort: 80)])
            try outer.send(1)
            #expect(try inner.receive() == 1)
            try inner.send(2)
            #expect(try outer.receive() == 2)
        }
    }

    @Test func `what somebody did to our tables is undone, and other tables are left alone`() throws {
        try withMachines { machines, _ in
            let service = UDPService(Destination(try IPAddress("10.78.0.5"), 53), endpoints: [])
            try machines.network.setUDPServices([service])
            let filter = try PacketFilter(namespacePath: machines.node.path)
            try filter.run("table inet stranger\n")
            let right = try ruleset(machines)
            #expect(try !machines.network.repairFilter())
            for damage in [
                "delete table inet martlet0", "flush table inet martlet0", "delete table inet martlet0-udp",
                "add element inet martlet0 host-ports-tcp { 1 : 10.0.0.1 . 1 }",
            ] {
                try filter.run(damage)
                #expect(try machines.network.repairFilter(), "\(damage)")
                #expect(try Set(ruleset(machines).split(separator: "\n")) == Set(right.split(separator: "\n")))
                #expect(try !machines.network.repairFilter())
            }
            try machines.network.removeFilter()
            try machines.network.removeFilter()
            #expect(try ruleset(machines).split(separator: "\n").first == "table inet stranger {")
            #expect(try !ruleset(machines).contains("martlet0"))
        }
    }

    @Test func `a program that listens on every address of the node is not reached by a virtual address`() throws {
        try withMachines { machines, _ in
            let address = try IPAddress("10.78.0.5")
            try machines.network.setVirtualAddresses([address])
            let (pod, _) = try machines.attach("one")
            let wildcard = try Listener(in: machines.node)
            #expect(try connect(from: pod, to: address, port: wildcard.port) == ECONNREFUSED)
            #expect(try connect(from: pod, to: machines.network.hostAddress, port: wildcard.port) == 0)
            let own = try Listener(in: machines.node, on: address, port: 80)
            #expect(try connect(from: pod, to: address, port: 80) == 0)
            _ = try own.peer()
            let datagrams = try Datagrams(in: machines.node)
            let sender = try Datagrams(in: pod)
            try sender.send(1, to: address, port: datagrams.port)
            try sender.send(2, to: machines.network.hostAddress, port: datagrams.port)
            #expect(try datagrams.receive().byte == 2)
        }
    }

    @Test func `connections to a virtual address take no place in the kernel's table of connections`() throws {
        try withMachines { machines, _ in
            let address = try IPAddress("10.78.0.5")
            try machines.network.setVirtualAddresses([address])
            let (pod, _) = try machines.attach("one")
            func followed() throws -> Int? { Int(try machines.node.setting("netfilter/nf_conntrack_count")) }
            let before = try #require(try followed())
            let virtual = try Listener(in: machines.node, on: address, port: 80)
            for client in [pod, machines.node] {
                #expect(try connect(from: client, to: address, port: 80) == 0)
                _ = try virtual.peer()
            }
            #expect(try followed() == before)
            let wildcard = try Listener(in: machines.node)
            #expect(try connect(from: pod, to: machines.network.hostAddress, port: wildcard.port) == 0)
            #expect(try followed() == before + 1, "others are followed")
        }
    }

    @Test func `other machines do not ask the node's DNS server`() throws {
        try withMachines { machines, _ in
            let there = try NodeNetwork.client(NetworkNamespace(path: machines.outside.path))
            let wire = try #require(try there.link(named: "eth0"))
            try there.addDefaultRoute(gateway: machines.nodeAddress, through: wire)
            let (pod, _) = try machines.attach("one")
            let server = try Datagrams(in: machines.node, port: 53)
            let bridge = machines.network.hostAddress
            try Datagrams(in: machines.outside).send(1, to: bridge, port: 53)
            try Datagrams(in: pod).send(2, to: bridge, port: 53)
            #expect(try server.receive().byte == 2)
            try Datagrams(in: machines.node).send(3, to: bridge, port: 53)
            #expect(try server.receive().byte == 3)
            let other = try Datagrams(in: machines.node)
            try Datagrams(in: machines.outside).send(4, to: bridge, port: other.port)
            #expect(try other.receive().byte == 4)
        }
    }

    @Test func `UDP packets to a virtual address go to ready pods in turn, and leave a pod that is ready no more`()
        throws
    {
        try withMachines { machines, _ in
            let service = Destination(try IPAddress("10.78.0.5"), 53)
            try machines.network.setVirtualAddresses([service.address])
            let (first, firstAddress) = try machines.attach("one")
            let (second, secondAddress) = try machines.attach("two")
            let (client, _) = try machines.attach("three")
            let one = try Datagrams(in: first, port: 5353)
            let two = try Datagrams(in: second, port: 5353)
            let both = [Destination(firstAddress, 5353), Destination(secondAddress, 5353)]
            try machines.network.setUDPServices([UDPService(service, endpoints: both)])
            for byte in UInt8(0)..<2 {
                try Datagrams(in: client).send(byte, to: service.address, port: service.port)
            }
            #expect(try Set([one.receive().byte, two.receive().byte]) == [0, 1])

            try machines.network.setUDPServices([UDPService(service, endpoints: [both[0]])])
            let sender = try Datagrams(in: client)
            try sender.send(7, to: service.address, port: service.port)
            let question = try one.receive()
            #expect(question.byte == 7)
            try one.send(8, to: question.from.address, port: question.from.port)
            let answer = try sender.receive()
            #expect(answer.byte == 8 && answer.from == service)
            try machines.network.setUDPServices([UDPService(service, endpoints: [both[1]])])
            try sender.send(9, to: service.address, port: service.port)
            #expect(try two.receive().byte == 9)
        }
    }

    @Test func `a program of the node gets answers from a UDP service, which it asks from the service's own address`()
        throws
    {
        try withMachines { machines, _ in
            let service = Destination(try IPAddress("10.78.0.5"), 53)
            try machines.network.setVirtualAddresses([service.address])
            let (pod, address) = try machines.attach("one")
            let server = try Datagrams(in: pod, port: 5353)
            try machines.network.setUDPServices([UDPService(service, endpoints: [Destination(address, 5353)])])
            let client = try Datagrams(in: machines.node)
            try client.send(1, to: service.address, port: service.port)
            let question = try server.receive()
            #expect(question.byte == 1 && question.from.address == service.address)
            try server.send(2, to: question.from.address, port: question.from.port)
            let answer = try client.receive()
            #expect(answer.byte == 2 && answer.from == service)
        }
    }

    @Test func `what the library says of a mistake is in the error`() throws {
        let namespace = try TestNamespace()
        let filter = try withExtendedLifetime(namespace) { try PacketFilter(namespacePath: namespace.path) }
        let error = #expect(throws: LinuxError.self) { try filter.run("table inet x { chain y { nonsense } }") }
        #expect(error?.detail?.contains("syntax error") == true)
        #expect(try filter.run("list ruleset") == "")
    }
}
