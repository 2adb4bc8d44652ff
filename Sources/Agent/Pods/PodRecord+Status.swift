import ContainerRuntime
import Linux
import Model

extension PodRecord {
    /// The pod's status as it follows from what is known. Transition times of conditions are kept while they hold.
    func builtStatus(now: TimeSpan, wall: Timestamp) -> PodStatus {
        var next = PodStatus()
        next.hostIP = status.hostIP
        next.startTime = status.startTime ?? wall
        next.podIP = network.value ?? status.podIP
        next.userRange = sandbox?.info?.userRange?.description ?? status.userRange
        next.initContainerStatuses = pod.spec.initContainers.map { containerStatus($0, isInit: true, now: now) }
        next.containerStatuses = pod.spec.containers.map { containerStatus($0, isInit: false, now: now) }
        next.phase = phase
        if let failure = blockingFailure {
            (next.reason, next.message) = (failure.reason, failure.message)
        } else if let stuck {
            (next.reason, next.message) = (stuck.reason, stuck.message)
        }
        next.conditions = conditions(for: next, wall: wall)
        return next
    }

    private var blockingFailure: StepFailure? {
        if let silence { return silence }
        if isStopping { return teardown.failure }
        return allContainers.lazy.compactMap { images[$0.name]?.failure }.first ?? volumes.failure
            ?? sandboxProgress.failure ?? network.failure
    }

    private var phase: String {
        let ends = pod.spec.containers.map { container -> Bool? in
            guard let observation = latest(container.name) else { return nil }
            switch observation.phase {
            case .creating, .running: return nil
            case .exited, .failed: return restarts(container, isInit: false) ? nil : hasSucceeded(container.name)
            }
        }
        if status.phase == "Succeeded" || status.phase == "Failed" { return status.phase ?? "Failed" }
        if !ends.isEmpty, ends.allSatisfy({ $0 != nil }) { return ends.contains(false) ? "Failed" : "Succeeded" }
        let isInitFailed = pod.spec.initContainers.contains { container in
            guard case .exited? = latest(container.name)?.phase else { return false }
            return !container.isSidecar && !hasSucceeded(container.name) && !restarts(container, isInit: true)
        }
        if isInitFailed { return "Failed" }
        return hasStartedContainers || status.phase == "Running" ? "Running" : "Pending"
    }

    private func conditions(for next: PodStatus, wall: Timestamp) -> [Condition] {
        var result = status.conditions.isEmpty ? pod.status?.conditions ?? [] : status.conditions
        result.set(Condition("PodScheduled", true, reason: "Scheduled", message: "placed on \(nodeName)"), now: wall)
        // A sidecar that is restarted later does not take back that the pod was initialized.
        let isInitialized =
            hasStartedContainers
            || pod.spec.initContainers.allSatisfy { container in
                container.isSidecar ? containers[container.name]?.isStarted == true : hasSucceeded(container.name)
            }
        result.set(
            isInitialized
                ? Condition("Initialized", true, reason: "InitContainersDone", message: "")
                : Condition("Initialized", false, reason: "InitContainersPending", message: initMessage), now: wall)
        let sidecars = pod.spec.initContainers.filter(\.isSidecar).map(\.name)
        let serving = next.containerStatuses + next.initContainerStatuses.filter { sidecars.contains($0.name) }
        let unready = serving.filter { !$0.ready }.map(\.name)
        let isReady = unready.isEmpty && !next.containerStatuses.isEmpty && isInitialized
        let reason = isReady ? "ContainersReady" : "ContainersNotReady"
        let message = isReady ? "" : unreadyMessage(unready)
        result.set(Condition("ContainersReady", isReady, reason: reason, message: message), now: wall)
        if isStopping {
            result.set(Condition("Ready", false, reason: "Terminating", message: "the pod is stopping"), now: wall)
        } else if isReady, !isReached {
            result.set(
                Condition("Ready", false, reason: "NotReached", message: "requests do not reach the pod yet"), now: wall
            )
        } else {
            result.set(Condition("Ready", isReady, reason: reason, message: message), now: wall)
        }
        if let condition = limitCondition(result["LimitReached"]) { result.set(condition, now: wall) }
        return result
    }

