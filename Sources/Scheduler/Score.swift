import Model

/// How well a node suits a pod; the lesser the better. Compared part by part, so that no weight trades one for another.
struct Score: Comparable {
    /// What a present image is worth, in thousandths of the node.
    private static let imageBonus: Int64 = 200

    private let parts: [Int64]
    private let name: String

    /// Scores a node that fits: whether it is short of something, taints that should be avoided, then the spread over each topology key, then how much would
    /// be left free together with whether the images are there, then the name.
    init(_ pod: Pod, _ demand: Demand, on node: Node, ledger: Ledger, spread: SpreadCounts) {
        let avoided = (node.spec?.taints ?? []).count { taint in
            taint.effect == "PreferNoSchedule" && !pod.spec.tolerations.contains { $0.tolerates(taint) }
        }
        let held = Set((node.status?.images ?? []).flatMap(\.names))
        let images = Set(pod.spec.containers.map(\.image)).count { Self.isHeld($0, in: held) }
        let bonus = pod.spec.containers.isEmpty ? 0 : Int64(images) * Self.imageBonus
        let free = ledger.freeShare(after: demand, on: node)
        parts = [Self.pressures(on: node), Int64(avoided)] + spread.counts(for: pod, on: node) + [-(free + bonus)]
        name = node.name
    }

    /// Of how many things a node says that it has hardly any left. It still takes pods when no other can: a container on such a
    /// node is better than none, and says itself what it lacks.
    private static func pressures(on node: Node) -> Int64 {
        let conditions = node.status?.conditions ?? []
        return Int64(conditions.count { $0.status == "True" && pressures.contains($0.type) })
    }

    private static let pressures: Set = ["DiskPressure", "MemoryPressure", "PIDPressure", "DescriptorPressure"]

    /// A node knows an image by its reference or its digest.
    private static func isHeld(_ image: String, in held: Set<String>) -> Bool {
        if held.contains(image) { return true }
        guard let at = image.lastIndex(of: "@") else { return false }
        return held.contains(String(image[image.index(after: at)...]))
    }

    static func < (left: Score, right: Score) -> Bool {
        if left.parts != right.parts { return left.parts.lexicographicallyPrecedes(right.parts) }
        return left.name < right.name
    }
}

/// How many pods of each App and revision are in each domain of each topology key.
struct SpreadCounts {
    private struct Place: Hashable {
        let group: String
        let key: String
        let domain: String
    }
    private var counts: [Place: Int64] = [:]
    private let nodes: [String: Node]

    init(nodes: [Node], pods: [Pod]) {
        self.nodes = Dictionary(nodes.map { ($0.name, $0) }) { first, _ in first }
        for pod in pods where pod.metadata.deletionTimestamp == nil {
            if let node = pod.spec.nodeName.flatMap({ self.nodes[$0] }) { add(pod, on: node) }
        }
    }

    mutating func add(_ pod: Pod, on node: Node) {
        for key in Self.keys(of: pod) {
            for group in Self.groups(of: pod) {
                counts[Place(group: group, key: key, domain: Self.domain(key, of: node)), default: 0] += 1
            }
        }
    }

    /// For each key, how many pods of the same revision and then of the same App are in the node's domain. The revision comes
    /// first: the old pods of a rollout are about to go, and must not push the new ones together.
    func counts(for pod: Pod, on node: Node) -> [Int64] {
        Self.keys(of: pod).flatMap { key in
            Self.groups(of: pod).map { group in
                counts[Place(group: group, key: key, domain: Self.domain(key, of: node))] ?? 0
            }
        }
    }

    /// Unless told otherwise, pods are spread over nodes.
    private static func keys(of pod: Pod) -> [String] {
        pod.spec.topologyKeys.isEmpty ? ["node"] : pod.spec.topologyKeys
    }

    private static func groups(of pod: Pod) -> [String] {
        [WellKnown.revisionLabel, WellKnown.appLabel].compactMap { label in
            pod.metadata.labels[label].map { "\(pod.namespace)/\(label)=\($0)" }
        }
    }

    /// The domain of a node: its name for `node`, the label's value otherwise; nodes without the label are one domain.
    private static func domain(_ key: String, of node: Node) -> String {
        switch key {
        case "node", "kubernetes.io/hostname": node.name
        case "zone": node.metadata.labels["topology.kubernetes.io/zone"] ?? node.metadata.labels["zone"] ?? ""
        case "region": node.metadata.labels["topology.kubernetes.io/region"] ?? node.metadata.labels["region"] ?? ""
        default: node.metadata.labels[key] ?? ""
        }
    }
}
