import Agent
import Linux
import Model
import Network

/// The pods' network of one installation, as the agent uses it.
final class NodePodNetwork: PodNetworking {
    /// The bridge and all that is on it.
    let network: NodeNetwork

    init(
        _ installation: Installation, cidr: String, serviceCIDR: String = NodeNetwork.defaultServiceRange
    ) throws {
        network = try NodeNetwork(
            bridge: installation.bridge, cidr: cidr, serviceCIDR: serviceCIDR, runDirectory: installation.run)
    }

    /// The bridge's address: where pods reach the node.
    var hostAddress: String { "\(network.hostAddress)" }

    /// Makes the bridge and the packet filter's tables unless they are there.
    func prepare() throws {
        try network.ensureBridge()
        try network.ensureFilter()
    }

    func attach(podUID: String, networkNamespacePath: String, ports: [ContainerPort]) throws -> String {
        // The bridge may have been deleted by hand; it is made again with the next pod.
        try network.ensureBridge()
        let connection = try network.attach(
            podUID: podUID, networkNamespacePath: networkNamespacePath, hostPorts: ports.compactMap(HostPort.init))
        return "\(connection.address)"
    }

    func repair() throws -> Bool {
        let bridgeWas = try network.repairBridge()
        return try network.repairFilter() || bridgeWas
    }

    func detach(podUID: String) throws { try network.detach(podUID: podUID) }

    func sweep(livePodUIDs: Set<String>) throws { try network.sweep(livePodUIDs: livePodUIDs) }

    /// Takes away every pod's connection and the bridge.
    func removeAll() throws {
        try network.sweep(livePodUIDs: [])
        try network.removeBridge()
        try network.removeFilter()
    }
}

extension HostPort {
    /// The port of the node that a pod's port has; nil for one that has none, and for protocols other than TCP and UDP.
    fileprivate init?(_ port: ContainerPort) {
        guard let transport = Transport(rawValue: port.protocol ?? "TCP"),
            let hostPort = port.hostPort.flatMap(UInt16.init(exactly:)), hostPort > 0,
            let podPort = UInt16(exactly: port.containerPort)
        else { return nil }
        self.init(transport, hostPort, podPort: podPort)
    }
}