    private var nodeName: String { pod.spec.nodeName ?? "this node" }

    private var initMessage: String {
        let names = pod.spec.initContainers.filter { !hasSucceeded($0.name) && !$0.isSidecar }.map(\.name)
        return "waiting for init containers: \(names.joined(separator: ", "))"
    }

    private func unreadyMessage(_ names: [String]) -> String {
        let reasons = names.map { name -> String in
            let record = containers[name]
            let failing = ProbeKind.allCases.lazy.compactMap { kind -> String? in
                guard let progress = record?.probes[kind], progress.failures > 0 else { return nil }
                return "\(kind.rawValue) probe failed \(progress.failures) times: \(progress.message ?? "")"
            }.first
            return failing.map { "\(name) (\($0))" } ?? name
        }
        return "containers not ready: \(reasons.joined(separator: ", "))"
    }

    private func containerStatus(_ container: Container, isInit: Bool, now: TimeSpan) -> ContainerStatus {
        let record = containers[container.name] ?? ContainerRecord()
        let observation = latest(container.name)
        var result = ContainerStatus()
        result.name = container.name
        result.image = container.image
        result.imageID = images[container.name]?.value?.text ?? ""
        let attempt = observation?.attempt ?? record.handledEnd ?? record.attemptFloor
        result.restartCount = max(attempt, record.knownRestarts)
        result.containerID = observation.map { containerID($0.name, $0.attempt) }
        result.state = containerState(container, observation, record, isInit: isInit, now: now)
        result.started = isRunning(container.name) && record.isStarted
        result.ready = isInit && !container.isSidecar ? hasSucceeded(container.name) : isServing(container.name, record)
        if result.state?.terminated == nil, let end = record.lastTermination {
            result.lastState = ContainerState { $0.terminated = end }
        }
        return result
    }

    private func isServing(_ name: String, _ record: ContainerRecord) -> Bool {
        isRunning(name) && record.isReady && !isStopping
    }

    private func containerState(
        _ container: Container, _ observation: ContainerObservation?, _ record: ContainerRecord, isInit: Bool,
        now: TimeSpan
    ) -> ContainerState {
        switch observation?.phase {
        case .running?:
            return ContainerState { state in
                state.running = ContainerRunning {
                    $0.startedAt = observation?.startedAt.map(Timestamp.init(nanoseconds:))
                }
            }
        case .exited?, .failed?:
            let isWaiting = !isStopping && !isFinal && restarts(container, isInit: isInit) && record.restartAt != nil
            if !isWaiting {
                return ContainerState { $0.terminated = record.lastTermination }
            }
            return waitingState(restartReason(record, now: now))
        case .creating?: return waitingState(("ContainerCreating", "the container is being made"))
        case nil: return waitingState(startReason(container, record, isInit: isInit))
        }
    }

    private func waitingState(_ reason: (String, String)) -> ContainerState {
        ContainerState { state in
            state.waiting = ContainerWaiting {
                $0.reason = reason.0
                $0.message = reason.1
            }
        }
    }

    private func restartReason(_ record: ContainerRecord, now: TimeSpan) -> (String, String) {
        let delay = Backoff.delay(afterFailures: record.failures)
        let end = record.lastTermination
        let cause = end.flatMap(\.message) ?? "exit code \(end?.exitCode ?? 0)"
        return (
            "CrashLoopBackOff",
            "restarted \(delay) after its last end (\(end?.reason ?? "Error"): \(cause)), failure \(record.failures) in a row"
        )
    }

    private func startReason(
        _ container: Container, _ record: ContainerRecord, isInit: Bool
    ) -> (String, String) {
        if let failure = images[container.name]?.failure { return (failure.reason, failure.message) }
        if let failure = record.startFailure { return ("CreateContainerError", failure) }
        if let failure = volumes.failure ?? sandboxProgress.failure ?? network.failure {
            return (failure.reason, failure.message)
        }
        if !isPrepared || isInit {
            return ("ContainerCreating", "the pod's images, volumes and network are being made")
        }
        let isWaiting = pod.spec.initContainers.contains { !$0.isSidecar && !hasSucceeded($0.name) }
        return isWaiting
            ? ("PodInitializing", initMessage) : ("ContainerCreating", "the container is being started")
    }
}
