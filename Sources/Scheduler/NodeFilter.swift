import Model

/// What of a pod's spec decides which nodes may take it, whatever else runs there. The pods of one revision are alike.
struct PlacementClass: Hashable {
    let nodeSelector: [String: String]
    let tolerations: [Toleration]

    init(_ spec: PodSpec) {
        nodeSelector = spec.nodeSelector
        tolerations = spec.tolerations
    }
}

/// The nodes that may take a class of pods, worked out once for a batch.
struct NodeFilter {
    /// Nodes that may, in order of their names.
    private(set) var candidates: [Node] = []
    /// Why each of the others may not.
    private(set) var rejections: [Rejection] = []

    init(_ kind: PlacementClass, nodes: [Node]) {
        var verdicts: [NodeClass: Rejection?] = [:]
        for node in nodes {
            let nodeClass = NodeClass(node)
            let verdict = verdicts[nodeClass] ?? nodeClass.rejection(of: kind)
            verdicts[nodeClass] = .some(verdict)
            if let verdict { rejections.append(verdict) } else { candidates.append(node) }
        }
    }
}

/// What of a node decides which pods may come, whatever runs there. Nodes of one class get one verdict.
private struct NodeClass: Hashable {
    let isUnschedulable: Bool
    let notReady: String?
    let labels: [String: String]
    let taints: [Taint]

    init(_ node: Node) {
        isUnschedulable = node.spec?.unschedulable ?? false
        let ready = (node.status?.conditions ?? [])["Ready"]
        notReady = ready?.status == "True" ? nil : ready?.reason ?? "Ready is not reported"
        labels = node.metadata.labels
        taints = node.spec?.taints ?? []
    }

    func rejection(of kind: PlacementClass) -> Rejection? {
        if notReady != nil { return Rejection(kind: "not ready", detail: nil) }
        if isUnschedulable { return Rejection(kind: "cordoned", detail: nil) }
        for (key, value) in kind.nodeSelector.sorted(by: { $0.key < $1.key }) where labels[key] != value {
            return Rejection(kind: "without label \(key)=\(value)", detail: nil)
        }
        for taint in taints where taint.effect != "PreferNoSchedule" {
            guard !kind.tolerations.contains(where: { $0.tolerates(taint) }) else { continue }
            return Rejection(kind: "tainted \(taint.description)", detail: nil)
        }
        return nil
    }
}

extension Taint {
    /// The taint as `kubectl taint` writes it.
    var description: String { value.map { "\(key)=\($0):\(effect)" } ?? "\(key):\(effect)" }
}

extension Toleration {
    /// Whether the pod puts up with a taint (core v1 `Toleration`); one with nothing set puts up with all.
    func tolerates(_ taint: Taint) -> Bool {
        if let effect, !effect.isEmpty, effect != taint.effect { return false }
        let exists = `operator` == "Exists"
        guard let key, !key.isEmpty else { return exists || (`operator` == nil && (value ?? "").isEmpty) }
        guard key == taint.key else { return false }
        return exists || (value ?? "") == (taint.value ?? "")
    }
}

/// Why one node cannot take a pod.
struct Rejection: Hashable {
    /// What nodes with the same trouble have in common: `not ready`, `short of cpu`.
    let kind: String
    /// The trouble of this very node, in words that follow a count: `needs 2 cpu, 1500m of 2 cpu requested already`.
    let detail: String?

    /// Says for every node why it does not fit, the most frequent trouble first.
    static func explain(_ rejections: [Rejection], nodeCount: Int) -> String {
        if nodeCount == 0 { return "0 of 0 nodes fit: no node has joined" }
        let groups = Set(rejections.map(\.kind)).sorted().map { kind in rejections.filter { $0.kind == kind } }
        let parts = groups.sorted { $0.count > $1.count }.compactMap { group -> String? in
            guard let first = group.first else { return nil }
            let isUniform = group.allSatisfy { $0.detail == first.detail }
            return "\(group.count) \(isUniform ? first.detail ?? first.kind : first.kind)"
        }
        return "0 of \(nodeCount) nodes fit: \(parts.joined(separator: "; "))"
    }
}
