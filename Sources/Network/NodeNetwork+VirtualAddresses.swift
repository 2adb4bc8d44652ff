import Failpoints
import Linux
public import Model
import Synchronization

extension NodeNetwork {
    /// Gives the bridge exactly these virtual addresses, each with a network of its own alone (`/32`): those that it has and
    /// should not have are taken away, also those of an earlier run. Pods and the node reach them at once, other machines by a
    /// route to this node.
    ///
    /// - Throws: `invalid` for an address that is not of the range.
    public func setVirtualAddresses(_ wanted: Set<IPAddress>) throws(NetworkError) {
        if let stranger = wanted.filter({ !serviceRange.contains($0) }).min() {
            throw .invalid("virtual address \(stranger) is not of the service range \(serviceRange)")
        }
        bridgeState.withLock { $0.virtualAddresses = wanted }
        try ensureBridge()
        try system { () throws(LinuxError) in
            let client = try hostClient()
            try setVirtualAddresses(wanted, client, try ensureBridge(client))
        }
    }

    func setVirtualAddresses(_ wanted: Set<IPAddress>, _ client: RouteClient, _ link: Link) throws(LinuxError) {
        let present = Set(
            try client.addresses(of: link).filter { $0.isSingle && $0.address != plan.bridgeAddress }.map(\.address))
        // Those to come first: a program that is told of both may look for the new one before the old one has gone.
        for address in wanted.subtracting(present).sorted() { try client.addAddress(.single(address), to: link) }
        for address in present.subtracting(wanted).sorted() { try client.removeAddress(.single(address), from: link) }
        failpoint(.virtualAddressesSet)
    }
}
