import Model

/// What one pod waits for.
struct Waiting: Hashable {
    /// One CamelCase word.
    let reason: String
    /// A sentence; empty where the word says it all.
    let message: String
    /// Whether something went wrong, as opposed to takes its time.
    let isFailure: Bool

    /// Waits that belong to every start.
    private static let ordinary: Set<String> = ["PodInitializing", "ContainerCreating", "Pulling"]

    init(_ reason: String, _ message: String? = nil, isFailure: Bool = false) {
        self.reason = reason
        self.message = message ?? ""
        self.isFailure = isFailure
    }

    fileprivate init(_ waiting: ContainerWaiting) {
        let reason = waiting.reason ?? "Waiting"
        self.init(reason, waiting.message, isFailure: !Self.ordinary.contains(reason))
    }

    /// Waits by reason: the most frequent first, of equals in order of the reason.
    static func groups(_ all: [Waiting]) -> [(reason: String, count: Int, message: String)] {
        let reasons = Set(all.map(\.reason)).sorted()
        let groups = reasons.map { reason in
            let same = all.filter { $0.reason == reason }
            return (reason: reason, count: same.count, message: same.map(\.message).min() ?? "")
        }
        return groups.sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    }

    /// The three most frequent waits in words.
    static func summary(_ all: [Waiting]) -> String {
        groups(all).prefix(3).map { group in
            "\(group.count.of("pod")) \(group.reason)" + (group.message.isEmpty ? "" : ": \(group.message)")
        }.joined(separator: "; ")
    }
}

extension ObservedPod {
    /// What keeps the pod from being available; nil when it is.
    var waiting: Waiting? {
        if isAvailable { return nil }
        let conditions = pod.status?.conditions ?? []
        guard pod.spec.nodeName != nil else {
            let placed = conditions["PodScheduled"]
            guard placed?.status == "False" else { return Waiting("NotScheduled") }
            return Waiting(placed?.reason ?? "Unschedulable", placed?.message)
        }
        if isReady { return Waiting("MinReady", "ready, but not for long enough to count as available") }
        let states = (pod.status?.initContainerStatuses ?? []) + (pod.status?.containerStatuses ?? [])
        let waits = states.compactMap(\.state?.waiting).map(Waiting.init)
        if let wait = waits.first(where: \.isFailure) ?? waits.first { return wait }
        if let reason = pod.status?.reason { return Waiting(reason, pod.status?.message) }
        let ready = conditions["Ready"]
        return Waiting(ready?.reason ?? "NotReady", ready?.message)
    }
}
