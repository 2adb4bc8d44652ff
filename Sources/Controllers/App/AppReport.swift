import Model

/// What is said about an App after a decision: counts, conditions, and events where a condition turned.
struct AppReport {
    let app: App
    let before: AppStatus
    let now: Timestamp
    let current: String?
    /// The live pods after the decision.
    let pods: [ObservedPod]
    let limits: RolloutLimits
    let blocker: Blocker?

    init(decision: AppDecision, pods: [ObservedPod], limits: RolloutLimits, blocker: Blocker?) {
        app = decision.app
        before = decision.before
        now = decision.now
        current = decision.currentName
        self.pods = pods
        self.limits = limits
        self.blocker = blocker
    }

    private var currentPods: [ObservedPod] { pods.filter(\.isCurrent) }
    private var available: Int { pods.count(where: \.isAvailable) }
    /// Whether the present spec is what runs, all of it and nothing else.
    private var isComplete: Bool {
        blocker == nil && current != nil && pods.count == currentPods.count && pods.count == limits.desired
            && available == limits.desired
    }

    func write(to decision: inout AppDecision) {
        var status = decision.status
        status.observedGeneration = app.metadata.generation
        status.replicas = pods.count
        status.updatedReplicas = currentPods.count
        status.readyReplicas = pods.count(where: \.isReady)
        status.availableReplicas = available
        status.selector = "\(WellKnown.appLabel)=\(app.name)"
        status.currentRevision = current
        if isComplete { status.stableRevision = current }
        if hasProgressed(to: status) { status.lastProgressTime = now }
        setConditions(of: &status, wakes: &decision.wakes)
        decision.wakes += pods.filter { !$0.isAvailable }.compactMap(\.availableFrom)
        announce(status, in: &decision)
        decision.status = status
        describeRevisions(&decision.revisions)
    }

    /// Whether a rollout came closer to its end, as Kubernetes' `DeploymentProgressing` counts it; a new spec starts anew.
    private func hasProgressed(to after: AppStatus) -> Bool {
        func count(_ path: KeyPath<AppStatus, Int?>, _ status: AppStatus) -> Int { status[keyPath: path] ?? 0 }
        func old(_ status: AppStatus) -> Int { count(\.replicas, status) - count(\.updatedReplicas, status) }
        if before.lastProgressTime == nil || before.currentRevision != after.currentRevision { return true }
        if before.observedGeneration != after.observedGeneration { return true }
        return count(\.updatedReplicas, after) > count(\.updatedReplicas, before) || old(after) < old(before)
            || count(\.readyReplicas, after) > count(\.readyReplicas, before)
            || count(\.availableReplicas, after) > count(\.availableReplicas, before)
    }

    private func describeRevisions(_ revisions: inout [Revision]) {
        for index in revisions.indices {
            let mine = pods.filter { $0.pod.metadata.controller?.name == revisions[index].name }
            var observed = revisions[index].status ?? RevisionStatus()
            observed.replicas = mine.count
            observed.readyReplicas = mine.count(where: \.isReady)
            if isComplete, revisions[index].name == current { observed.succeeded = true }
            revisions[index].status = observed
        }
    }

    private func announce(_ status: AppStatus, in decision: inout AppDecision) {
        if let stable = status.stableRevision, stable != before.stableRevision {
            decision.note("RolloutComplete", "revision \(stable) is available on \(limits.desired.of("pod"))")
        }
        for type in ["Progressing", "ReplicaFailure"] {
            guard let condition = status.conditions[type], let reason = condition.reason,
                (condition.status == "False") == (type == "Progressing"),
                before.conditions[type]?.reason != reason
            else { continue }
            decision.note(warning: true, reason, condition.message ?? "")
        }
    }
}

// MARK: - Conditions

extension AppReport {
    private func setConditions(of status: inout AppStatus, wakes: inout [Timestamp]) {
        let stamp = now.wholeSeconds
        status.conditions.set(availableCondition, now: stamp)
        status.conditions.set(progressCondition(status, wakes: &wakes), now: stamp)
        if let failure = failureCondition {
            status.conditions.set(failure, now: stamp)
        } else {
            status.conditions.removeAll { $0.type == "ReplicaFailure" }
        }
    }

    private func condition(_ type: String, _ status: Bool, _ reason: String, _ message: String) -> Condition {
        Condition(type, status, reason: reason, message: message, generation: app.metadata.generation)
    }

    private var availableCondition: Condition {
        var message = "\(available) of \(limits.desired.of("pod")) available, \(limits.minAvailable) needed"
        if available < limits.desired, let waiting { message += "; \(waiting)" }
        return available >= limits.minAvailable
            ? condition("Available", true, "MinimumReplicasAvailable", message)
            : condition("Available", false, "MinimumReplicasUnavailable", message)
    }

    private func progressCondition(_ status: AppStatus, wakes: inout [Timestamp]) -> Condition {
        if let blocker { return condition("Progressing", !blocker.isFailure, blocker.reason, blocker.message) }
        let name = current ?? ""
        if isComplete || (status.stableRevision == current && pods.count == currentPods.count) {
            return condition("Progressing", true, "NewRevisionAvailable", "revision \(name) is available")
        }
        let since = status.lastProgressTime ?? now
        let limit = app.spec.rollout?.progressDeadline ?? .minutes(10)
        var message = "revision \(name): \(currentPods.count) of \(limits.desired.of("pod")) made, "
        message += "\(currentPods.count(where: \.isAvailable)) available"
        if pods.count > currentPods.count { message += ", \(pods.count - currentPods.count) old left" }
        if let waiting { message += "; \(waiting)" }
        message += "; last progress at \(since)"
        if now >= since + limit {
            let late = "\(message), more than \(limit) ago"
            return condition("Progressing", false, "ProgressDeadlineExceeded", late)
        }
        wakes.append(since + limit)
        let isUnplaceable = currentPods.contains { $0.waiting?.reason == "Unschedulable" }
        return condition("Progressing", true, isUnplaceable ? "Unschedulable" : "ReplicasUpdating", message)
    }

    private var failureCondition: Condition? {
        let failing = pods.compactMap(\.waiting).filter(\.isFailure)
        guard let worst = Waiting.groups(failing).first else { return nil }
        return condition("ReplicaFailure", true, worst.reason, Waiting.summary(failing))
    }

    /// What the pods that are not available wait for; nil when none does.
    private var waiting: String? {
        let waiting = pods.compactMap(\.waiting)
        return waiting.isEmpty ? nil : Waiting.summary(waiting)
    }
}
