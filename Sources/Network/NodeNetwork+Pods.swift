import Failpoints
import Glibc
import Linux
import Model
import Synchronization

extension NodeNetwork {
    /// Connects a pod: an address, a pair of links, and in the pod's namespace `eth0` with the address and the route to
    /// everything else. What is there already is kept, what is half done is finished.
    ///
    /// - Parameters:
    ///   - networkNamespacePath: The file that names the pod's namespace: `/proc/PID/ns/net`.
    ///   - address: The address that the pod must have; nil for a free one.
    ///   - hostPorts: The node's ports that lead to the pod.
    /// - Throws: `exhausted` when no address is free, `conflict` when another pod has one of the ports.
    public func attach(
        podUID: String, networkNamespacePath: String, address: IPAddress? = nil, hostPorts: [HostPort] = []
    ) throws(NetworkError) -> PodNetwork {
        try refuseListening(hostPorts, podUID)
        let allocated = records.withLock { records in
            Result { () throws(NetworkError) in
                try records.allocate(podUID: podUID, wanted: address, hostPorts: hostPorts, plan: plan)
            }
        }
        let own = try allocated.get().address
        failpoint(.addressGiven)
        let network = try CIDR(own, prefixLength: plan.range.prefixLength)
        try system { () throws(LinuxError) in
            let namespace = try NetworkNamespace(path: networkNamespacePath)
            let inside = RouteClient(socket: try configure(namespace))
            let link = try ensurePair(podUID: podUID, address: own, namespace: namespace, inside: inside)
            if let loopback = try inside.link(named: "lo"), !loopback.isUp { try inside.setLink(loopback, up: true) }
            try inside.addAddress(network, to: link)
            if !link.isUp { try inside.setLink(link, up: true) }
            try inside.addDefaultRoute(gateway: plan.bridgeAddress, through: link)
            failpoint(.podConnected)
            if !hostPorts.isEmpty { try applyFilter() }
        }
        return PodNetwork(
            address: own, prefix: plan.range.prefixLength, gateway: plan.bridgeAddress, interface: Self.podInterface)
    }

    /// Takes a pod's links and address away; nothing happens when it has none.
    public func detach(podUID: String) throws(NetworkError) {
        try AddressRecords.check(podUID: podUID)
        let hadPorts = records.withLock { $0.records[podUID]?.hostPorts.isEmpty == false }
        try system { () throws(LinuxError) in
            try removeLink(named: Self.linkName(podUID: podUID))
        }
        failpoint(.linksRemoved)
        try release(podUID: podUID)
        if hadPorts { try ensureFilter() }
        failpoint(.addressTaken)
    }

    /// Takes away the links and addresses that no live pod owns.
    public func sweep(livePodUIDs: Set<String>) throws(NetworkError) {
        let wanted = Set(livePodUIDs.map(Self.linkName(podUID:)))
        let recorded = Set(addresses.keys.map(Self.linkName(podUID:)))
        try system { () throws(LinuxError) in
            let links = try hostClient().links()
            let bridgeIndex = links.first { $0.name == bridge }?.index
            for link in links where isOurs(link, bridgeIndex, recorded) && !wanted.contains(link.name) {
                try removeLink(named: link.name)
            }
        }
        let hadPorts = records.withLock { !$0.hostPorts.isEmpty }
        for podUID in addresses.keys.sorted() where !livePodUIDs.contains(podUID) { try release(podUID: podUID) }
        if hadPorts { try ensureFilter() }
    }

    /// Whether a link was made by `attach` for this bridge. One without a bridge has lost it, and may be another
    /// installation's; each of ours has a record for as long as it is there.
    private func isOurs(_ link: Link, _ bridgeIndex: Int32?, _ recorded: Set<String>) -> Bool {
        let isNamed = link.name.hasPrefix(Self.linkPrefix) && link.name.utf8.count == 14
        guard link.kind == "veth", isNamed else { return false }
        return link.master.map { $0 == bridgeIndex } ?? recorded.contains(link.name)
    }

    private func release(podUID: String) throws(NetworkError) {
        let result = records.withLock { records in
            Result { () throws(NetworkError) in try records.release(podUID: podUID) }
        }
        try result.get()
    }

    /// The link inside the pod, made if there is none. One that belongs to an earlier namespace of the pod, or has
    /// another address, is replaced.
    private func ensurePair(
        podUID: String, address: IPAddress, namespace: borrowing NetworkNamespace, inside: RouteClient
    ) throws(LinuxError) -> Link {
        let client = try hostClient()
        let name = Self.linkName(podUID: podUID)
        let hardwareAddress = HardwareAddress(for: address)
        let bridgeLink = try ensureBridge(client)
        if let link = try client.link(named: name) {
            if let peer = try inside.link(named: Self.podInterface), peer.kind == "veth",
                peer.hardwareAddress == hardwareAddress
            {
                if link.master != bridgeLink.index { try client.setMaster(link, master: bridgeLink) }
                try client.allowHairpin(name)
                if !link.isUp { try client.setLink(link, up: true) }
                return peer
            }
            try client.deleteLink(named: name)
        }
        try client.makePair(
            LinkPair(
                name: name, bridge: bridgeLink.index, peerName: Self.podInterface, peerHardwareAddress: hardwareAddress,
                peerNamespace: namespace.raw, mtu: mtu))
        failpoint(.linksMade)
        try client.allowHairpin(name)
        guard let peer = try inside.link(named: Self.podInterface) else {
            throw LinuxError("make link", path: name, errno: ENODEV, detail: "the pod's side is missing")
        }
        return peer
    }

    /// Makes the settings of a pod's namespace, and opens a conversation about its links; both by one thread inside.
    ///
    /// IPv6 is turned off, unless it is wanted, and router advertisements are ignored: a container with raw sockets could
    /// otherwise become its neighbours' router (CVE-2020-13401). The link to come takes over the settings of `default`. Kernels
    /// without IPv6 have no such files.
    private func configure(_ namespace: borrowing NetworkNamespace) throws(LinuxError) -> any NetlinkSocket {
        let settings = [("accept_ra", "0"), ("disable_ipv6", ipv6 ? "0" : "1")]
        return try namespace.run { () throws(LinuxError) in
            for scope in ["all", "default"] {
                for (name, value) in settings {
                    let file = "/proc/sys/net/ipv6/conf/\(scope)/\(name)"
                    if fileExists(file) { try writeFile(file, value) }
                }
            }
            return try KernelNetlinkSocket()
        }
    }
}
