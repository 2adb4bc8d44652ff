import Failpoints
import Glibc
import Linux
import Model
import Synchronization

/// What is known of the bridge.
struct BridgeState {
    /// The bridge's index when it was last found to be complete; one that was deleted and made anew has another.
    var index: Int32?
    /// The virtual addresses that it has to have; nil before anybody said so.
    var virtualAddresses: Set<IPAddress>?
}

extension NodeNetwork {
    /// Makes the bridge with its addresses, and lets packets be forwarded. What is there stays; the links of pods that have
    /// lost their bridge are put on it again. Costs next to nothing when the bridge is the one that was made or found before.
    ///
    /// - Throws: `system` with `EEXIST` when something else has the bridge's name, and `EADDRINUSE` when another interface
    ///   has an address of the pods' range or of the range of virtual addresses.
    public func ensureBridge() throws(NetworkError) {
        try system { () throws(LinuxError) in
            let client = try hostClient()
            let known = bridgeState.withLock(\.index)
            if let known, let link = try client.link(named: bridge), link.index == known, link.isUp { return }
            try completeBridge(client)
        }
    }

    /// Puts back whatever somebody took from the bridge: to be called every few seconds.
    ///
    /// - Returns: Whether anything was missing.
    @discardableResult
    public func repairBridge() throws(NetworkError) -> Bool {
        try system { () throws(LinuxError) in
            let client = try hostClient()
            let isWhole = try isWhole(client)
            if !isWhole { try completeBridge(client) }
            return !isWhole
        }
    }

    private func isWhole(_ client: RouteClient) throws(LinuxError) -> Bool {
        guard let link = try client.link(named: bridge), link.isUp, link.index == bridgeState.withLock(\.index) else {
            return false
        }
        let addresses = Set(try client.addresses(of: link))
        let virtual = bridgeState.withLock(\.virtualAddresses) ?? []
        return addresses.contains(try bridgeNetwork) && virtual.allSatisfy { addresses.contains(.single($0)) }
    }

    private func completeBridge(_ client: RouteClient) throws(LinuxError) {
        let links = try client.links()
        try refuseRangesInUse(client, links)
        let link = try ensureBridge(client)
        failpoint(.bridgeMade)
        try client.addAddress(bridgeNetwork, to: link)
        if let wanted = bridgeState.withLock(\.virtualAddresses) { try setVirtualAddresses(wanted, client, link) }
        try adopt(links, client, link)
        failpoint(.bridgeReady)
        try enableForwarding()
        bridgeState.withLock { $0.index = link.index }
    }

    /// Two interfaces with overlapping ranges take each other's packets.
    private func refuseRangesInUse(_ client: RouteClient, _ links: [Link]) throws(LinuxError) {
        for link in links where link.name != bridge {
            for address in try client.addresses(of: link) {
                for (range, purpose) in [(plan.range, "pods"), (serviceRange, "virtual addresses")]
                where address.overlaps(range) {
                    throw LinuxError(
                        "use address range \(range) for \(purpose)", errno: EADDRINUSE,
                        detail: "\(link.name) has \(address); choose another range")
                }
            }
        }
    }

    /// Puts links of pods on the bridge that were on one that was deleted.
    private func adopt(_ links: [Link], _ client: RouteClient, _ bridge: Link) throws(LinuxError) {
        let names = Set(addresses.keys.map(Self.linkName(podUID:)))
        for link in links where link.kind == "veth" && link.master == nil && names.contains(link.name) {
            do {
                try client.setMaster(link, master: bridge)
                try client.allowHairpin(link.name)
            } catch let error where error.errno == ENODEV {
                // Its pod has ended since the links were listed.
                continue
            }
        }
    }

    func ensureBridge(_ client: RouteClient) throws(LinuxError) -> Link {
        if let link = try client.link(named: bridge) {
            guard link.kind == "bridge" else {
                throw LinuxError("make bridge", path: bridge, errno: EEXIST, detail: "another kind of interface")
            }
            if !link.isUp { try client.setLink(link, up: true) }
            return link
        }
        // An address of its own: a bridge without one takes that of one of its links, and changes it with them.
        try client.makeBridge(name: bridge, hardwareAddress: HardwareAddress(for: plan.bridgeAddress), mtu: mtu)
        guard let link = try client.link(named: bridge) else {
            throw LinuxError("make bridge", path: bridge, errno: ENODEV)
        }
        return link
    }

    private var bridgeNetwork: CIDR {
        get throws(LinuxError) {
            do {
                return try CIDR(plan.bridgeAddress, prefixLength: plan.range.prefixLength)
            } catch {
                throw LinuxError("add address", path: bridge, errno: EINVAL, detail: error.description)
            }
        }
    }

    private func enableForwarding() throws(LinuxError) {
        let namespace = try NetworkNamespace(path: hostNamespacePath)
        try namespace.run { () throws(LinuxError) in
            let file = "/proc/sys/net/ipv4/ip_forward"
            // Written only when it changes: the kernel resets other settings with every write.
            if try readText(file).first != "1" { try writeFile(file, "1") }
        }
    }

    /// Takes the bridge away; nothing happens when there is none.
    public func removeBridge() throws(NetworkError) {
        bridgeState.withLock { $0.index = nil }
        try system { () throws(LinuxError) in try hostClient().deleteLink(named: bridge) }
    }
}
