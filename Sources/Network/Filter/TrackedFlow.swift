import Glibc
import Linux
import Model

/// A flow that the kernel remembers (conntrack), with the translation that its first packet got.
struct TrackedFlow: Sendable, Hashable {
    var transport: Transport
    /// Who began it.
    var source: Destination
    /// Whom it was sent to.
    var target: Destination
    /// Who answers: another than `target` where it was translated.
    var answers: Destination
}

/// Where flows have to go. The kernel goes on with a flow's first translation for as long as packets come, also to a pod that is
/// no more; a TCP connection to it would fail and be made anew, but UDP has no such end.
struct FlowTargets: Sendable {
    /// The range of this node's pods.
    var podRange: CIDR
    /// The range of virtual addresses.
    var serviceRange: CIDR
    /// Virtual addresses and ports, and the pods that serve each.
    var services: [Destination: Set<Destination>] = [:]
    /// UDP ports of the node, and the pod that each leads to.
    var hostPorts: [UInt16: Destination] = [:]

    /// Whether a flow must be forgotten, so that its next packet is looked up anew.
    func isStale(_ flow: TrackedFlow) -> Bool {
        guard flow.transport == .udp else { return false }
        let hostPort = podRange.contains(flow.target.address) ? nil : hostPorts[flow.target.port]
        if flow.answers == flow.target {
            // It began before there was a translation. Those of pods are let be: most go to other machines.
            let isToNode = hostPort != nil && !podRange.contains(flow.source.address)
            return services[flow.target]?.isEmpty == false || isToNode
        }
        let isOurs = serviceRange.contains(flow.target.address) || podRange.contains(flow.answers.address)
        return isOurs && services[flow.target]?.contains(flow.answers) != true && hostPort != flow.answers
    }
}

/// The kernel's memory of flows, in one network namespace.
struct FlowTable: Sendable {
    let socket: any NetlinkSocket

    /// Has the kernel forget the flows that go where they should not.
    ///
    /// - Returns: How many there were.
    @discardableResult
    func forgetStale(_ targets: FlowTargets) throws(LinuxError) -> Int {
        var count = 0
        for message in try socket.exchange(NetfilterMessage.flows(.ipv4)) {
            guard let flow = NetfilterMessage.flow(of: message), targets.isStale(flow) else { continue }
            do {
                _ = try socket.exchange(NetfilterMessage.forget(flow))
                count += 1
            } catch let error where error.errno == ENOENT {
                continue  // It ended meanwhile.
            }
        }
        return count
    }
}
