import Model

extension PodRecord {
    /// How long the node's load balancer may take to lead requests to a pod before the pod is called ready all the same.
    static let servicePatience = TimeSpan.seconds(2)

    /// Asks for requests when the pod's containers have become ready, and for none when they are no more.
    ///
    /// A pod with ports of an App is called ready once requests reach it. Whoever goes by that - a rollout that removes another
    /// pod, a user who waits for an App - may rely on it.
    ///
    /// - Returns: whether the status is to be built anew.
    mutating func noteService(now: TimeSpan, into decision: inout PodDecision) -> Bool {
        // A pod that stops is drained instead, which may have to wait for another one to take its place.
        guard isServing, isObserved, !isStopping else { return false }
        let isWanted = status.conditions["ContainersReady"]?.status == "True"
        if isWanted != (service?.isWanted ?? false) {
            // What was called ready before the agent started has requests, and keeps them.
            let wasReady = service == nil && pod.status?.conditions["Ready"]?.status == "True"
            service = ServiceProgress(isWanted: isWanted, since: now, isReached: isWanted && wasReady)
            decision.serves = isWanted
        }
        guard let service, service.isWanted, !service.isReached else { return decision.serves != nil }
        let deadline = service.since + Self.servicePatience
        if now >= deadline {
            self.service?.isReached = true
            return true
        }
        decision.wake(at: deadline)
        return decision.serves != nil
    }

    /// Takes note that requests reach the pod.
    mutating func noteServed() { if service?.isWanted == true { service?.isReached = true } }

    /// Whether requests come to the pod, as far as its containers want any.
    var isReached: Bool { !isServing || service?.isReached == true }
}
