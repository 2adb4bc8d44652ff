import ContainerRuntime
public import Model

extension PodRecord {
    /// Decides what to do for the pod next. The order is fixed: images, volumes, sandbox, network, init containers one
    /// after the other, then the containers; a pod that was asked to stop is stopped in order instead.
    ///
    /// - Parameters:
    ///   - now: the monotonic clock.
    ///   - wall: the wall clock, for the status.
    /// - Returns: the next step and the checks that are due. The record's `status` is brought up to date.
    public mutating func decide(now: TimeSpan, wall: Timestamp) -> PodDecision {
        var decision = PodDecision()
        if let silence, teardown.value == nil {
            decideSilence(silence, now: now, into: &decision)
            if isObserved { status = builtStatus(now: now, wall: wall) }
            return decision
        }
        if !isObserved {
            decision.action = .observe
            return decision
        }
        noteEnds(now: now)
        noteTrouble(now: now, wall: wall, into: &decision)
        if isStopping {
            decideStop(now: now, into: &decision)
        } else {
            decideRun(now: now, into: &decision)
            look(now: now, into: &decision)
        }
        status = builtStatus(now: now, wall: wall)
        if noteService(now: now, into: &decision) { status = builtStatus(now: now, wall: wall) }
        return decision
    }

    private mutating func decideRun(now: TimeSpan, into decision: inout PodDecision) {
        dueProbes(now: now, into: &decision)
        if hasLostSupervisor {
            decision.action = .resetSandbox
            return
        }
        if isFinal { return }
        if let action = preparation(now: now, into: &decision) {
            decision.action = action
            return
        }
        guard isPrepared else { return }
        if let action = endings(now: now, into: &decision) ?? removal() {
            decision.action = action
            return
        }
        decision.action = nextStart(now: now, into: &decision)
    }

    /// Whether the runtime knows the pod's sandbox but its supervisor is gone.
    var hasLostSupervisor: Bool { sandbox.map { $0.info == nil } ?? false }

    /// Whether a pod that is not restarted has ended for good.
    var isFinal: Bool { status.phase == "Succeeded" || status.phase == "Failed" }

    var isPrepared: Bool {
        allContainers.allSatisfy { images[$0.name]?.value != nil } && volumes.value != nil && sandbox?.info != nil
            && network.value != nil
    }

    /// The first preparation that is still to be done, if it is not waiting to be tried again.
    private func preparation(now: TimeSpan, into decision: inout PodDecision) -> PodAction? {
        func due<Value>(_ progress: Progress<Value>?, _ action: PodAction) -> PodAction?? {
            switch progress ?? .pending {
            case .done: return .none
            case .pending: return .some(action)
            case .failed(let failure):
                if failure.retryAt <= now { return .some(action) }
                decision.wake(at: failure.retryAt)
                return .some(nil)
            }
        }
        for container in allContainers {
            let action = PodAction.resolveImage(container: container.name, reference: container.image)
            if let next = due(images[container.name], action) { return next }
        }
        if let next = due(volumes, .prepareVolumes) { return next }
        if sandbox?.info == nil,
            let next = due(sandboxProgress.value == nil ? sandboxProgress : .pending, .createSandbox)
        {
            return next
        }
        if let next = due(network, .attachNetwork) { return next }
        return nil
    }

    /// The next container to start, by the order of init containers and then the others.
    private func nextStart(now: TimeSpan, into decision: inout PodDecision) -> PodAction? {
        for container in pod.spec.initContainers {
            let action = start(container, isInit: true, now: now, into: &decision)
            if action != nil { return action }
            let isDone =
                container.isSidecar
                ? isRunning(container.name) && containers[container.name]?.isStarted == true
                : hasSucceeded(container.name)
            // Later ones wait for it; but once the pod has got past its init containers, one sidecar that
            // restarts must not keep the others from being restarted.
            if !isDone && !(container.isSidecar && hasStartedContainers) { return nil }
        }
        for container in pod.spec.containers {
            if let action = start(container, isInit: false, now: now, into: &decision) { return action }
        }
        return nil
    }

    var hasStartedContainers: Bool { pod.spec.containers.contains { latest($0.name) != nil } }

    /// Whether the newest attempt of a container ended with exit code 0.
    func hasSucceeded(_ name: String) -> Bool {
        if case .exited(exitCode: 0, signal: _, outOfMemory: _)? = latest(name)?.phase { true } else { false }
    }

    private func start(
        _ container: Container, isInit: Bool, now: TimeSpan, into decision: inout PodDecision
    ) -> PodAction? {
        let record = containers[container.name] ?? ContainerRecord()
        let latest = latest(container.name)
        var next = max(record.attemptFloor, latest.map { $0.attempt + 1 } ?? 0)
        switch latest?.phase {
        case nil: break
        case .running: return nil
        // Nothing is under way for a pod that is decided for: this start was interrupted, and is taken up again.
        case .creating: next = max(record.attemptFloor, latest?.attempt ?? 0)
        case .exited, .failed:
            guard restarts(container, isInit: isInit) else { return nil }
        }
        if let restartAt = record.restartAt, restartAt > now {
            decision.wake(at: restartAt)
            return nil
        }
        return .startContainer(name: container.name, attempt: next)
    }

    /// Whether a container that has ended is started again.
    func restarts(_ container: Container, isInit: Bool) -> Bool {
        let policy = pod.spec.restartPolicy ?? "Always"
        if isInit && !container.isSidecar { return !hasSucceeded(container.name) && policy != "Never" }
        switch policy {
        case "Never": return false
        case "OnFailure": return !hasSucceeded(container.name)
        default: return true
        }
    }

    /// An ended attempt that is older than the one before the newest; one is kept for its log and its end.
    private func removal() -> PodAction? {
        for container in allContainers {
            let attempts = (sandbox?.containers ?? []).filter { $0.name == container.name }.map(\.attempt).sorted()
            if attempts.count > 2 { return .removeContainer(name: container.name, attempt: attempts[0]) }
        }
        return nil
    }
}
