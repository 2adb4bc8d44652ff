public import Model
public import Network
public import Proxy

/// What a node is to do for the requests of the whole cluster.
public struct DesiredTraffic: Sendable, Hashable {
    /// The services and the pods that serve them.
    public var services: [Service]
    /// The virtual addresses that the node answers on.
    public var virtualAddresses: Set<IPAddress>
    /// The names that the node's DNS server knows.
    public var names: Names

    /// Puts the parts together.
    public init(services: [Service], virtualAddresses: Set<IPAddress>, names: Names) {
        self.services = services
        self.virtualAddresses = virtualAddresses
        self.names = names
    }
}

/// What carries requests on a node: load balancer, packet filter, name server.
public protocol NodeTraffic: AnyObject, Sendable {
    /// Sets what is to be in effect from now on, in place of everything before. Returns at once.
    func apply(_ desired: DesiredTraffic)
    /// Whether requests reach a pod.
    func isServing(_ podUID: String) -> Bool
    /// Whether a pod gets no more requests and has none in flight; also of a pod that nobody knows.
    func isDrained(_ podUID: String) -> Bool
    /// Has a function called, on any thread, whenever an answer of the two may have changed.
    func observe(_ changed: @escaping @Sendable () -> Void)
    /// What happened to the requests of every App in the last seconds, at most 900; also of Apps and pods that had none.
    func traffic(seconds: Int) -> [TrafficKey: TrafficSummary]
    /// The same since counting began: numbers that only grow.
    func trafficTotals() -> [TrafficKey: TrafficTotal]
}
