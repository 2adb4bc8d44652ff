import ContainerRuntime
import Model

extension PodRecord {
    /// Decides the next step of an ordered stop: requests go elsewhere and those in flight are answered, the containers are
    /// signalled, then the sidecars, then what is left is killed after the grace period; then everything is taken apart and
    /// the pod's object is released.
    mutating func decideStop(now: TimeSpan, into decision: inout PodDecision) {
        if let failure = teardown.failure, failure.retryAt > now {
            decision.wake(at: failure.retryAt)
            return
        }
        guard sandbox != nil || teardown.value == nil else {
            finishStop(into: &decision)
            return
        }
        if !isGone, sandbox?.info != nil, isDraining(now: now, into: &decision) { return }
        if !isGone, sandbox?.info != nil, let action = stopStep(now: now, into: &decision) {
            decision.action = action
            return
        }
        if !isGone, sandbox?.info != nil, isAnyRunning { return }
        decision.action = .teardown
    }

    /// How long requests in flight are waited for where the pod does not say.
    static let usualDrain = TimeSpan.seconds(10)

    /// Whether requests may still be in flight, so that nothing is signalled yet. Whoever wants a pod gone at once does not wait.
    private mutating func isDraining(now: TimeSpan, into decision: inout PodDecision) -> Bool {
        var progress = stop ?? StopProgress()
        guard isServing, isAnyRunning, progress.signalledAt == nil, !progress.isDrained, gracePeriod > .zero else {
            return false
        }
        if progress.drainingSince == nil {
            progress.drainingSince = now
            decision.startsDrain = true
            stop = progress
        }
        let patience = max(pod.spec.drain ?? Self.usualDrain, progress.patience ?? .zero)
        let deadline = (progress.drainingSince ?? now) + patience
        guard now < deadline else { return false }
        decision.wake(at: deadline)
        return true
    }

    /// Takes note of how long requests may go on; WebSockets have a time of their own, which no pod's object holds because
    /// pods would have to be replaced for another one.
    mutating func noteDraining(atMost patience: TimeSpan) {
        // Nobody waits longer for a pod that has no time at all.
        if stop?.drainingSince != nil, pod.spec.drain != .zero { stop?.patience = patience }
    }

    /// Takes note that no request is in flight any more.
    mutating func noteDrained() {
        if stop?.drainingSince != nil { stop?.isDrained = true }
    }

    private func finishStop(into decision: inout PodDecision) {
        if isGone || isReleased {
            decision.isFinished = true
        } else {
            decision.action = .release
        }
    }

    var isAnyRunning: Bool { allContainers.contains { isRunning($0.name) } }

    /// How long the pod may take to stop once it was signalled.
    var gracePeriod: TimeSpan {
        .seconds(pod.metadata.deletionGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30)
    }

    private mutating func stopStep(now: TimeSpan, into decision: inout PodDecision) -> PodAction? {
        var progress = stop ?? StopProgress()
        defer { stop = progress }
        let deadline = (progress.signalledAt ?? now) + gracePeriod
        if progress.signalledAt != nil, now >= deadline {
            guard let container = nextToKill(&progress, now: now) else {
                if let round = progress.killedAt { decision.wake(at: round + Self.killPeriod) }
                return nil
            }
            return .signal(name: container.name, attempt: container.attempt, signal: 9)
        }
        let running = pod.spec.containers.filter { isRunning($0.name) }
        // Sidecars outlive the containers that they serve.
        let wave = running.isEmpty ? pod.spec.initContainers.filter { isRunning($0.name) } : running
        if let container = wave.first(where: { !progress.signalled.contains($0.name) }),
            let observation = latest(container.name)
        {
            progress.signalledAt = progress.signalledAt ?? now
            progress.signalled.insert(container.name)
            return .signal(name: container.name, attempt: observation.attempt, signal: container.stopSignalNumber)
        }
        if !wave.isEmpty { decision.wake(at: deadline) }
        return nil
    }

    /// How long after a round of kills the next one follows: a process in an uninterruptible call goes only when the call
    /// returns, and the kill that came before may have been lost with a supervisor.
    private static let killPeriod = TimeSpan.seconds(1)

    /// A running container to kill: in every round each once, so that one that cannot be killed does not keep the others
    /// alive. Nil when this round is done and the next is not due.
    private func nextToKill(_ progress: inout StopProgress, now: TimeSpan) -> ContainerObservation? {
        if progress.killedAt.map({ now >= $0 + Self.killPeriod }) ?? true {
            (progress.killedAt, progress.killed) = (now, [])
        }
        let name = allContainers.map(\.name).first { isRunning($0) && !progress.killed.contains($0) }
        guard let name else { return nil }
        progress.killed.insert(name)
        return latest(name)
    }
}
