import Glibc
import Linux
import Model
import Testing

@testable import Network

/// The network on the real kernel: the node and the pods are namespaces of the test.
@Suite(.enabled(if: isRoot)) struct NodeNetworkKernelTests {
    private func withNode(_ body: (NodeNetwork, TestNamespace, String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let host = try TestNamespace()
            try body(try node(host, directory), host, directory)
        }
    }

    private func node(_ host: TestNamespace, _ directory: String) throws -> NodeNetwork {
        try NodeNetwork(cidr: "10.9.8.0/24", runDirectory: directory, hostNamespacePath: host.path)
    }

    private func linkNames(_ network: NodeNetwork) throws -> [String] {
        try network.hostClient().links().map(\.name).filter { $0.hasPrefix("mlt") }.sorted()
    }

    @Test func `the bridge is made once, up, with its address, and packets are forwarded`() throws {
        try withNode { network, host, _ in
            try network.ensureBridge()
            let client = try network.hostClient()
            let first = try #require(try client.link(named: "martlet0"))
            try network.ensureBridge()
            #expect(try client.link(named: "martlet0") == first)
            #expect(first.kind == "bridge")
            #expect(first.isUp)
            #expect(first.hardwareAddress == HardwareAddress(for: network.plan.bridgeAddress))
            #expect(try client.addresses(of: first).map(\.description) == ["10.9.8.1/24"])
            #expect(try host.setting("ipv4/ip_forward") == "1")
        }
    }

    @Test func `a stranger with the bridge's name is left alone`() throws {
        try withNode { network, host, _ in
            let client = try network.hostClient()
            try client.makePair(
                LinkPair(
                    name: "martlet0", bridge: 0, peerName: "other",
                    peerHardwareAddress: HardwareAddress(for: network.plan.bridgeAddress),
                    peerNamespace: host.raw, mtu: 1500))
            let error = #expect(throws: NetworkError.self) { try network.ensureBridge() }
            #expect(error?.description == "make bridge martlet0: File exists: another kind of interface")
        }
    }

    @Test func `a range that another interface has is refused and nothing is made`() throws {
        try withNode { network, host, _ in
            let client = try network.hostClient()
            try client.makeBridge(
                name: "office", hardwareAddress: HardwareAddress(for: network.plan.bridgeAddress), mtu: 1500)
            let office = try #require(try client.link(named: "office"))
            try client.addAddress(CIDR("10.9.0.1/16"), to: office)
            let error = #expect(throws: NetworkError.self) { try network.ensureBridge() }
            #expect(error?.description.contains("10.9.8.0/24") == true)
            #expect(error?.description.contains("office has 10.9.0.1/16; choose another range") == true)
            #expect(try client.link(named: "martlet0") == nil)
        }
    }

    @Test func `pods that are connected stay so when the bridge is made anew`() throws {
        try withNode { network, host, _ in
            try network.ensureBridge()
            let pod = try TestNamespace()
            _ = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            try network.removeBridge()
            try network.ensureBridge()
            let listener = try Listener(in: host)
            #expect(try connect(from: pod, to: network.hostAddress, port: listener.port) == 0)
        }
    }

    @Test func `pods reach each other and the node under their own addresses`() throws {
        try withNode { network, host, _ in
            try network.ensureBridge()
            let (first, second) = (try TestNamespace(), try TestNamespace())
            let one = try network.attach(podUID: "one", networkNamespacePath: first.path)
            let two = try network.attach(podUID: "two", networkNamespacePath: second.path)
            #expect(
                one
                    == PodNetwork(
                        address: try IPAddress("10.9.8.2"), prefix: 24, gateway: try IPAddress("10.9.8.1"),
                        interface: "eth0"))
            let inPod = try Listener(in: second)
            #expect(try connect(from: first, to: two.address, port: inPod.port) == 0)
            #expect(try inPod.peer() == one.address)
            #expect(try connect(from: second, to: two.address, port: inPod.port) == 0)
            let onNode = try Listener(in: host)
            #expect(try connect(from: first, to: network.hostAddress, port: onNode.port) == 0)
            #expect(try onNode.peer() == one.address)
            #expect(try connect(from: host, to: two.address, port: inPod.port) == 0)
        }
    }

    @Test func `CVE-2024-32473, CVE-2020-8558, 13401: IPv6 and loopback addresses are off in a pod`() throws {
        try withNode { network, _, _ in
            let pod = try TestNamespace()
            _ = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            for scope in ["all", "default", "eth0"] {
                #expect(try pod.setting("ipv6/conf/\(scope)/disable_ipv6") == "1")
                #expect(try pod.setting("ipv6/conf/\(scope)/accept_ra") == "0")
                #expect(try pod.setting("ipv4/conf/\(scope)/route_localnet") == "0")
            }
        }
    }

    @Test func `attaching again changes nothing, also after a restart`() throws {
        try withNode { network, host, directory in
            let pod = try TestNamespace()
            let first = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            let link = try network.hostClient().link(named: NodeNetwork.linkName(podUID: "one"))
            let restarted = try node(host, directory)
            #expect(restarted.addresses == ["one": first.address])
            #expect(try restarted.attach(podUID: "one", networkNamespacePath: pod.path) == first)
            #expect(try network.hostClient().link(named: NodeNetwork.linkName(podUID: "one")) == link)
        }
    }

    @Test func `what a crash left half done is finished`() throws {
        try withNode { network, host, _ in
            let pod = try TestNamespace()
            let first = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            let client = try network.hostClient()
            let name = NodeNetwork.linkName(podUID: "one")
            try client.setLink(try #require(try client.link(named: name)), up: false)
            let inside = try NodeNetwork.client(NetworkNamespace(path: pod.path))
            try inside.setLink(try #require(try inside.link(named: "eth0")), up: false)
            try client.deleteLink(named: "martlet0")
            #expect(try network.attach(podUID: "one", networkNamespacePath: pod.path) == first)
            try network.ensureBridge()
            let listener = try Listener(in: host)
            #expect(try connect(from: pod, to: network.hostAddress, port: listener.port) == 0)
        }
    }

    @Test func `a pod's new namespace gets the pod's address`() throws {
        try withNode { network, _, _ in
            let (old, new) = (try TestNamespace(), try TestNamespace())
            let first = try network.attach(podUID: "one", networkNamespacePath: old.path)
            #expect(try network.attach(podUID: "one", networkNamespacePath: new.path) == first)
            #expect(try NodeNetwork.client(NetworkNamespace(path: old.path)).link(named: "eth0") == nil)
            #expect(try linkNames(network) == [NodeNetwork.linkName(podUID: "one")])
        }
    }

    @Test func `detaching takes link and address away, and may be repeated`() throws {
        try withNode { network, _, directory in
            let pod = try TestNamespace()
            _ = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            try network.detach(podUID: "one")
            try network.detach(podUID: "one")
            #expect(try linkNames(network) == [])
            #expect(network.addresses.isEmpty)
            #expect(try listDirectory("\(directory)/network") == [])
        }
    }

    @Test func `a sweep leaves what live pods own and what strangers own`() throws {
        try withNode { network, host, directory in
            let (first, second) = (try TestNamespace(), try TestNamespace())
            let one = try network.attach(podUID: "one", networkNamespacePath: first.path)
            _ = try network.attach(podUID: "two", networkNamespacePath: second.path)
            // A link whose record is gone, and a record whose link is gone.
            try removeDurably("\(directory)/network/two")
            try writeDurably("\(directory)/network/three", text: "10.9.8.77\n")
            let neighbour = try NodeNetwork(
                bridge: "other0", cidr: "10.9.9.0/24", runDirectory: "\(directory)/other",
                hostNamespacePath: host.path)
            let third = try TestNamespace()
            _ = try neighbour.attach(podUID: "four", networkNamespacePath: third.path)
            let restarted = try node(host, directory)
            try restarted.sweep(livePodUIDs: ["one"])
            let left = ["one", "four"].map(NodeNetwork.linkName(podUID:)).sorted()
            #expect(try linkNames(network) == left)
            #expect(restarted.addresses == ["one": one.address])
        }
    }

    @Test func `a sweep leaves the links of an installation whose bridge is gone`() throws {
        try withNode { network, host, directory in
            let neighbour = try NodeNetwork(
                bridge: "other0", cidr: "10.9.9.0/24", runDirectory: "\(directory)/other",
                hostNamespacePath: host.path)
            let (first, second) = (try TestNamespace(), try TestNamespace())
            _ = try network.attach(podUID: "one", networkNamespacePath: first.path)
            _ = try neighbour.attach(podUID: "two", networkNamespacePath: second.path)
            try network.removeBridge()
            try neighbour.removeBridge()
            try node(host, directory).sweep(livePodUIDs: [])
            #expect(try linkNames(network) == [NodeNetwork.linkName(podUID: "two")])
        }
    }

    private func bridgeAddresses(_ network: NodeNetwork) throws -> [String] {
        let client = try network.hostClient()
        return try client.addresses(of: #require(try client.link(named: "martlet0"))).map(\.description).sorted()
    }

    @Test func `the bridge has exactly the virtual addresses that are wanted`() throws {
        try withNode { network, host, directory in
            let (first, second) = (try IPAddress("10.78.0.5"), try IPAddress("10.78.255.255"))
            try network.setVirtualAddresses([first, second])
            try network.setVirtualAddresses([first, second])
            #expect(try bridgeAddresses(network) == ["10.78.0.5/32", "10.78.255.255/32", "10.9.8.1/24"])
            let restarted = try node(host, directory)
            try restarted.ensureBridge()
            #expect(try bridgeAddresses(network).count == 3)
            try restarted.setVirtualAddresses([second])
            #expect(try bridgeAddresses(network) == ["10.78.255.255/32", "10.9.8.1/24"])
            try restarted.setVirtualAddresses([])
            #expect(try bridgeAddresses(network) == ["10.9.8.1/24"])
            let stranger = try IPAddress("10.79.0.1")
            #expect(throws: NetworkError.invalid("virtual address 10.79.0.1 is not of the service range 10.78.0.0/16"))
            {
                try network.setVirtualAddresses([stranger])
            }
        }
    }

    @Test func `virtual addresses are reached from pods and from the node`() throws {
        try withNode { network, host, _ in
            let address = try IPAddress("10.78.0.5")
            try network.setVirtualAddresses([address])
            let pod = try TestNamespace()
            let own = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            let listener = try Listener(in: host)
            #expect(try connect(from: pod, to: address, port: listener.port) == 0)
            #expect(try listener.peer() == own.address)
        }
    }

    @Test func `a bridge that was deleted or lost an address is repaired with everything on it`() throws {
        try withNode { network, host, _ in
            let address = try IPAddress("10.78.0.5")
            try network.setVirtualAddresses([address])
            let pod = try TestNamespace()
            _ = try network.attach(podUID: "one", networkNamespacePath: pod.path)
            #expect(try !network.repairBridge())
            let client = try network.hostClient()
            let bridge = try #require(try client.link(named: "martlet0"))
            try client.removeAddress(.single(address), from: bridge)
            #expect(try network.repairBridge())
            #expect(try bridgeAddresses(network).contains("10.78.0.5/32"))
            try client.deleteLink(named: "martlet0")
            #expect(try network.repairBridge())
            #expect(try !network.repairBridge())
            let listener = try Listener(in: host)
            #expect(try connect(from: pod, to: address, port: listener.port) == 0)
        }
    }

    @Test func `a service range that overlaps the pods' or an interface's is refused`() throws {
        try withTemporaryDirectory { directory in
            let host = try TestNamespace()
            let error = #expect(throws: NetworkError.self) {
                try NodeNetwork(cidr: "10.9.8.0/24", serviceCIDR: "10.9.0.0/16", runDirectory: directory)
            }
            #expect(
                error?.description
                    == "service range 10.9.0.0/16 overlaps the pods' range 10.9.8.0/24; choose another --service-cidr")
            let network = try NodeNetwork(
                cidr: "10.9.8.0/24", serviceCIDR: "10.9.9.0/24", runDirectory: directory,
                hostNamespacePath: host.path)
            let client = try network.hostClient()
            try client.makeBridge(
                name: "office", hardwareAddress: HardwareAddress(for: network.plan.bridgeAddress), mtu: 1500)
            try client.addAddress(CIDR("10.9.9.7/32"), to: try #require(try client.link(named: "office")))
            let refusal = #expect(throws: NetworkError.self) { try network.ensureBridge() }
            #expect(refusal?.description.contains("10.9.9.0/24 for virtual addresses") == true)
        }
    }

    @Test func `the kernel's words are in the error`() throws {
        try withNode { network, _, _ in
            try network.ensureBridge()
            let client = try network.hostClient()
            let bridge = try #require(try client.link(named: "martlet0"))
            let gateway = try IPAddress("192.0.2.1")
            let error = #expect(throws: LinuxError.self) {
                try client.addDefaultRoute(gateway: gateway, through: bridge)
            }
            #expect(error?.errno == ENETUNREACH)
            #expect(error?.detail == "Nexthop has invalid gateway")
        }
    }

    @Test func `the names of links are those that earlier versions gave`() {
        #expect(NodeNetwork.linkName(podUID: "0b1e6b8e-5f0c-4c55-a6d0-54a1f2f3a001").utf8.count == 14)
        #expect(NodeNetwork.linkName(podUID: "one") == "mlta1921cbfc25")
    }
}
