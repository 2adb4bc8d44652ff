public import Model

/// Decides about Apps: App to Revision to Pods.
public enum AppController {
    /// What to do about one App. Returns nothing when observed and desired agree.
    ///
    /// - Parameters:
    ///   - snapshot: the App and what belongs to it, as of one moment.
    ///   - now: that moment.
    ///   - ids: makes the names and uids of new objects.
    public static func decide(_ snapshot: AppSnapshot, now: Timestamp, ids: any IDSource) -> [Action] {
        if snapshot.app.metadata.deletionTimestamp != nil { return tearDown(snapshot, now: now) }
        let phase = snapshot.namespaceObject.map { $0.metadata.deletionTimestamp == nil ? "Active" : "Terminating" }
        guard phase == "Active" else { return [] }
        var decision = AppDecision(snapshot, now: now, ids: ids)
        decision.run()
        return decision.actions
    }
}

/// One decision about one App, while it is being made.
struct AppDecision {
    let snapshot: AppSnapshot
    let now: Timestamp
    let ids: any IDSource
    /// What the App's status said before.
    let before: AppStatus
    var status: AppStatus
    var actions: [Action] = []
    var notes: [Action] = []
    var wakes: [Timestamp] = []
    /// The revisions as they will be, newest last.
    var revisions: [Revision]
    /// The name of the revision that is wanted.
    var currentName: String?
    var createdName: String?

    var app: App { snapshot.app }

    init(_ snapshot: AppSnapshot, now: Timestamp, ids: any IDSource) {
        self.snapshot = snapshot
        self.now = now
        self.ids = ids
        before = snapshot.app.status ?? AppStatus()
        status = before
        revisions = snapshot.revisions.sorted { ($0.spec.revision, $0.name) < ($1.spec.revision, $1.name) }
    }

    mutating func run() {
        if !app.metadata.finalizers.contains(WellKnown.appFinalizer) {
            actions.append(.setFinalizers(app.key, app.metadata.finalizers + [WellKnown.appFinalizer]))
        }
        chooseAddress()
        let blocker = chooseRevision()
        let limits = RolloutLimits(desired: app.spec.desiredReplicas, rollout: app.spec.rollout)
        let lost = removeEndedPods()
        let pods = observe(snapshot.pods.filter { !lost.contains($0.name) && !$0.isTerminating })
        let kept = carryOut(plan(pods, limits), on: pods)
        AppReport(decision: self, pods: kept, limits: limits, blocker: blocker).write(to: &self)
        pruneRevisions()
        writeRevisions()
        if status != before { actions.append(.setAppStatus(app.key, status)) }
        actions += notes
        if let wake = wakes.filter({ $0 > now }).min() { actions.append(.wakeAt(wake, app.key)) }
    }

    func observe(_ pods: [Pod]) -> [ObservedPod] {
        let minReady = app.spec.rollout?.minReady ?? .zero
        return pods.map {
            ObservedPod($0, current: currentName, stable: before.stableRevision, minReady: minReady, now: now)
        }
    }

    mutating func note(warning: Bool = false, _ reason: String, _ message: String) {
        notes.append(.event(EventNote(app, warning: warning, reason: reason, message: message)))
    }
}

// MARK: - The revision

extension AppDecision {
    /// Finds or makes the revision of the present spec. While that cannot be done, the newest revision stays the wanted
    /// one, and the answer says what stands in the way.
    private mutating func chooseRevision() -> Blocker? {
        currentName = revisions.last?.name
        let images = ImageLookup(
            app.spec.imageReferences, status: before, resolutions: snapshot.resolutions, now: now)
        status.images = images.known
        actions += images.wanted.map { .resolveImage(app.key, reference: $0) }
        if let retry = images.retryAt { wakes.append(retry) }
        if let unsupported = unsupportedVolume { return unsupported }
        let configHash: String?
        switch snapshot.readConfig() {
        case .missing(let message): return Blocker(reason: "MissingConfig", message: message, isFailure: true)
        case .hash(let hash): configHash = hash
        }
        if let blocker = images.blocker { return blocker }
        let template = PodTemplate(app.spec, name: app.name, images: images.pinned, configHash: configHash)
        take(RevisionChoice(template, app: app, revisions: revisions, now: now, ids: ids))
        return nil
    }

    private var unsupportedVolume: Blocker? {
        guard let volume = app.spec.volumes.first(where: { $0.persistent != nil }) else { return nil }
        let message = "volume \"\(volume.name)\": persistent volumes are not supported yet"
        return Blocker(reason: "UnsupportedVolume", message: message, isFailure: true)
    }

    private mutating func take(_ choice: RevisionChoice) {
        let revision = choice.revision
        currentName = revision.name
        if choice.isNew {
            createdName = revision.name
            note("RevisionCreated", "made revision \(revision.name), number \(revision.spec.revision)")
        } else if choice.isRenumbered {
            actions.append(.renumberRevision(revision.key, revision.spec.revision))
            note("RevisionReused", "revision \(revision.name) is wanted again, as number \(revision.spec.revision)")
        }
        revisions.removeAll { $0.name == revision.name }
        revisions.append(revision)
    }

