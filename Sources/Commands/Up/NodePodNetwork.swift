import Agent
import Linux
import Network

/// The pods' network of one installation, as the agent uses it.
final class NodePodNetwork: PodNetworking {
    private let network: NodeNetwork

    init(_ installation: Installation, cidr: String) throws {
        network = try NodeNetwork(bridge: installation.bridge, cidr: cidr, runDirectory: installation.run)
    }

    /// The bridge's address: where pods reach the node.
    var hostAddress: String { "\(network.hostAddress)" }

    /// Makes the bridge unless it is there.
    func prepare() throws { try network.ensureBridge() }

    func attach(podUID: String, networkNamespacePath: String) throws -> String {
        // The bridge may have been deleted by hand; it is made again with the next pod.
        try network.ensureBridge()
        return "\(try network.attach(podUID: podUID, networkNamespacePath: networkNamespacePath).address)"
    }

    func detach(podUID: String) throws { try network.detach(podUID: podUID) }

    func sweep(livePodUIDs: Set<String>) throws { try network.sweep(livePodUIDs: livePodUIDs) }

    /// Takes away every pod's connection and the bridge.
    func removeAll() throws {
        try network.sweep(livePodUIDs: [])
        try network.removeBridge()
    }
}
