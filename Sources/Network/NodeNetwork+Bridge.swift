import Failpoints
import Glibc
import Linux

extension NodeNetwork {
    /// Makes the bridge with its address, and lets packets be forwarded. What is there stays; the links of pods that have
    /// lost their bridge are put on it again.
    ///
    /// - Throws: `system` with `EEXIST` when something else has the bridge's name, and `EADDRINUSE` when another interface
    ///   has an address of the pods' range.
    public func ensureBridge() throws(NetworkError) {
        try system { () throws(LinuxError) in
            let client = try hostClient()
            if let known = try client.link(named: bridge), known.kind == "bridge", known.isUp,
                try client.addresses(of: known).contains(bridgeNetwork)
            {
                return try enableForwarding()
            }
            let links = try client.links()
            try refuseRangeInUse(client, links)
            let link = try ensureBridge(client)
            failpoint(.bridgeMade)
            try client.addAddress(bridgeNetwork, to: link)
            try adopt(links, client, link)
            failpoint(.bridgeReady)
            try enableForwarding()
        }
    }

    /// Two interfaces with overlapping ranges take each other's packets.
    private func refuseRangeInUse(_ client: RouteClient, _ links: [Link]) throws(LinuxError) {
        for link in links where link.name != bridge {
            guard let taken = try client.addresses(of: link).first(where: { $0.overlaps(plan.range) }) else { continue }
            throw LinuxError(
                "use address range \(plan.range) for pods", errno: EADDRINUSE,
                detail: "\(link.name) has \(taken); choose another range")
        }
    }

    /// Puts links of pods on the bridge that were on one that was deleted.
    private func adopt(_ links: [Link], _ client: RouteClient, _ bridge: Link) throws(LinuxError) {
        let names = Set(addresses.keys.map(Self.linkName(podUID:)))
        for link in links where link.kind == "veth" && link.master == nil && names.contains(link.name) {
            do {
                try client.setMaster(link, master: bridge)
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
        try system { () throws(LinuxError) in try hostClient().deleteLink(named: bridge) }
    }
}
