import Model

extension Pod {
    /// Whether all of its containers have ended for good.
    var isFinished: Bool { status?.phase == "Failed" || status?.phase == "Succeeded" }
    /// Whether its deletion was asked for.
    var isTerminating: Bool { metadata.deletionTimestamp != nil }
    /// How often its containers were restarted.
    var restarts: Int { (status?.containerStatuses ?? []).reduce(0) { $0 + $1.restartCount } }

    /// Ends the pod: asks its node's agent to stop it, or removes it where no agent has anything to stop - it was never
    /// placed, its containers have ended, or its node is gone.
    func stop(now: Timestamp, nodeNames: Set<String>) -> Action {
        let agentHolds = spec.nodeName.map { nodeNames.contains($0) && !isFinished } ?? false
        if !agentHolds, metadata.finalizers.isEmpty { return .remove(key) }
        let grace = agentHolds ? spec.terminationGracePeriodSeconds ?? 30 : 0
        return .requestDeletion(key, at: now.wholeSeconds + .seconds(grace), gracePeriodSeconds: grace)
    }
}

extension Timestamp {
    /// The moment to the second, as metadata and conditions write it.
    var wholeSeconds: Timestamp { Timestamp(seconds: seconds) }
}

/// A live pod - neither stopping nor ended - seen as a replica of an App.
struct ObservedPod: Hashable {
    let pod: Pod
    /// Whether it belongs to the revision that is wanted.
    let isCurrent: Bool
    /// Whether it belongs to the last revision that was fully available.
    let isStable: Bool
    /// Since when it is ready; nil while it is not.
    let readySince: Timestamp?
    /// From when it counts as available, if it stays ready; nil while it is not ready.
    let availableFrom: Timestamp?
    /// Whether it has been ready for `minReady`.
    let isAvailable: Bool

    init(_ pod: Pod, current: String?, stable: String?, minReady: TimeSpan, now: Timestamp) {
        self.pod = pod
        let owner = pod.metadata.controller?.name
        isCurrent = owner != nil && owner == current
        isStable = owner != nil && owner == stable
        let ready = (pod.status?.conditions ?? [])["Ready"]
        guard ready?.status == "True", pod.spec.nodeName != nil else {
            (readySince, availableFrom, isAvailable) = (nil, nil, false)
            return
        }
        let since =
            ready?.lastTransitionTime ?? pod.status?.startTime ?? pod.metadata.creationTimestamp
            ?? Timestamp(nanoseconds: 0)
        readySince = since
        availableFrom = since + minReady
        isAvailable = minReady == .zero || since + minReady <= now
    }

    var isReady: Bool { readySince != nil }
}

extension [ObservedPod] {
    /// The pods in the order in which they are given up: those that serve least first (Kubernetes'
    /// `ActivePodsWithRanks`, led by what our rules promise).
    ///
    /// Not available before available; not of the stable revision before those; not placed before placed; pending before
    /// running; not ready before ready; on a node with more of these pods before others; ready for less time; restarted
    /// more often; younger; and at last by name.
    func inOrderOfSacrifice() -> [ObservedPod] {
        var perNode: [String: Int] = [:]
        for observed in self { if let node = observed.pod.spec.nodeName { perNode[node, default: 0] += 1 } }
        func keys(_ observed: ObservedPod) -> [Int64] {
            let pod = observed.pod
            return [
                observed.isAvailable ? 1 : 0,
                observed.isStable ? 1 : 0,
                pod.spec.nodeName == nil ? 0 : 1,
                pod.status?.phase == "Running" ? 1 : 0,
                observed.isReady ? 1 : 0,
                -Int64(pod.spec.nodeName.flatMap { perNode[$0] } ?? 0),
                -(observed.readySince?.nanoseconds ?? 0),
                -Int64(pod.restarts),
                -(pod.metadata.creationTimestamp?.nanoseconds ?? 0),
            ]
        }
        let keyed = map { (keys: keys($0), observed: $0) }
        return keyed.sorted { left, right in
            if left.keys != right.keys { return left.keys.lexicographicallyPrecedes(right.keys) }
            return left.observed.pod.name < right.observed.pod.name
        }.map(\.observed)
    }
}
