public import ContainerRuntime
public import Model

extension PodRecord {
    /// Takes note of how an action ended, and of what the runtime has of the pod after it.
    ///
    /// - Parameter observation: what `PodRuntime.observe(podUID:)` returned after the action; nil for nothing.
    public mutating func note(
        _ action: PodAction, _ result: PodActionResult, observation: SandboxObservation?, now: TimeSpan
    ) {
        if noteSilence(result, isSupervised: observation?.info != nil, now: now) { return }
        let isFirst = !isObserved
        sandbox = observation
        isObserved = true
        lookAt = nil
        switch action {
        case .observe: if isFirst { adopt() }
        case .resolveImage(let name, let reference): noteImage(name, reference, result, now: now)
        case .prepareVolumes:
            if case .settings(let settings) = result { volumes = .done(settings) } else { fail(\.volumes, result, now) }
        case .createSandbox:
            if case .done = result { sandboxProgress = .done(true) } else { fail(\.sandboxProgress, result, now) }
        case .attachNetwork:
            if case .address(let address) = result { network = .done(address) } else { fail(\.network, result, now) }
        case .startContainer(let name, let attempt): noteStart(name, attempt, result, now: now)
        case .signal(let name, let attempt, let signal):
            if signal == 9, case .done = result, isRunning(name), containers[name]?.killedAt == nil {
                containers[name, default: ContainerRecord()].killedAt = now
            }
            noteSignal(name, attempt, signal, now: now)
        case .removeContainer: break
        case .resetSandbox:
            if case .done = result { noteReset() } else { fail(\.sandboxProgress, result, now) }
        case .teardown:
            if case .done = result { teardown = .done(true) } else { fail(\.teardown, result, now) }
        case .release:
            if case .failure = result { fail(\.teardown, result, now) } else { isReleased = true }
        }
    }

    /// Takes note of what the runtime has of the pod, when it said that something ended.
    public mutating func note(observation: SandboxObservation?) {
        sandbox = observation
        isObserved = true
    }

    /// What follows from the first observation after the agent started.
    private mutating func adopt() {
        for observation in sandbox?.containers ?? [] {
            var record = containers[observation.name] ?? ContainerRecord()
            record.attemptFloor = max(record.attemptFloor, observation.attempt)
            // Earlier attempts count as failures, so that an agent's restart does not reset a crash loop's back-off.
            record.failures = max(record.failures, min(observation.attempt, 6))
            containers[observation.name] = record
        }
    }

    private mutating func noteImage(_ name: String, _ reference: String, _ result: PodActionResult, now: TimeSpan) {
        switch result {
        case .image(let id): images[name] = .done(id)
        case .failure(let reason, let message):
            images[name] = .failed(
                failure(after: images[name]?.failure, reason: reason, message: message, now: now))
            events.append(
                PodEvent(
                    isWarning: true, reason: reason, message: "image \(reference): \(message)", container: name))
        default: break
        }
    }

    private mutating func noteStart(_ name: String, _ attempt: Int, _ result: PodActionResult, now: TimeSpan) {
        var record = containers[name] ?? ContainerRecord()
        if case .failure(let reason, let message) = result {
            record.startFailure = message
            record.attemptFloor = max(record.attemptFloor, attempt)
            if record.handledEnd != attempt {
                record.failures += 1
                record.restartAt = now + Backoff.delay(afterFailures: record.failures)
            }
            events.append(PodEvent(isWarning: true, reason: reason, message: message, container: name))
        } else {
            record.startFailure = nil
            record.restartAt = nil
            events.append(PodEvent(reason: "Started", message: "started container \(name)", container: name))
        }
        containers[name] = record
    }

    private mutating func noteSignal(_ name: String, _ attempt: Int, _ signal: Int32, now: TimeSpan) {
        guard var record = containers[name], record.probedAttempt == attempt, var ending = record.ending else { return }
        if ending.signalledAt == nil {
            ending.signalledAt = now
            events.append(
                PodEvent(
                    reason: "Killing", message: "container \(name) is restarted: \(ending.message)", container: name))
        }
        if signal == 9 { ending.killedAt = now }
        record.ending = ending
        containers[name] = record
    }

    private mutating func noteReset() {
        sandboxProgress = .pending
        network = .pending
        for name in allContainers.map(\.name) {
            guard var record = containers[name], let attempt = record.probedAttempt ?? record.handledEnd else {
                continue
            }
            record.attemptFloor = max(record.attemptFloor, attempt + 1)
            record.probedAttempt = nil
            record.isReady = false
            record.isStarted = false
            record.runningSince = nil
            containers[name] = record
        }
        events.append(
            PodEvent(
                isWarning: true, reason: "SupervisorLost",
                message: "the pod's supervisor is gone; its containers were ended and are started again"))
    }

    private mutating func fail<Value>(
        _ step: WritableKeyPath<PodRecord, Progress<Value>>, _ result: PodActionResult, _ now: TimeSpan
    ) {
        guard case .failure(let reason, let message) = result else { return }
        let previous = self[keyPath: step].failure
        self[keyPath: step] = .failed(failure(after: previous, reason: reason, message: message, now: now))
        if previous?.message != message {
            events.append(PodEvent(isWarning: true, reason: reason, message: message))
        }
    }

    private func failure(after previous: StepFailure?, reason: String, message: String, now: TimeSpan) -> StepFailure {
        let count = (previous?.count ?? 0) + 1
        return StepFailure(
            reason: reason, message: message, count: count, retryAt: now + Backoff.delay(afterFailures: count))
    }
}
