public import Model

/// Gives pods their addresses. Every method is idempotent and may be called from any thread.
public protocol PodNetworking: AnyObject, Sendable {
    /// Connects a pod's network namespace and returns its address, or the one it has.
    ///
    /// - Parameter ports: the pod's ports; those with a port of the node are reached by it.
    func attach(podUID: String, networkNamespacePath: String, ports: [ContainerPort]) throws -> String
    /// Puts back what of the network somebody has taken away: asked every few seconds.
    ///
    /// - Returns: whether anything was put back.
    func repair() throws -> Bool
    /// Takes a pod's connection and address away.
    func detach(podUID: String) throws
    /// Takes away what no live pod owns.
    func sweep(livePodUIDs: Set<String>) throws
    /// The address that pods with the node's network have.
    var hostAddress: String { get }
}
