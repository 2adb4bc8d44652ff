public import Model

/// What the scheduler decided about one pod that has no node.
public enum SchedulingDecision: Hashable, Sendable {
    /// The pod gets a node.
    case bind(Pod, node: String)
    /// No node fits; the message says why, for every node.
    case unplaceable(Pod, message: String)
}

/// Places pods: filters the nodes that cannot take a pod, scores the others, takes the best.
///
/// A pure function of its arguments. Every decision of a batch sees the ones before it, so that what is bound together
/// never exceeds what a node can give.
public struct Scheduler: Sendable {
    private let nodes: [Node]
    private var ledger: Ledger
    private var spread: SpreadCounts

    /// Makes a scheduler for one moment.
    ///
    /// - Parameters:
    ///   - nodes: all nodes.
    ///   - pods: all pods; those that have a node and have not ended take their requests from it, stopping ones included.
    public init(nodes: [Node], pods: [Pod]) {
        self.nodes = nodes.sorted { $0.name < $1.name }
        let placed = pods.filter { $0.spec.nodeName != nil && !$0.hasEnded }.sorted { $0.key < $1.key }
        ledger = Ledger(nodes: self.nodes, pods: placed)
        spread = SpreadCounts(nodes: self.nodes, pods: placed)
    }

    /// Decides about every pod that waits for a node, the longest waiting first.
    public mutating func place(_ pods: [Pod]) -> [SchedulingDecision] {
        let waiting = pods.filter { $0.spec.nodeName == nil && $0.metadata.deletionTimestamp == nil && !$0.hasEnded }
        var filters: [PlacementClass: NodeFilter] = [:]
        return waiting.sorted(by: Self.waitsLonger).map { pod in
            let kind = PlacementClass(pod.spec)
            let filter = filters[kind] ?? NodeFilter(kind, nodes: nodes)
            filters[kind] = filter
            return place(pod, filter)
        }
    }

    private static func waitsLonger(_ left: Pod, _ right: Pod) -> Bool {
        let times = [left, right].map { $0.metadata.creationTimestamp ?? Timestamp(nanoseconds: 0) }
        return times[0] != times[1] ? times[0] < times[1] : left.key < right.key
    }

    private mutating func place(_ pod: Pod, _ filter: NodeFilter) -> SchedulingDecision {
        let demand = Demand(pod.spec)
        var rejections = filter.rejections
        var best: (score: Score, node: Node)?
        for node in filter.candidates {
            if let shortage = ledger.shortage(of: demand, on: node) {
                rejections.append(shortage)
                continue
            }
            let score = Score(pod, demand, on: node, ledger: ledger, spread: spread)
            if let present = best, !(score < present.score) { continue }
            best = (score, node)
        }
        guard let best else {
            return .unplaceable(pod, message: Rejection.explain(rejections, nodeCount: nodes.count))
        }
        ledger.take(demand, on: best.node.name)
        spread.add(pod, on: best.node)
        return .bind(pod, node: best.node.name)
    }
}

extension Pod {
    /// Whether all of its containers have ended for good, so that it holds no resources.
    var hasEnded: Bool { status?.phase == "Failed" || status?.phase == "Succeeded" }
}
