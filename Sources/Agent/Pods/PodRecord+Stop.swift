import ContainerRuntime
import Model

extension PodRecord {
    /// Decides the next step of an ordered stop: the containers are signalled, then the sidecars, then what is left is
    /// killed after the grace period; then everything is taken apart and the pod's object is released.
    mutating func decideStop(now: TimeSpan, into decision: inout PodDecision) {
        if let failure = teardown.failure, failure.retryAt > now {
            decision.wake(at: failure.retryAt)
            return
        }
        guard sandbox != nil || teardown.value == nil else {
            finishStop(into: &decision)
            return
        }
        if !isGone, sandbox?.info != nil, let action = stopStep(now: now, into: &decision) {
            decision.action = action
            return
        }
        if !isGone, sandbox?.info != nil, isAnyRunning { return }
        decision.action = .teardown
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
            progress.killedAt = progress.killedAt ?? now
            // Killing is repeated: a process in uninterruptible sleep goes only when its call returns.
            decision.wake(at: now + .seconds(1))
            return nextRunning.map { .signal(name: $0.name, attempt: $0.attempt, signal: 9) }
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

    private var nextRunning: ContainerObservation? {
        let names = allContainers.map(\.name).filter { isRunning($0) }
        guard !names.isEmpty else { return nil }
        // In turn, so that one that cannot be killed does not keep the others alive.
        return latest(names[(stop?.signalled.count ?? 0) % names.count])
    }
}