    /// Deletes superseded revisions beyond the limit, oldest first; never one that has pods, or is wanted, or stable.
    private mutating func pruneRevisions() {
        let inUse = Set(snapshot.pods.compactMap { $0.metadata.controller?.name })
        let superseded = revisions.filter { $0.name != status.currentRevision && $0.name != status.stableRevision }
        let limit = max(0, app.spec.rollout?.historyLimit ?? 10)
        for revision in superseded.dropLast(limit) where !inUse.contains(revision.name) {
            revisions.removeAll { $0.name == revision.name }
            actions.append(.remove(revision.key))
        }
    }

    private mutating func writeRevisions() {
        for revision in revisions {
            if revision.name == createdName {
                // The revision must be there before the pods that name it as their owner.
                actions.insert(.createRevision(revision), at: 0)
            } else if let observed = revision.status,
                observed != snapshot.revisions.first(where: { $0.name == revision.name })?.status
            {
                actions.append(.setRevisionStatus(revision.key, observed))
            }
        }
    }
}

// MARK: - The pods

extension AppDecision {
    /// Removes pods that have ended or whose node is gone, remembers the failures, and returns their names.
    private mutating func removeEndedPods() -> Set<String> {
        var removed: Set<String> = []
        var failed: [Pod] = []
        for pod in snapshot.pods {
            let isLost = pod.spec.nodeName.map { !snapshot.nodeNames.contains($0) } ?? false
            guard isLost || (pod.isFinished && !pod.isTerminating) else { continue }
            removed.insert(pod.name)
            actions.append(pod.stop(now: now, nodeNames: snapshot.nodeNames))
            if !isLost { failed.append(pod) }
        }
        for index in revisions.indices {
            let name = revisions[index].name
            guard failed.contains(where: { $0.metadata.controller?.name == name }) else { continue }
            revisions[index].recordFailure(now: now)
        }
        if let first = failed.first {
            let why = first.status?.message ?? first.status?.reason ?? "phase \(first.status?.phase ?? "Failed")"
            note(warning: true, "PodEnded", "\(failed.count.of("pod")) ended: \(first.name): \(why)")
        }
        return removed
    }

    private mutating func plan(_ pods: [ObservedPod], _ limits: RolloutLimits) -> RolloutPlan {
        let stopping = snapshot.pods.filter { $0.isTerminating && $0.metadata.controller?.name != currentName }
        var plan =
            app.spec.rollout?.strategy == "Recreate"
            ? RolloutPlan.recreate(pods, oldStopping: stopping.count, limits)
            : RolloutPlan.rolling(pods, limits, lostStable: lostStablePods(pods))
        if currentName == nil { plan.created = 0 }
        if plan.created > 0, let held = revision(currentName)?.heldUntil(now: now) {
            plan.created = 0
            wakes.append(held)
        }
        return plan
    }

    /// How many pods of the stable revision were counted last time, and went since without a decision of ours. They are
    /// made again if availability needs them, unless the stable revision's pods are ending by themselves.
    private func lostStablePods(_ pods: [ObservedPod]) -> Int {
        guard let name = before.stableRevision, name != currentName,
            let counted = snapshot.revisions.first(where: { $0.name == name })?.status?.replicas,
            (revision(name)?.status?.failures ?? 0) <= 1 || revision(name)?.heldUntil(now: now) == nil
        else { return 0 }
        return max(0, counted - pods.count(where: \.isStable))
    }

    private func revision(_ name: String?) -> Revision? { revisions.first { $0.name == name } }

    /// Appends the plan's actions, and returns the live pods as they will be.
    private mutating func carryOut(_ plan: RolloutPlan, on pods: [ObservedPod]) -> [ObservedPod] {
        for observed in plan.stopped { actions.append(observed.pod.stop(now: now, nodeNames: snapshot.nodeNames)) }
        if !plan.stopped.isEmpty {
            let names = Set(plan.stopped.compactMap { $0.pod.metadata.controller?.name }).sorted()
            note("ScalingDown", "stopping \(plan.stopped.count.of("pod")) of \(names.joined(separator: ", "))")
        }
        var taken = Set(snapshot.pods.map(\.name))
        var made: [Pod] = []
        for (name, count) in [(before.stableRevision, plan.restored), (currentName, plan.created)] where count > 0 {
            guard let revision = revision(name) else { continue }
            for _ in 0..<count {
                let pod = revision.makePod(for: app, taken: taken, now: now, ids: ids)
                taken.insert(pod.name)
                made.append(pod)
            }
            note("ScalingUp", "made \(count.of("pod")) of \(revision.name)")
        }
        actions += made.map { .createPod($0) }
        return plan.kept(of: pods) + observe(made)
    }
}

extension Int {
    /// `1 pod`, `2 pods`.
    func of(_ noun: String) -> String { "\(self) \(noun)\(self == 1 ? "" : "s")" }
}
