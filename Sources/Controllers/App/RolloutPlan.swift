import Model

/// How many pods a rollout may have, and how many must be available, at every instant.
struct RolloutLimits: Hashable {
    /// How many pods are wanted.
    let desired: Int
    /// How many live pods there may be: `desired + maxSurge`.
    let maxTotal: Int
    /// How many pods must stay available: `desired - maxUnavailable`.
    let minAvailable: Int

    /// Works out the limits: a relative surge is rounded up, a relative unavailability down. Where both come to nothing
    /// nothing could move, so one pod may be unavailable.
    init(desired: Int, rollout: RolloutSpec?) {
        let surge = max(0, (rollout?.maxSurge ?? .percent(25)).roundedUp(of: desired))
        var unavailable = max(0, (rollout?.maxUnavailable ?? .count(0)).roundedDown(of: desired))
        if surge == 0, unavailable == 0 { unavailable = 1 }
        self.desired = desired
        maxTotal = desired + surge
        minAvailable = max(0, desired - unavailable)
    }
}

/// What one decision does to the pods of an App.
struct RolloutPlan: Hashable {
    /// Pods that are stopped, in order.
    var stopped: [ObservedPod] = []
    /// How many pods of the current revision are made.
    var created = 0
    /// How many pods of the stable revision are made, in place of some that were lost during the rollout.
    var restored = 0

    /// Pods that stay.
    func kept(of pods: [ObservedPod]) -> [ObservedPod] {
        let stopped = Set(stopped.map(\.pod.name))
        return pods.filter { !stopped.contains($0.pod.name) }
    }
}

extension RolloutPlan {
    /// The rolling rules. Pods that are stopping or have ended are neither live nor available.
    ///
    /// 1. The current revision has at most `desired` pods.
    /// 2. `old + available current - minAvailable` old pods go, unavailable ones first. Taking an unavailable pod costs no
    ///    availability, and once those are gone the count is exactly what may be spared.
    /// 3. There are at most `maxTotal` live pods; after a scale-down, unavailable ones of the current revision go first.
    /// 4. What room is left below `maxTotal` goes to stable pods that were lost, then to missing current ones.
    ///
    /// - Parameters:
    ///   - pods: the live pods.
    ///   - lostStable: how many pods of the stable revision went without a decision.
    static func rolling(_ pods: [ObservedPod], _ limits: RolloutLimits, lostStable: Int = 0) -> RolloutPlan {
        var plan = RolloutPlan()
        let current = pods.filter(\.isCurrent).inOrderOfSacrifice()
        plan.stopped += current.prefix(max(0, current.count - limits.desired))
        let currentKept = current.dropFirst(plan.stopped.count)

        let old = pods.filter { !$0.isCurrent }.inOrderOfSacrifice()
        let spare = old.count + currentKept.count(where: \.isAvailable) - limits.minAvailable
        plan.stopped += old.prefix(max(0, spare))

        let kept = plan.kept(of: pods)
        plan.stopped += surplus(kept).prefix(max(0, kept.count - limits.maxTotal))

        let left = plan.kept(of: pods)
        let room = max(0, limits.maxTotal - left.count)
        plan.restored = max(0, min(lostStable, -spare, room))
        let missing = limits.desired - left.count(where: \.isCurrent)
        plan.created = max(0, min(missing, room - plan.restored))
        return plan
    }

    /// The recreate rules: no pod of the current revision is made before the last old pod is gone for good.
    static func recreate(_ pods: [ObservedPod], oldStopping: Int, _ limits: RolloutLimits) -> RolloutPlan {
        let current = pods.filter(\.isCurrent).inOrderOfSacrifice()
        let old = pods.filter { !$0.isCurrent }.inOrderOfSacrifice()
        var plan = RolloutPlan(stopped: old + current.prefix(max(0, current.count - limits.desired)))
        if old.isEmpty, oldStopping == 0 { plan.created = max(0, limits.desired - current.count) }
        return plan
    }

    /// Unavailable current pods, unavailable old ones, available old ones, available current ones.
    private static func surplus(_ pods: [ObservedPod]) -> [ObservedPod] {
        let ordered = pods.inOrderOfSacrifice()
        let unavailable = ordered.filter { !$0.isAvailable }
        let available = ordered.filter(\.isAvailable)
        return unavailable.filter(\.isCurrent) + unavailable.filter { !$0.isCurrent }
            + available.filter { !$0.isCurrent } + available.filter(\.isCurrent)
    }
}
